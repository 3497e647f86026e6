//! `Hi()` of RFC 5802, section 2.2: PBKDF2 (RFC 8018, section 5.2) with one block of output.
//!
//! From the second iteration on, every HMAC is over one digest, so it is exactly two compressions of
//! a block whose padding stays the same. The loop does nothing else: it calls the hash's compression
//! function, with nothing to buffer, and nothing to zero before the end. The crate pbkdf2 computes
//! the same (the tests compare), but cannot be stopped half way.

use core::ops::BitXorAssign;

use sha2::block_api::{compress256, compress512};
use zeroize::{Zeroize, Zeroizing};

use super::keys::{Cancel, Key, hash, hmac};
use super::mechanism::Mechanism;
use super::stack::wipe_dead;

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
    let u1 = hmac(mechanism, password, &[salt, &1u32.to_be_bytes()]);
    match mechanism {
        Mechanism::ScramSha256 => {
            let prf = Prf { mechanism, compress: compress256, initial: SHA_256_INITIAL };
            prf.iterate(password, &u1, iterations, cancel)
        }
        Mechanism::ScramSha512 => {
            let prf = Prf { mechanism, compress: compress512, initial: SHA_512_INITIAL };
            prf.iterate(password, &u1, iterations, cancel)
        }
    }
}

/// Several times what hashing takes.
const DEAD_WORDS: usize = 2048;

/// How many iterations pass between two looks at the cancel flag: some 0.1 ms.
const CANCEL_INTERVAL: u32 = 1024;

/// HMAC of digests, by its hash's compression function. A digest is half as long as a block.
struct Prf<W, const BLOCK: usize> {
    mechanism: Mechanism,
    compress: fn(&mut [W; 8], &[[u8; BLOCK]]),
    initial: [W; 8],
}

impl<W: Word, const BLOCK: usize> Prf<W, BLOCK> {
    /// U1 XOR U2 XOR ... of as many iterations.
    fn iterate(&self, password: &[u8], u1: &Key, iterations: u32, cancel: &Cancel) -> Option<Key> {
        let (inner, outer) = self.keyed(password);
        let mut block = Zeroizing::new(padded_digest::<BLOCK>());
        copy(u1.as_bytes(), block.as_mut_slice());
        let mut sum = Zeroizing::new([W::default(); 8]);
        read_words(block.as_slice(), &mut sum);
        let mut state = Zeroizing::new([W::default(); 8]);
        for round in 1..iterations {
            if round % CANCEL_INTERVAL == 0 && cancel.is_cancelled() {
                return None;
            }
            for start in [&inner, &outer] {
                *state = **start;
                (self.compress)(&mut state, core::slice::from_ref(&block));
                write_words(&state, block.as_mut_slice());
            }
            for (sum, word) in sum.iter_mut().zip(state.iter()) {
                *sum ^= *word;
            }
        }
        write_words(&sum, block.as_mut_slice());
        Key::from_slice(self.mechanism, block.get(..BLOCK / 2)?)
    }

    /// The hash's state after the key's block, inside and outside (RFC 2104, section 2).
    fn keyed(&self, password: &[u8]) -> (Zeroizing<[W; 8]>, Zeroizing<[W; 8]>) {
        let mut key = Zeroizing::new([0; BLOCK]);
        if password.len() > BLOCK {
            copy(hash(self.mechanism, password).as_bytes(), key.as_mut_slice());
        } else {
            copy(password, key.as_mut_slice());
        }
        let state_after = |pad: u8| {
            let mut block = Zeroizing::new([0; BLOCK]);
            for (to, from) in block.iter_mut().zip(key.iter()) {
                *to = from ^ pad;
            }
            let mut state = Zeroizing::new(self.initial);
            (self.compress)(&mut state, core::slice::from_ref(&block));
            state
        };
        (state_after(0x36), state_after(0x5c))
    }
}

/// A digest that follows the key's block, with a hash's padding (FIPS 180-4, section 5.1).
fn padded_digest<const BLOCK: usize>() -> [u8; BLOCK] {
    let mut block = [0; BLOCK];
    let (_, padding) = block.split_at_mut(BLOCK / 2);
    if let Some(first) = padding.first_mut() {
        *first = 0x80;
    }
    let bits = (BLOCK + BLOCK / 2) * 8;
    for (to, from) in padding.iter_mut().rev().zip(bits.to_le_bytes()) {
        *to = from;
    }
    block
}

fn copy(from: &[u8], to: &mut [u8]) {
    for (to, from) in to.iter_mut().zip(from) {
        *to = *from;
    }
}

fn read_words<W: Word>(bytes: &[u8], words: &mut [W; 8]) {
    for (word, bytes) in words.iter_mut().zip(bytes.chunks_exact(size_of::<W>())) {
        *word = W::read(bytes);
    }
}

fn write_words<W: Word>(words: &[W; 8], bytes: &mut [u8]) {
    for (word, bytes) in words.iter().zip(bytes.chunks_exact_mut(size_of::<W>())) {
        word.write(bytes);
    }
}

/// What a hash computes with, big-endian in its blocks.
trait Word: Copy + Default + BitXorAssign + Zeroize {
    fn read(bytes: &[u8]) -> Self;
    fn write(self, bytes: &mut [u8]);
}

macro_rules! word {
    ($word:ty) => {
        impl Word for $word {
            fn read(bytes: &[u8]) -> Self {
                bytes.iter().fold(0, |word, byte| word << 8 | Self::from(*byte))
            }

            fn write(self, bytes: &mut [u8]) {
                copy(&self.to_be_bytes(), bytes);
            }
        }
    };
}

word!(u32);
word!(u64);

/// FIPS 180-4, section 5.3.3.
const SHA_256_INITIAL: [u32; 8] = [
    0x6a09_e667,
    0xbb67_ae85,
    0x3c6e_f372,
    0xa54f_f53a,
    0x510e_527f,
    0x9b05_688c,
    0x1f83_d9ab,
    0x5be0_cd19,
];

/// FIPS 180-4, section 5.3.5.
const SHA_512_INITIAL: [u64; 8] = [
    0x6a09_e667_f3bc_c908,
    0xbb67_ae85_84ca_a73b,
    0x3c6e_f372_fe94_f82b,
    0xa54f_f53a_5f1d_36f1,
    0x510e_527f_ade6_82d1,
    0x9b05_688c_2b3e_6c1f,
    0x1f83_d9ab_fb41_bd6b,
    0x5be0_cd19_137e_2179,
];

#[cfg(test)]
mod tests {
    use sha2::{Sha256, Sha512};

    use super::*;

    /// Miri takes seconds for a thousand.
    const MANY: &[u32] = if cfg!(miri) { &[3] } else { &[1023, 1024, 1025, 4096] };

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
