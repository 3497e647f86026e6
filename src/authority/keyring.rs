//! The secret keys that a manager holds: every one verifies, one signs.

use std::sync::Arc;

use super::secret_key::SecretKey;
use crate::{error::Error, status::Status};

/// Keys by the names and numbers that the store knows them by.
#[derive(Default)]
pub(super) struct Keyring {
    keys: Vec<HeldKey>,
    /// The number of the one that signs; there is one as soon as there are keys.
    signing: u32,
}

#[derive(Clone)]
pub(super) struct HeldKey {
    pub(super) number: u32,
    pub(super) name: String,
    pub(super) secret: Arc<SecretKey>,
}

impl Keyring {
    /// The first one signs.
    pub(super) fn add(&mut self, key: HeldKey) {
        if self.keys.is_empty() {
            self.signing = key.number;
        }
        if self.of_number(key.number).is_none() {
            self.keys.push(key);
        }
    }

    pub(super) fn remove(&mut self, number: u32) {
        self.keys.retain(|key| key.number != number);
    }

    /// # Errors
    ///
    /// `INVALID_ARGUMENT` for a name that this keyring lacks.
    pub(super) fn set_signing(&mut self, name: &str) -> Result<(), Error> {
        let key = self.keys.iter().find(|key| key.name == name).ok_or_else(|| {
            let text = format!("the manager has no secret key {name:?}: add it first");
            Error::new(Status::INVALID_ARGUMENT, text)
        })?;
        self.signing = key.number;
        Ok(())
    }

    /// # Errors
    ///
    /// `TOKEN_AUTH_DISABLED` where there is no key at all.
    pub(super) fn signing(&self) -> Result<&HeldKey, Error> {
        self.of_number(self.signing).ok_or_else(|| {
            let text = "tokens are switched off: the manager has no secret key";
            Error::new(Status::TOKEN_AUTH_DISABLED, text)
        })
    }

    pub(super) fn of_number(&self, number: u32) -> Option<&HeldKey> {
        self.keys.iter().find(|key| key.number == number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(number: u32) -> HeldKey {
        let secret = Arc::new(SecretKey::new(&[1; 16]).unwrap());
        HeldKey { number, name: format!("key {number}"), secret }
    }

    #[test]
    fn the_first_key_signs_until_another_is_named() {
        let mut keyring = Keyring::default();
        assert_eq!(keyring.signing().err().unwrap().status(), Status::TOKEN_AUTH_DISABLED);
        for number in [7, 3, 7] {
            keyring.add(key(number));
        }
        assert_eq!((keyring.signing().unwrap().number, keyring.keys.len()), (7, 2));
        assert!(keyring.set_signing("key 4").is_err());
        keyring.set_signing("key 3").unwrap();
        keyring.remove(7);
        assert_eq!(keyring.signing().unwrap().number, 3);
        assert!(keyring.of_number(7).is_none());
    }
}
