//! `Hi()` of RFC 5802, section 2.2: PBKDF2 (RFC 8018, section 5.2) with one block of output.
//!
//! ```text
//! chain          the iterations of one password, one after the other
//! many           of many passwords at once
//! side_by_side   several chains on one thread, by what the processor has:
//! sha_ni         four chains of SHA-256, by the SHA instructions
//! avx2           eight chains of SHA-256, or four of SHA-512, in the lanes of vectors
//! ```

#[cfg(target_arch = "x86_64")]
mod avx2;
mod chain;
mod many;
#[cfg(target_arch = "x86_64")]
mod sha_ni;
#[cfg(target_arch = "x86_64")]
mod side_by_side;

use super::compression::{Hash, SHA_256, SHA_512, Word};
use super::keys::{Cancel, Key};
use super::mechanism::Mechanism;
use super::stack::wipe_dead;

pub(crate) use many::salted_passwords;

/// `SaltedPassword := Hi(Normalize(password), salt, i)`, without Normalize: Kafka hashes the raw
/// UTF-8. None when cancelled.
pub(crate) fn salted_password(
    mechanism: Mechanism,
    password: &[u8],
    salt: &[u8],
    iterations: u32,
    cancel: &Cancel,
) -> Option<Key> {
    let salted = hi(mechanism, password, salt, iterations, cancel);
    wipe_dead::<DEAD_WORDS>();
    salted
}

/// Never inlined, so that what it leaves on the stack lies below the caller.
#[inline(never)]
fn hi(
    mechanism: Mechanism,
    password: &[u8],
    salt: &[u8],
    iterations: u32,
    cancel: &Cancel,
) -> Option<Key> {
    match mechanism {
        Mechanism::ScramSha256 => iterate(&SHA_256, password, salt, iterations, cancel),
        Mechanism::ScramSha512 => iterate(&SHA_512, password, salt, iterations, cancel),
    }
}

fn iterate<W: Word, const BLOCK: usize>(
    hash: &Hash<W, BLOCK>,
    password: &[u8],
    salt: &[u8],
    iterations: u32,
    cancel: &Cancel,
) -> Option<Key> {
    let mut chain = hash.begin(password, salt);
    let mut left = further(iterations);
    while left > 0 {
        if cancel.is_cancelled() {
            return None;
        }
        let some = left.min(CANCEL_INTERVAL);
        hash.advance(&mut chain, some);
        left -= some;
    }
    Some(hash.key(&chain))
}

/// How many iterations follow the one that a chain begins with.
fn further(iterations: u32) -> u32 {
    iterations.saturating_sub(1)
}

/// Several times what hashing takes.
const DEAD_WORDS: usize = 2048;

/// How many iterations pass between two looks at the cancel flag: some 0.1 ms.
const CANCEL_INTERVAL: u32 = 1024;

#[cfg(test)]
mod tests {
    use sha2::{Sha256, Sha512};

    use super::*;

    /// Miri takes seconds for a thousand.
    const MANY: &[u32] = if cfg!(miri) { &[3] } else { &[1023, 1024, 1025, 1026, 4096] };

    #[test]
    fn hi_is_pbkdf2() {
        // The peer is the crate pbkdf2. Passwords end before, with and after a block of either hash.
        let password = [b'x'; 200];
        for len in [1, 6, 31, 32, 33, 63, 64, 65, 88, 127, 128, 129, 200] {
            let password = &password[..len];
            for iterations in [1, 2, 5] {
                compare(password, b"a salt", iterations);
            }
        }
        for iterations in MANY {
            compare(b"pencil", &[b's'; 100], *iterations);
        }
    }

    fn compare(password: &[u8], salt: &[u8], iterations: u32) {
        let hi = |mechanism| {
            salted_password(mechanism, password, salt, iterations, &Cancel::default()).unwrap()
        };
        let mut expected = [0; 32];
        pbkdf2::pbkdf2_hmac::<Sha256>(password, salt, iterations, &mut expected);
        assert_eq!(hi(Mechanism::ScramSha256).as_bytes(), expected);
        let mut expected = [0; 64];
        pbkdf2::pbkdf2_hmac::<Sha512>(password, salt, iterations, &mut expected);
        assert_eq!(hi(Mechanism::ScramSha512).as_bytes(), expected);
    }

    #[test]
    fn a_cancelled_hash_gives_nothing() {
        let cancel = Cancel::default();
        cancel.cancel();
        for mechanism in Mechanism::ALL {
            assert!(salted_password(mechanism, b"pencil", b"salt", 1025, &cancel).is_none());
        }
    }
}
