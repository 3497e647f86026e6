//! What a server keeps of a password: RFC 5802, section 3, "authentication information".

use core::fmt;
use core::num::NonZeroU32;

use super::hi::{salted_password, salted_passwords};
use super::keys::{Cancel, ClientKeys, Key};
use super::mechanism::Mechanism;
use crate::{error::Error, status::Status};

/// The longest salt, in bytes; a longer one would not leave a challenge room in its message.
pub const MAX_SALT_LEN: usize = 1024;

/// Salt, iteration count, stored key and server key of one name. Whoever has it can pose as the
/// server, but cannot log in as the client.
#[derive(Clone, Copy)]
pub struct Credential<'a> {
    pub(super) mechanism: Mechanism,
    pub(super) salt: &'a [u8],
    pub(super) iterations: NonZeroU32,
    stored_key: &'a [u8],
    server_key: &'a [u8],
}

impl<'a> Credential<'a> {
    /// Checks a credential that comes from wherever it is kept.
    ///
    /// # Errors
    ///
    /// `INVALID_ARGUMENT` unless the salt has 1 to [`MAX_SALT_LEN`] bytes, both keys have the
    /// mechanism's length and there is at least one iteration.
    pub fn new(
        mechanism: Mechanism,
        salt: &'a [u8],
        iterations: u32,
        stored_key: &'a [u8],
        server_key: &'a [u8],
    ) -> Result<Self, Error> {
        check_salt(salt)?;
        let iterations = check_iterations(iterations)?;
        check_key("stored key", mechanism, stored_key)?;
        check_key("server key", mechanism, server_key)?;
        Ok(Self { mechanism, salt, iterations, stored_key, server_key })
    }

    /// The mechanism that it is for.
    pub fn mechanism(&self) -> Mechanism {
        self.mechanism
    }

    /// 1 to [`MAX_SALT_LEN`] bytes.
    pub fn salt(&self) -> &'a [u8] {
        self.salt
    }

    /// How often PBKDF2 iterates, from 1.
    pub fn iterations(&self) -> u32 {
        self.iterations.get()
    }

    /// A copy of stored key and server key.
    pub fn keys(&self) -> StoredKeys {
        let Self { stored_key, server_key, .. } = self;
        StoredKeys { stored_key: Key::copy_of(stored_key), server_key: Key::copy_of(server_key) }
    }
}

impl fmt::Debug for Credential<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Credential({}, ..)", self.mechanism.name())
    }
}

/// The two keys of a credential. Zeroed on drop.
#[derive(Clone)]
pub struct StoredKeys {
    pub(super) stored_key: Key,
    pub(super) server_key: Key,
}

impl StoredKeys {
    /// Derives the keys from a password, or from a token's HMAC (its base64 text).
    ///
    /// # Errors
    ///
    /// `INVALID_ARGUMENT` for an empty password, a salt that is not 1 to [`MAX_SALT_LEN`] bytes
    /// long, or no iterations.
    pub fn derive(
        mechanism: Mechanism,
        password: &[u8],
        salt: &[u8],
        iterations: u32,
    ) -> Result<Self, Error> {
        check_derivable(password, salt, iterations)?;
        let salted = salted_password(mechanism, password, salt, iterations, &Cancel::default())
            .ok_or_else(|| Error::new(Status::INTERNAL, "a hash that nobody can cancel was"))?;
        Ok(Self::from_salted_password(mechanism, &salted))
    }

    /// Derives the keys of many, each from a password and a salt, in their order: in about half the
    /// time that they take one after the other, where the processor can do several at once (AVX2, SHA
    /// instructions). On the calling thread.
    ///
    /// # Errors
    ///
    /// For each as of [`derive`](Self::derive).
    pub fn derive_many(
        mechanism: Mechanism,
        iterations: u32,
        of: &[(&[u8], &[u8])],
    ) -> Vec<Result<Self, Error>> {
        let check = |(password, salt): &(&[u8], &[u8])| check_derivable(password, salt, iterations);
        let checked: Vec<Result<(), Error>> = of.iter().map(check).collect();
        let good = of.iter().zip(&checked).filter(|(_, checked)| checked.is_ok());
        let good: Vec<(&[u8], &[u8])> = good.map(|(of, _)| *of).collect();
        let mut salted = salted_passwords(mechanism, iterations, &good).into_iter();
        let mut keys = |()| {
            let missing = || Error::new(Status::INTERNAL, "there are fewer hashes than passwords");
            let salted = salted.next().ok_or_else(missing)?;
            Ok(Self::from_salted_password(mechanism, &salted))
        };
        checked.into_iter().map(|checked| checked.and_then(&mut keys)).collect()
    }

    /// Of nobody. Both have the length of no mechanism's keys.
    pub(super) fn zero() -> Self {
        Self { stored_key: Key::copy_of(b""), server_key: Key::copy_of(b"") }
    }

    fn from_salted_password(mechanism: Mechanism, salted: &Key) -> Self {
        let keys = ClientKeys::from_salted_password(mechanism, salted);
        Self { stored_key: keys.stored_key, server_key: keys.server_key }
    }

    /// `H(ClientKey)`, as long as the mechanism's keys.
    pub fn stored_key(&self) -> &[u8] {
        self.stored_key.as_bytes()
    }

    /// `HMAC(SaltedPassword, "Server Key")`, as long as the mechanism's keys.
    pub fn server_key(&self) -> &[u8] {
        self.server_key.as_bytes()
    }
}

impl fmt::Debug for StoredKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StoredKeys(..)")
    }
}

fn check_derivable(password: &[u8], salt: &[u8], iterations: u32) -> Result<(), Error> {
    check_secret("password", password)?;
    check_salt(salt)?;
    check_iterations(iterations).map(drop)
}

/// `what` begins the error's text.
pub(super) fn check_secret(what: &str, secret: &[u8]) -> Result<(), Error> {
    if secret.is_empty() {
        return Err(invalid(format!("the {what} is empty")));
    }
    Ok(())
}

fn check_salt(salt: &[u8]) -> Result<(), Error> {
    if !(1..=MAX_SALT_LEN).contains(&salt.len()) {
        let len = salt.len();
        return Err(invalid(format!("the salt has {len} bytes and not 1 to {MAX_SALT_LEN}")));
    }
    Ok(())
}

fn check_iterations(iterations: u32) -> Result<NonZeroU32, Error> {
    NonZeroU32::new(iterations).ok_or_else(|| invalid("the iteration count is 0".to_owned()))
}

fn check_key(what: &str, mechanism: Mechanism, key: &[u8]) -> Result<(), Error> {
    let (name, is, has) = (mechanism.name(), key.len(), mechanism.key_len());
    if is != has {
        return Err(invalid(format!("the {what} has {is} bytes, and one of {name} has {has}")));
    }
    Ok(())
}

fn invalid(text: String) -> Error {
    Error::new(Status::INVALID_ARGUMENT, text)
}
