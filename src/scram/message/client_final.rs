//! client-final-message: `c=biws,r=nonce,p=proof`.

use std::borrow::Cow;

use super::attributes::{Attributes, MessageName};
use super::{Extensions, Out};
use crate::scram::keys::Key;
use crate::scram::mechanism::Mechanism;
use crate::{error::Error, status::Status};

#[derive(Clone, Debug)]
pub(crate) struct ClientFinal<'a> {
    pub(crate) without_proof: ClientFinalWithoutProof<'a>,
    /// The text of `without_proof` as it was received.
    pub(crate) covered: &'a [u8],
    pub(crate) proof: Key,
}

/// The part of a client-final-message that its proof covers.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct ClientFinalWithoutProof<'a> {
    /// The GS2 header of the client-first-message once more.
    pub(crate) channel_binding: Cow<'a, [u8]>,
    pub(crate) nonce: &'a str,
    pub(crate) extensions: Extensions<'a>,
}

impl<'a> ClientFinal<'a> {
    pub(crate) fn parse(message: &'a [u8], mechanism: Mechanism) -> Result<Self, Error> {
        let name = MessageName::ClientFinal;
        let mut attributes = Attributes::new(name, message)?;
        let (covered, proof) = attributes.split_last('p');
        let channel_binding = decode_channel_binding(attributes.value('c')?)?;
        let nonce = attributes.nonce()?;
        let proof = proof.ok_or_else(|| name.malformed("p= is missing at its end"))?;
        let extensions = Extensions::parse(&attributes)?;
        let proof = name.key(mechanism, 'p', proof, Status::INVALID_PROOF)?;
        let without_proof = ClientFinalWithoutProof { channel_binding, nonce, extensions };
        Ok(Self { without_proof, covered: covered.as_bytes(), proof })
    }
}

/// Ends a message that was begun by [`ClientFinalWithoutProof::write`].
pub(crate) fn write_proof(proof: &Key, out: &mut impl Out) {
    out.put(b",p=");
    out.put_base64(proof.as_bytes());
}

impl ClientFinalWithoutProof<'_> {
    pub(crate) fn write(&self, out: &mut impl Out) {
        out.put(b"c=");
        out.put_base64(&self.channel_binding);
        out.put(b",r=");
        out.put(self.nonce.as_bytes());
        self.extensions.write(out);
    }
}

/// The two usual headers need no allocation.
fn decode_channel_binding(text: &str) -> Result<Cow<'static, [u8]>, Error> {
    Ok(match text {
        "biws" => Cow::Borrowed(b"n,,"),
        "eSws" => Cow::Borrowed(b"y,,"),
        _ => Cow::Owned(MessageName::ClientFinal.base64('c', text)?),
    })
}
