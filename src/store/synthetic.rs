//! For benchmarks alone: tokens whose keys are made up, since deriving a million takes an hour, and
//! the lookup without the login around it.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256, Sha512};

use super::lookup::Whose;
use super::tokens::{self, StoredToken};
use super::{Store, StoredCredential, keys, lookup};
use crate::error::Error;
use crate::scram::{Credential, IdentityKind, Mechanism};

#[doc(hidden)]
impl Store {
    /// Writes the tokens of these numbers in one transaction, each of them alice's and as large as a
    /// real one. They expire within a second from `expiry_ms` on, in no order.
    pub fn put_synthetic_tokens(
        &self,
        numbers: impl IntoIterator<Item = u32>,
        expiry_ms: i64,
    ) -> Result<(), Error> {
        self.write(|write| {
            let key = keys::register(write, "synthetic", &[0; 32])?;
            for number in numbers {
                let expiry_ms = expiry_ms + i64::from(number.wrapping_mul(2_654_435_761) % 1000);
                tokens::put(write, &synthetic_token(number, key.number, expiry_ms)?)?;
            }
            Ok(())
        })
    }

    /// Whether there is such a token with a credential of the mechanism: what a login's lookup does.
    pub fn has_token(&self, id: &str, mechanism: Mechanism) -> Result<bool, Error> {
        self.read(|read| {
            let found = lookup::find(read, &self.0.decoys, id, IdentityKind::Token, mechanism)?;
            Ok(matches!(found.whose, Whose::Token { .. }))
        })
    }

    /// The id of the token of that number. Neighbours begin alike, so that a large store is filled
    /// in a minute.
    pub fn synthetic_token_id(number: u32) -> String {
        let digest = Sha256::digest(number.to_be_bytes());
        let (random, _) = digest.split_at(12);
        URL_SAFE_NO_PAD.encode([&number.to_be_bytes(), random].concat())
    }
}

fn synthetic_token(number: u32, key_number: u32, expiry_ms: i64) -> Result<StoredToken, Error> {
    let id = Store::synthetic_token_id(number);
    let digest = Sha512::digest(id.as_bytes());
    let mut credentials = Vec::new();
    for mechanism in Mechanism::ALL {
        let (salt, _) = digest.split_at(16);
        let (key, _) = digest.split_at(mechanism.key_len());
        let credential = Credential::new(mechanism, salt, 4096, key, key)?;
        credentials.push(StoredCredential::from(&credential));
    }
    let alice = "User:alice".to_owned();
    Ok(StoredToken {
        hmac_digest: tokens::hmac_digest(id.as_bytes()),
        id,
        key_number,
        owner: alice.clone(),
        requester: alice,
        renewers: Vec::new(),
        issue_ms: 0,
        expiry_ms,
        max_ms: expiry_ms,
        credentials,
    })
}
