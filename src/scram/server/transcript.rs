//! What a server's login has to remember of its messages, in two allocations.

use core::ops::Range;

use crate::scram::message::{ClientFirst, ServerFinal, ServerFirst};

/// What has to be remembered of the client-first-message, in one buffer: the name, the GS2 header,
/// and the rest of the message.
#[derive(Debug)]
pub(super) struct Request {
    bytes: Vec<u8>,
    name_len: usize,
    gs2_end: usize,
    nonce: Range<usize>,
}

impl Request {
    pub(super) fn new(client_first: &ClientFirst<'_>) -> Self {
        let ClientFirst { gs2_header, name, nonce, extensions } = client_first;
        // Enough unless the name needs many escapes: name thrice, nonce, and what stands between.
        let room = 3 * name.len() + nonce.len() + extensions.written_len() + 16;
        let mut bytes = Vec::with_capacity(room);
        bytes.extend_from_slice(name.as_bytes());
        gs2_header.write(&mut bytes);
        let gs2_end = bytes.len();
        client_first.write_bare(&mut bytes);
        let nonce_end = bytes.len() - extensions.written_len();
        Self { bytes, name_len: name.len(), gs2_end, nonce: nonce_end - nonce.len()..nonce_end }
    }

    /// Of a message that could not be parsed, but seems to give this name.
    pub(super) fn of_name(name: &str) -> Self {
        let name_len = name.len();
        Self { bytes: name.into(), name_len, gs2_end: name_len, nonce: name_len..name_len }
    }

    pub(super) fn name(&self) -> &str {
        text(&self.bytes, 0..self.name_len)
    }

    pub(super) fn gs2_header(&self) -> &[u8] {
        self.bytes.get(self.name_len..self.gs2_end).unwrap_or_default()
    }

    pub(super) fn bare(&self) -> &[u8] {
        self.bytes.get(self.gs2_end..).unwrap_or_default()
    }

    pub(super) fn nonce(&self) -> &str {
        text(&self.bytes, self.nonce.clone())
    }
}

/// What the server says and whom for, in one buffer: the challenge, a token's owner and, in the
/// end, the server-final-message.
#[derive(Debug)]
pub(super) struct Answer {
    bytes: Vec<u8>,
    /// Of client's and server's nonce together.
    nonce_len: usize,
    challenge_len: usize,
    owner_end: usize,
}

impl Answer {
    pub(super) fn new(challenge: &ServerFirst<'_>, owner: &str) -> Self {
        let nonce_len = challenge.client_nonce.len() + challenge.server_nonce.len();
        // Room for the challenge, the owner and the server-final-message.
        let room = nonce_len + challenge.salt.len() * 4 / 3 + owner.len() + 128;
        let mut bytes = Vec::with_capacity(room);
        challenge.write(&mut bytes);
        let challenge_len = bytes.len();
        bytes.extend_from_slice(owner.as_bytes());
        let owner_end = bytes.len();
        Self { bytes, nonce_len, challenge_len, owner_end }
    }

    pub(super) fn push_server_final(&mut self, message: &ServerFinal<'_>) {
        message.write(&mut self.bytes);
    }

    pub(super) fn nonce(&self) -> &str {
        let start = "r=".len();
        text(&self.bytes, start..start + self.nonce_len)
    }

    pub(super) fn challenge(&self) -> &[u8] {
        self.bytes.get(..self.challenge_len).unwrap_or_default()
    }

    pub(super) fn owner(&self) -> &str {
        text(&self.bytes, self.challenge_len..self.owner_end)
    }

    pub(super) fn server_final(&self) -> &[u8] {
        self.bytes.get(self.owner_end..).unwrap_or_default()
    }
}

/// A part that was written from a `str`.
fn text(bytes: &[u8], range: Range<usize>) -> &str {
    bytes.get(range).and_then(|part| str::from_utf8(part).ok()).unwrap_or_default()
}
