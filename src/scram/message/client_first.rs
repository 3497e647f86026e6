//! client-first-message: `n,,n=alice,r=nonce[,tokenauth=true]`.

use std::borrow::Cow;

use super::attributes::{Attributes, MessageName};
use super::name::{decode_name, encode_name};
use super::{Extensions, Gs2Header, Out};
use crate::error::Error;

#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct ClientFirst<'a> {
    pub(crate) gs2_header: Gs2Header<'a>,
    pub(crate) name: Cow<'a, str>,
    pub(crate) nonce: &'a str,
    pub(crate) extensions: Extensions<'a>,
}

impl<'a> ClientFirst<'a> {
    #[cfg(any(test, fuzzing))]
    pub(crate) fn parse(message: &'a [u8]) -> Result<Self, Error> {
        Self::parse_and_measure(message).map(|(parsed, _)| parsed)
    }

    /// The message, and how long its GS2 header is.
    pub(crate) fn parse_and_measure(message: &'a [u8]) -> Result<(Self, usize), Error> {
        let mut attributes = Attributes::new(MessageName::ClientFirst, message)?;
        let gs2_header = Gs2Header::parse(&mut attributes)?;
        let gs2_len = message.len() - attributes.rest().map_or(0, str::len);
        let name = decode_name(MessageName::ClientFirst, 'n', attributes.value('n')?)?;
        let nonce = attributes.nonce()?;
        let extensions = Extensions::parse(&attributes)?;
        Ok((Self { gs2_header, name, nonce, extensions }, gs2_len))
    }

    /// Writes the message without its GS2 header: the part that the proof covers.
    pub(crate) fn write_bare(&self, out: &mut impl Out) {
        out.put(b"n=");
        encode_name(&self.name, out);
        out.put(b",r=");
        out.put(self.nonce.as_bytes());
        self.extensions.write(out);
    }
}

/// The name that a message which could not be parsed seems to ask for; for the audit alone.
pub(crate) fn claimed_name(message: &[u8]) -> Option<Cow<'_, str>> {
    let message = message.get(..super::MAX_MESSAGE).unwrap_or(message);
    let name = message.split(|byte| *byte == b',').nth(2)?.strip_prefix(b"n=")?;
    Some(String::from_utf8_lossy(name))
}
