//! The iterations of one password.
//!
//! From the second iteration on, every HMAC is over one digest, so it is exactly two compressions of
//! a block whose padding stays the same. The loop does nothing else: it calls the hash's compression
//! function, with nothing to buffer, and nothing to zero before the end. The crate pbkdf2 computes
//! the same (the tests compare), but cannot be stopped half way.

use zeroize::{Zeroize, Zeroizing};

use crate::scram::compression::{Hash, Word, padded_digest, read_words, write_words};
use crate::scram::keys::Key;

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

impl<W: Word, const BLOCK: usize> Hash<W, BLOCK> {
    /// The first iteration.
    pub(super) fn begin(&self, password: &[u8], salt: &[u8]) -> Chain<W> {
        let keyed = self.keyed(password);
        let u1 = self.mac(&keyed, &[salt, &1u32.to_be_bytes()]);
        let mut chain = Chain { inner: keyed.inner, outer: keyed.outer, ..Chain::default() };
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
        self.digest(&chain.sum)
    }
}
