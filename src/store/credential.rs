//! Credentials as users' and tokens' records have them.

use super::record::{Decoder, Encoder};
use crate::error::Error;
use crate::scram::{Credential, Mechanism, StoredKeys};

/// A credential with a salt of its own. The keys are zeroed on drop.
#[derive(Clone, Debug)]
pub(crate) struct StoredCredential {
    pub(crate) mechanism: Mechanism,
    pub(crate) salt: Vec<u8>,
    pub(crate) iterations: u32,
    pub(crate) keys: StoredKeys,
}

impl StoredCredential {
    pub(super) fn encode(&self, encoder: &mut Encoder) -> Result<(), Error> {
        encoder.u8(tag(self.mechanism));
        encoder.u32(self.iterations);
        encoder.bytes(&self.salt)?;
        encoder.array(self.keys.stored_key());
        encoder.array(self.keys.server_key());
        Ok(())
    }
}

impl From<&Credential<'_>> for StoredCredential {
    fn from(credential: &Credential<'_>) -> Self {
        Self {
            mechanism: credential.mechanism(),
            salt: credential.salt().to_vec(),
            iterations: credential.iterations(),
            keys: credential.keys(),
        }
    }
}

/// A credential in the store's own memory, not copied yet.
#[derive(Clone, Copy)]
pub(super) struct CredentialRef<'a> {
    pub(super) mechanism: Mechanism,
    pub(super) iterations: u32,
    salt: &'a [u8],
    stored_key: &'a [u8],
    server_key: &'a [u8],
}

impl<'a> CredentialRef<'a> {
    pub(super) fn decode(decoder: &mut Decoder<'a, '_>) -> Result<Self, Error> {
        let tag_read = decoder.u8()?;
        let mut known = Mechanism::ALL.into_iter();
        let mechanism =
            known.find(|known| tag(*known) == tag_read).ok_or_else(|| decoder.damaged())?;
        Ok(Self {
            mechanism,
            iterations: decoder.u32()?,
            salt: decoder.bytes()?,
            stored_key: decoder.take(mechanism.key_len())?,
            server_key: decoder.take(mechanism.key_len())?,
        })
    }

    pub(super) fn credential(self, decoder: &Decoder<'_, '_>) -> Result<Credential<'a>, Error> {
        let Self { mechanism, iterations, salt, stored_key, server_key } = self;
        Credential::new(mechanism, salt, iterations, stored_key, server_key)
            .map_err(|_| decoder.damaged())
    }
}

/// The mechanism's number in keys and records.
pub(super) fn tag(mechanism: Mechanism) -> u8 {
    match mechanism {
        Mechanism::ScramSha256 => 1,
        Mechanism::ScramSha512 => 2,
    }
}
