//! SHA-256 and SHA-512 by their compression functions, and HMAC made of those: for what hashes a key's block
//! once and uses it often.

use core::ops::BitXorAssign;

use sha2::block_api::{compress256, compress512};
use zeroize::{DefaultIsZeroes, Zeroize, Zeroizing};

use super::blocks::Blocks;
use super::keys::{Key, hash};
use super::lanes::{SHA_256_INITIAL, SHA_512_INITIAL};
use super::mechanism::Mechanism;

pub(super) const SHA_256: Hash<u32, 64> =
    Hash { mechanism: Mechanism::ScramSha256, compress: compress256, initial: SHA_256_INITIAL };

pub(super) const SHA_512: Hash<u64, 128> =
    Hash { mechanism: Mechanism::ScramSha512, compress: compress512, initial: SHA_512_INITIAL };

/// A hash, by its compression function. A digest is half as long as a block.
pub(super) struct Hash<W, const BLOCK: usize> {
    mechanism: Mechanism,
    pub(super) compress: fn(&mut [W; 8], &[[u8; BLOCK]]),
    initial: [W; 8],
}

/// The hash's state after the key's block, inside and outside (RFC 2104, section 2). Zeroed on drop.
pub(super) struct Keyed<W: Word> {
    pub(super) inner: [W; 8],
    pub(super) outer: [W; 8],
}

impl<W: Word> Drop for Keyed<W> {
    fn drop(&mut self) {
        self.inner.as_mut_slice().zeroize();
        self.outer.as_mut_slice().zeroize();
    }
}

impl<W: Word, const BLOCK: usize> Hash<W, BLOCK> {
    /// Takes in the key of an HMAC.
    pub(super) fn keyed(&self, key: &[u8]) -> Keyed<W> {
        let mut padded = Zeroizing::new([0; BLOCK]);
        if key.len() > BLOCK {
            copy(hash(self.mechanism, key).as_bytes(), padded.as_mut_slice());
        } else {
            copy(key, padded.as_mut_slice());
        }
        let mut keyed = Keyed { inner: self.initial, outer: self.initial };
        for (state, pad) in [(&mut keyed.inner, 0x36), (&mut keyed.outer, 0x5c)] {
            let mut block = Zeroizing::new([0; BLOCK]);
            for (to, from) in block.iter_mut().zip(padded.iter()) {
                *to = from ^ pad;
            }
            (self.compress)(state, core::slice::from_ref(&block));
        }
        keyed
    }

    /// The HMAC of a message in parts.
    pub(super) fn mac(&self, keyed: &Keyed<W>, parts: &[&[u8]]) -> Key {
        let mut state = keyed.inner;
        for block in Blocks::<BLOCK>::new(parts) {
            (self.compress)(&mut state, core::slice::from_ref(&block));
        }
        let mut block = padded_digest::<BLOCK>();
        write_words(&state, &mut block);
        state = keyed.outer;
        (self.compress)(&mut state, core::slice::from_ref(&block));
        self.digest(&state)
    }

    /// A state's bytes.
    pub(super) fn digest(&self, state: &[W; 8]) -> Key {
        let mut block = Zeroizing::new([0; BLOCK]);
        let (digest, _) = block.split_at_mut(BLOCK / 2);
        write_words(state, digest);
        Key::copy_of(digest)
    }
}

/// A digest that follows the key's block, with a hash's padding (FIPS 180-4, section 5.1).
pub(super) fn padded_digest<const BLOCK: usize>() -> [u8; BLOCK] {
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

pub(super) fn read_words<W: Word>(bytes: &[u8], words: &mut [W; 8]) {
    for (word, bytes) in words.iter_mut().zip(bytes.chunks_exact(size_of::<W>())) {
        *word = W::read(bytes);
    }
}

pub(super) fn write_words<W: Word>(words: &[W; 8], bytes: &mut [u8]) {
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
