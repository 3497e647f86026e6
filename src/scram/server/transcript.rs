//! What a server's login has to remember of its messages, in one buffer.

use core::ops::Range;
use std::borrow::Cow;

use super::buffer::Buffer;
use crate::scram::message::{ClientFirst, Out, ServerFinal, begin_server_first, end_server_first};

/// The client-first-message; after a comma the challenge; a token's owner; the server-final-message. So much
/// of it is there as the login has come to.
#[derive(Debug)]
pub(super) struct Transcript {
    text: Buffer,
    /// Where the client's name is, unescaped: in its message, or before it.
    name: Range<usize>,
    gs2_header: Range<usize>,
    /// Where the client's own nonce is.
    nonce: Range<usize>,
    /// Where client's and server's nonce together are, in the challenge.
    agreed_nonce: Range<usize>,
    /// Empty until there is one.
    challenge: Range<usize>,
    owner_end: usize,
}

impl Transcript {
    /// Of nothing yet.
    pub(super) fn new() -> Self {
        Self {
            text: Buffer::new(),
            name: 0..0,
            gs2_header: 0..0,
            nonce: 0..0,
            agreed_nonce: 0..0,
            challenge: 0..0,
            owner_end: 0,
        }
    }

    /// The client's name alone.
    pub(super) fn push_name(&mut self, name: &str) {
        self.name = self.text.len()..self.text.len() + name.len();
        self.text.put(name.as_bytes());
    }

    /// The client's message, and the challenge's nonce.
    pub(super) fn push_client_first(
        &mut self,
        message: &[u8],
        parsed: &ClientFirst<'_>,
        gs2_len: usize,
        server_nonce: &str,
    ) {
        if let Cow::Owned(unescaped) = &parsed.name {
            self.push_name(unescaped);
        }
        let text = &mut self.text;
        self.gs2_header = text.len()..text.len() + gs2_len;
        text.put(message);
        if let Cow::Borrowed(name) = &parsed.name {
            let start = self.gs2_header.end + "n=".len();
            self.name = start..start + name.len();
        }
        let nonce_end = text.len() - parsed.extensions.written_len();
        self.nonce = nonce_end - parsed.nonce.len()..nonce_end;
        text.put(b",");
        begin_server_first(parsed.nonce, server_nonce, text);
        let len = parsed.nonce.len() + server_nonce.len();
        self.agreed_nonce = text.len() - len..text.len();
    }

    pub(super) fn name(&self) -> &str {
        self.text(self.name.clone())
    }

    pub(super) fn gs2_header(&self) -> &[u8] {
        self.bytes(self.gs2_header.clone())
    }

    /// The client's own.
    pub(super) fn nonce(&self) -> &[u8] {
        self.bytes(self.nonce.clone())
    }

    /// Client's and server's.
    pub(super) fn agreed_nonce(&self) -> &[u8] {
        self.bytes(self.agreed_nonce.clone())
    }

    /// The rest of the challenge, and whose the token is.
    pub(super) fn push_challenge(&mut self, salt: &[u8], iterations: u32, owner: &str) {
        end_server_first(salt, iterations, &mut self.text);
        self.challenge = self.agreed_nonce.start - "r=".len()..self.text.len();
        self.text.put(owner.as_bytes());
        self.owner_end = self.text.len();
    }

    pub(super) fn challenge(&self) -> &[u8] {
        self.bytes(self.challenge.clone())
    }

    /// What the AuthMessage begins with: the client-first-message without its GS2 header, and the
    /// challenge.
    pub(super) fn covered(&self) -> &[u8] {
        self.bytes(self.gs2_header.end..self.challenge.end)
    }

    pub(super) fn owner(&self) -> &str {
        self.text(self.challenge.end..self.owner_end)
    }

    pub(super) fn push_server_final(&mut self, message: &ServerFinal<'_>) {
        message.write(&mut self.text);
    }

    pub(super) fn server_final(&self) -> &[u8] {
        self.bytes(self.owner_end..self.text.len())
    }

    fn bytes(&self, range: Range<usize>) -> &[u8] {
        self.text.bytes().get(range).unwrap_or_default()
    }

    /// A part that was written from a `str`.
    fn text(&self, range: Range<usize>) -> &str {
        str::from_utf8(self.bytes(range)).unwrap_or_default()
    }
}
