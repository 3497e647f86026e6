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

    /// Of as many bytes as the mechanism's keys have.
    pub(super) fn copy_of(bytes: &[u8]) -> Self {
        let mut key = Self { bytes: [0; MAX_KEY_LEN], len: bytes.len().min(MAX_KEY_LEN) };
        if let (Some(to), Some(from)) = (key.bytes.get_mut(..key.len), bytes.get(..key.len)) {
            to.copy_from_slice(from);
        }
        key
    }
}

impl Drop for Key {
    fn drop(&mut self) {
        if self.len > 0 {
            // As a slice it is zeroed at once, as an array byte by byte.
            self.bytes.as_mut_slice().zeroize();
        }
    }
}

impl ConstantTimeEq for Key {
    fn ct_eq(&self, other: &Self) -> Choice {
        // Word by word: subtle hides each comparison from the compiler.
        let words = |key: &Self| -> [u64; MAX_KEY_LEN / 8] {
            let (words, _) = key.bytes.as_chunks();
            core::array::from_fn(|place| {
                words.get(place).map_or(0, |word| u64::from_ne_bytes(*word))
            })
        };
        words(self).ct_eq(&words(other)) & self.len.ct_eq(&other.len)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(..)")
    }
}

/// Tells a client that is hashing to stop.
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

    #[test]
    fn debug_shows_no_key() {
        assert_eq!(format!("{:?}", hash(Mechanism::ScramSha256, b"pencil")), "Key(..)");
    }
}
