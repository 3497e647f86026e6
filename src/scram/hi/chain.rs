//! The iterations of one password.
//!
//! From the second iteration on, every HMAC is over one digest, so it is exactly two compressions of
//! a block whose padding stays the same. The loop does nothing else: it calls the hash's compression
//! function, with nothing to buffer, and nothing to zero before the end. The crate pbkdf2 computes
//! the same (the tests compare), but cannot be stopped half way.

use core::ops::BitXorAssign;

use sha2::block_api::{compress256, compress512};
use zeroize::{DefaultIsZeroes, Zeroize, Zeroizing};

use super::constants::{SHA_256_INITIAL, SHA_512_INITIAL};
use crate::scram::keys::{Key, hash, hmac};
use crate::scram::mechanism::Mechanism;

pub(super) const SHA_256: Hash<u32, 64> =
    Hash { mechanism: Mechanism::ScramSha256, compress: compress256, initial: SHA_256_INITIAL };

pub(super) const SHA_512: Hash<u64, 128> =
    Hash { mechanism: Mechanism::ScramSha512, compress: compress512, initial: SHA_512_INITIAL };

/// The iterations of one password, as far as they have come. Zeroed on drop.
#[derive(Default)]
pub(super) struct Chain<W: Word> {
    /// The hash's state after the key's block, inside and outside (RFC 2104, section 2).
    pub(super) inner: [W; 8],
    pub(super) outer: [W; 8],
    /// What the last iteration gave.
    pub(super) last: [W; 8],
    /// U1 XOR U2 XOR ... of all of them.
    pub(super) sum: [W; 8],
}

impl<W: Word> Drop for Chain<W> {
    fn drop(&mut self) {
        for words in [&mut self.inner, &mut self.outer, &mut self.last, &mut self.sum] {
            words.as_mut_slice().zeroize();
        }
    }
}

/// A hash, by its compression function. A digest is half as long as a block.
pub(super) struct Hash<W, const BLOCK: usize> {
    mechanism: Mechanism,
    compress: fn(&mut [W; 8], &[[u8; BLOCK]]),
    initial: [W; 8],
}

impl<W: Word, const BLOCK: usize> Hash<W, BLOCK> {
    /// The first iteration.
    pub(super) fn begin(&self, password: &[u8], salt: &[u8]) -> Chain<W> {
        let mut key = Zeroizing::new([0; BLOCK]);
        if password.len() > BLOCK {
            copy(hash(self.mechanism, password).as_bytes(), key.as_mut_slice());
        } else {
            copy(password, key.as_mut_slice());
        }
        let mut chain = Chain::default();
        for (state, pad) in [(&mut chain.inner, 0x36), (&mut chain.outer, 0x5c)] {
            let mut block = Zeroizing::new([0; BLOCK]);
            for (to, from) in block.iter_mut().zip(key.iter()) {
                *to = from ^ pad;
            }
            *state = self.initial;
            (self.compress)(state, core::slice::from_ref(&block));
        }
        let u1 = hmac(self.mechanism, password, &[salt, &1u32.to_be_bytes()]);
        read_words(u1.as_bytes(), &mut chain.last);
        chain.sum = chain.last;
        chain
    }

    /// So many further iterations.
    pub(super) fn advance(&self, chain: &mut Chain<W>, iterations: u32) {
        let mut block = Zeroizing::new(padded_digest::<BLOCK>());
        write_words(&chain.last, block.as_mut_slice());
        for _ in 0..iterations {
            for start in [&chain.inner, &chain.outer] {
                chain.last = *start;
                (self.compress)(&mut chain.last, core::slice::from_ref(&block));
                write_words(&chain.last, block.as_mut_slice());
            }
            for (sum, word) in chain.sum.iter_mut().zip(chain.last) {
                *sum ^= word;
            }
        }
    }

    /// What the iterations came to.
    pub(super) fn key(&self, chain: &Chain<W>) -> Key {
        let mut block = Zeroizing::new([0; BLOCK]);
        let (digest, _) = block.split_at_mut(BLOCK / 2);
        write_words(&chain.sum, digest);
        Key::copy_of(digest)
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
pub(super) trait Word: DefaultIsZeroes + BitXorAssign {
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
