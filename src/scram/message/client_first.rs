//! client-first-message: `n,,n=alice,r=nonce[,tokenauth=true]`.

use std::borrow::Cow;

use super::attributes::{Attributes, MessageName};
use super::name::{decode_name, encode_name};
use super::{Extensions, Gs2Header};
use crate::error::Error;

#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct ClientFirst<'a> {
    pub(crate) gs2_header: Gs2Header<'a>,
    pub(crate) name: Cow<'a, str>,
    pub(crate) nonce: &'a str,
    pub(crate) extensions: Extensions<'a>,
}

impl<'a> ClientFirst<'a> {
    pub(crate) fn parse(message: &'a [u8]) -> Result<Self, Error> {
        let mut attributes = Attributes::new(MessageName::ClientFirst, message)?;
        let gs2_header = Gs2Header::parse(&mut attributes)?;
        let name = decode_name(MessageName::ClientFirst, 'n', attributes.value('n')?)?;
        let nonce = attributes.nonce()?;
        let extensions = Extensions::parse(&attributes)?;
        Ok(Self { gs2_header, name, nonce, extensions })
    }

    /// Writes the message without its GS2 header: the part that the proof covers.
    pub(crate) fn write_bare(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"n=");
        encode_name(&self.name, out);
        out.extend_from_slice(b",r=");
        out.extend_from_slice(self.nonce.as_bytes());
        self.extensions.write(out);
    }
}

/// The name that a message which could not be parsed seems to ask for; for the audit alone.
pub(crate) fn claimed_name(message: &[u8]) -> Option<Cow<'_, str>> {
    let message = message.get(..super::MAX_MESSAGE).unwrap_or(message);
    let name = message.split(|byte| *byte == b',').nth(2)?.strip_prefix(b"n=")?;
    Some(String::from_utf8_lossy(name))
}
