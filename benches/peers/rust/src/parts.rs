//! What SCRAM is made of, by the fastest crates that there are.
#![allow(dead_code, reason = "each of the two programs needs some of it")]

use hmac::digest::KeyInit;
use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256, Sha512};

pub(crate) trait Hash: AsRef<[u8]> + AsMut<[u8]> + Copy {
    const LEN: usize;
    const ZERO: Self;
}

impl Hash for [u8; 32] {
    const LEN: usize = 32;
    const ZERO: Self = [0; 32];
}

impl Hash for [u8; 64] {
    const LEN: usize = 64;
    const ZERO: Self = [0; 64];
}

pub(crate) trait Parts: 'static {
    type Hash: Hash;
    /// HMAC with its key, one block of each hash done: its midstates.
    type Key: Clone;

    fn key(bytes: impl AsRef<[u8]>) -> Self::Key;
    fn hmac(key: &Self::Key, message: &[u8]) -> Self::Hash;
    fn hash(message: &[u8]) -> Self::Hash;
    fn pbkdf2(password: &[u8], salt: &[u8], iterations: u32) -> Self::Hash;
}

pub(crate) struct RustCrypto256;
pub(crate) struct RustCrypto512;
pub(crate) struct Ring256;
pub(crate) struct Ring512;

macro_rules! rust_crypto {
    ($parts:ty, $hash:ty, $len:literal) => {
        impl Parts for $parts {
            type Hash = [u8; $len];
            type Key = Hmac<$hash>;

            fn key(bytes: impl AsRef<[u8]>) -> Self::Key {
                Hmac::new_from_slice(bytes.as_ref()).unwrap()
            }

            fn hmac(key: &Self::Key, message: &[u8]) -> Self::Hash {
                key.clone().chain_update(message).finalize().into_bytes().into()
            }

            fn hash(message: &[u8]) -> Self::Hash {
                <$hash>::digest(message).into()
            }

            fn pbkdf2(password: &[u8], salt: &[u8], iterations: u32) -> Self::Hash {
                pbkdf2::pbkdf2_hmac_array::<$hash, $len>(password, salt, iterations)
            }
        }
    };
}

rust_crypto!(RustCrypto256, Sha256, 32);
rust_crypto!(RustCrypto512, Sha512, 64);

macro_rules! ring {
    ($parts:ty, $hmac:ident, $hash:ident, $pbkdf2:ident, $len:literal) => {
        impl Parts for $parts {
            type Hash = [u8; $len];
            type Key = ring::hmac::Key;

            fn key(bytes: impl AsRef<[u8]>) -> Self::Key {
                ring::hmac::Key::new(ring::hmac::$hmac, bytes.as_ref())
            }

            fn hmac(key: &Self::Key, message: &[u8]) -> Self::Hash {
                ring::hmac::sign(key, message).as_ref().try_into().unwrap()
            }

            fn hash(message: &[u8]) -> Self::Hash {
                ring::digest::digest(&ring::digest::$hash, message).as_ref().try_into().unwrap()
            }

            fn pbkdf2(password: &[u8], salt: &[u8], iterations: u32) -> Self::Hash {
                let mut salted = [0; $len];
                let iterations = iterations.try_into().unwrap();
                ring::pbkdf2::derive(
                    ring::pbkdf2::$pbkdf2,
                    iterations,
                    salt,
                    password,
                    &mut salted,
                );
                salted
            }
        }
    };
}

ring!(Ring256, HMAC_SHA256, SHA256, PBKDF2_HMAC_SHA256, 32);
ring!(Ring512, HMAC_SHA512, SHA512, PBKDF2_HMAC_SHA512, 64);
