//! A secret key, and what of a token is made from it: KIP-48's `delegation.token.secret.key`.

use core::fmt;

use base64::{Engine, engine::general_purpose::STANDARD};
use zeroize::Zeroizing;

use crate::scram::{Mechanism, SALT_LEN, hmac};
use crate::{error::Error, status::Status};

/// The key that makes the HMACs of tokens. Zeroed on drop.
pub(crate) struct SecretKey(Zeroizing<Vec<u8>>);

/// Tells secret keys apart, and nothing of what they are.
pub(crate) type Fingerprint = [u8; 32];

/// The shortest secret key, in bytes: 128 bits.
const MIN_LEN: usize = 16;

impl SecretKey {
    /// # Errors
    ///
    /// `INVALID_ARGUMENT` for fewer than 16 bytes.
    pub(crate) fn new(secret: &[u8]) -> Result<Self, Error> {
        if secret.len() < MIN_LEN {
            let text = format!(
                "the secret key has {} bytes, and fewer than {MIN_LEN} can be guessed: make one by \
                 `scramtoken secret-key generate`",
                secret.len()
            );
            return Err(Error::new(Status::INVALID_ARGUMENT, text));
        }
        Ok(Self(Zeroizing::new(secret.to_vec())))
    }

    /// The HMAC of a token, as base64 text: HMAC-SHA-512 of its id, as in Kafka.
    pub(crate) fn token_hmac(&self, id: &str) -> Zeroizing<String> {
        let mac = hmac(Mechanism::ScramSha512, &self.0, &[id.as_bytes()]);
        Zeroizing::new(STANDARD.encode(mac.as_bytes()))
    }

    /// The salt of a token's credential, the same on every server that holds the key. A key of its
    /// own makes it, since salts are told to whoever asks.
    pub(crate) fn salt(&self, mechanism: Mechanism, id: &str) -> [u8; SALT_LEN] {
        let key = hmac(Mechanism::ScramSha256, &self.0, &[b"scramtoken/salt/v1"]);
        let parts = [mechanism.name().as_bytes(), b"\0", id.as_bytes()];
        let mac = hmac(Mechanism::ScramSha256, key.as_bytes(), &parts);
        mac.as_bytes().first_chunk().copied().unwrap_or_default()
    }

    pub(crate) fn fingerprint(&self) -> Fingerprint {
        let mac = hmac(Mechanism::ScramSha256, &self.0, &[b"scramtoken/fingerprint/v1"]);
        mac.as_bytes().first_chunk().copied().unwrap_or_default()
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretKey(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &[u8] = b"sixteen bytes or";
    /// Of SECRET and this id, by Kafka 4.4.0's DelegationTokenManager.createHmac.
    const ID: &str = "9MTmu5fCTYKFRIGyyhLjTA";
    const HMAC: &str = "oz5NFdOX+laSbVuqrE77T3iHL3AV05qkFe8EHbPNw1A+LwJ6xND9vuvKEWiA\
                        5z3YvFuSha0V+hTAoOD8JyZDPg==";

    #[test]
    fn the_hmac_is_kafkas() {
        assert_eq!(SecretKey::new(SECRET).unwrap().token_hmac(ID).as_str(), HMAC);
    }

    #[test]
    fn what_is_made_of_a_key_is_all_different() {
        let key = SecretKey::new(SECRET).unwrap();
        let salts: Vec<_> = Mechanism::ALL
            .iter()
            .flat_map(|mechanism| ["a", "b"].map(|id| key.salt(*mechanism, id)))
            .collect();
        for (at, salt) in salts.iter().enumerate() {
            assert!(!salts[..at].contains(salt));
            assert!(!key.fingerprint().starts_with(salt));
        }
        assert_eq!(key.salt(Mechanism::ScramSha256, "a"), salts[0]);
        assert_ne!(key.fingerprint(), SecretKey::new(b"another of sixteen").unwrap().fingerprint());
        assert_eq!(format!("{key:?}"), "SecretKey(..)");
    }

    #[test]
    fn a_short_key_is_refused() {
        let error = SecretKey::new(&SECRET[1..]).unwrap_err();
        assert_eq!(error.status(), Status::INVALID_ARGUMENT);
        assert!(error.text().contains("15 bytes"));
    }
}
