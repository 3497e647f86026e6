//! The keys of RFC 5802, section 3, and the arithmetic between them.

use core::fmt;
use core::sync::atomic::{AtomicBool, Ordering};

use hmac::Hmac;
use hmac::digest::{Digest, FixedOutput, KeyInit, Update};
use sha2::{Sha256, Sha512};
use subtle::{Choice, ConstantTimeEq};
use zeroize::Zeroize;

use super::mechanism::Mechanism;

/// The longest key, in bytes.
pub(crate) const MAX_KEY_LEN: usize = 64;

/// As many bytes as the mechanism's hash has: a key, a signature or a proof. Zeroed on drop.
#[derive(Clone)]
pub(crate) struct Key {
    bytes: [u8; MAX_KEY_LEN],
    len: usize,
}

impl Key {
    /// Copies `bytes`, which must be as long as the mechanism's keys are.
    pub(crate) fn from_slice(mechanism: Mechanism, bytes: &[u8]) -> Option<Self> {
        (bytes.len() == mechanism.key_len()).then(|| Self::copy_of(bytes))
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }

    /// `self XOR other`; both of one mechanism.
    pub(crate) fn xor(mut self, other: &Self) -> Self {
        for (byte, other) in self.bytes.iter_mut().zip(other.bytes) {
            *byte ^= other;
        }
        self
    }

    fn copy_of(bytes: &[u8]) -> Self {
        let mut key = Self { bytes: [0; MAX_KEY_LEN], len: bytes.len().min(MAX_KEY_LEN) };
        for (to, from) in key.bytes.iter_mut().zip(bytes) {
            *to = *from;
        }
        key
    }
}

impl Drop for Key {
    fn drop(&mut self) {
        self.bytes.zeroize();
    }
}

impl ConstantTimeEq for Key {
    fn ct_eq(&self, other: &Self) -> Choice {
        self.as_bytes().ct_eq(other.as_bytes())
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(..)")
    }
}

/// Tells a running [`salted_password`] to stop.
#[derive(Default, Debug)]
pub struct Cancel(AtomicBool);

impl Cancel {
    /// Asks for the stop; from any thread, once is enough.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether the stop was asked for.
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// `SaltedPassword := Hi(Normalize(password), salt, i)`, without Normalize: Kafka hashes the raw
/// UTF-8. None when cancelled.
///
/// The crate pbkdf2 computes the same (the tests compare), but cannot be stopped half way.
pub(crate) fn salted_password(
    mechanism: Mechanism,
    password: &[u8],
    salt: &[u8],
    iterations: u32,
    cancel: &Cancel,
) -> Option<Key> {
    match mechanism {
        Mechanism::ScramSha256 => hi::<Hmac<Sha256>>(password, salt, iterations, cancel),
        Mechanism::ScramSha512 => hi::<Hmac<Sha512>>(password, salt, iterations, cancel),
    }
}

/// `HMAC(key, message)`, of a message in parts.
pub(crate) fn hmac(mechanism: Mechanism, key: &[u8], parts: &[&[u8]]) -> Key {
    match mechanism {
        Mechanism::ScramSha256 => hmac_of::<Hmac<Sha256>>(key, parts),
        Mechanism::ScramSha512 => hmac_of::<Hmac<Sha512>>(key, parts),
    }
}

/// `H(message)`.
pub(crate) fn hash(mechanism: Mechanism, message: &[u8]) -> Key {
    match mechanism {
        Mechanism::ScramSha256 => Key::copy_of(&Sha256::digest(message)),
        Mechanism::ScramSha512 => Key::copy_of(&Sha512::digest(message)),
    }
}

/// What a client needs for a login, all made from the salted password.
#[derive(Debug)]
pub(crate) struct ClientKeys {
    pub(crate) client_key: Key,
    pub(crate) stored_key: Key,
    pub(crate) server_key: Key,
}

impl ClientKeys {
    pub(crate) fn from_salted_password(mechanism: Mechanism, salted_password: &Key) -> Self {
        let client_key = hmac(mechanism, salted_password.as_bytes(), &[b"Client Key"]);
        let stored_key = hash(mechanism, client_key.as_bytes());
        let server_key = hmac(mechanism, salted_password.as_bytes(), &[b"Server Key"]);
        Self { client_key, stored_key, server_key }
    }
}

/// How many iterations pass between two looks at the cancel flag: some 0.1 ms.
const CANCEL_INTERVAL: u32 = 1024;

/// `Hi()` of RFC 5802, section 2.2, with the pseudo-random function `P`.
fn hi<P: KeyInit + Update + FixedOutput + Clone>(
    password: &[u8],
    salt: &[u8],
    iterations: u32,
    cancel: &Cancel,
) -> Option<Key> {
    let keyed = keyed::<P>(password);
    let mut u = keyed.clone().chain(salt).chain(1u32.to_be_bytes()).finalize_fixed();
    let mut result = u.clone();
    for round in 1..iterations {
        if round % CANCEL_INTERVAL == 0 && cancel.is_cancelled() {
            result.zeroize();
            u.zeroize();
            return None;
        }
        let mut next = keyed.clone();
        next.update(&u);
        next.finalize_into(&mut u);
        for (sum, byte) in result.iter_mut().zip(&u) {
            *sum ^= byte;
        }
    }
    let key = Key::copy_of(&result);
    result.zeroize();
    u.zeroize();
    Some(key)
}

fn hmac_of<P: KeyInit + Update + FixedOutput>(key: &[u8], parts: &[&[u8]]) -> Key {
    let mut mac = keyed::<P>(key);
    for part in parts {
        mac.update(part);
    }
    let mut mac = mac.finalize_fixed();
    let key = Key::copy_of(&mac);
    mac.zeroize();
    key
}

#[expect(clippy::expect_used, reason = "HMAC takes keys of every length (RFC 2104, section 2)")]
fn keyed<P: KeyInit>(key: &[u8]) -> P {
    P::new_from_slice(key).expect("HMAC takes keys of every length")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hi_sha256(password: &[u8], salt: &[u8], iterations: u32) -> Key {
        salted_password(Mechanism::ScramSha256, password, salt, iterations, &Cancel::default())
            .unwrap()
    }

    #[test]
    fn hi_is_pbkdf2() {
        // The peer is the crate pbkdf2.
        for iterations in [1, 2, 1023, 1024, 1025, 4096] {
            let mut expected = [0; 32];
            pbkdf2::pbkdf2_hmac::<Sha256>(b"pencil", b"a salt", iterations, &mut expected);
            assert_eq!(hi_sha256(b"pencil", b"a salt", iterations).as_bytes(), expected);
            let mut expected = [0; 64];
            pbkdf2::pbkdf2_hmac::<Sha512>(b"pencil", b"a salt", iterations, &mut expected);
            let key = salted_password(
                Mechanism::ScramSha512,
                b"pencil",
                b"a salt",
                iterations,
                &Cancel::default(),
            );
            assert_eq!(key.unwrap().as_bytes(), expected);
        }
    }

    #[test]
    fn a_cancelled_hash_gives_nothing() {
        let cancel = Cancel::default();
        cancel.cancel();
        let key = salted_password(Mechanism::ScramSha256, b"pencil", b"salt", 4096, &cancel);
        assert!(key.is_none());
    }

    #[test]
    fn debug_shows_no_key() {
        assert_eq!(format!("{:?}", hi_sha256(b"pencil", b"salt", 1)), "Key(..)");
    }
}
