//! SHA-256 by the processor's SHA instructions, of several states: one waits for its last result for longer
//! than the processor needs to begin another.

#![expect(clippy::indexing_slicing, reason = "indexes are below 4 by the modulo, or constants")]

use core::arch::x86_64::*;

use super::constants::{SHA_256_INITIAL, SHA_256_ROUNDS as K};

/// A hash's state, in the order of the instructions: words A, B, E and F, and C, D, G and H, the first in
/// the uppermost place.
#[derive(Clone, Copy)]
pub(in crate::scram) struct State {
    pub(in crate::scram) abef: __m128i,
    pub(in crate::scram) cdgh: __m128i,
}

impl State {
    /// Before the first block.
    #[inline]
    #[target_feature(enable = "sse4.1")]
    pub(in crate::scram) fn initial() -> Self {
        Self::load(&SHA_256_INITIAL)
    }

    #[inline]
    #[target_feature(enable = "sse4.1")]
    pub(in crate::scram) fn load(&[a, b, c, d, e, f, g, h]: &[u32; 8]) -> Self {
        Self { abef: words([f, e, b, a]), cdgh: words([h, g, d, c]) }
    }

    #[inline]
    #[target_feature(enable = "sse4.1")]
    pub(in crate::scram) fn store(self) -> [u32; 8] {
        let Self { abef, cdgh } = self;
        [
            _mm_extract_epi32::<3>(abef).cast_unsigned(),
            _mm_extract_epi32::<2>(abef).cast_unsigned(),
            _mm_extract_epi32::<3>(cdgh).cast_unsigned(),
            _mm_extract_epi32::<2>(cdgh).cast_unsigned(),
            _mm_extract_epi32::<1>(abef).cast_unsigned(),
            _mm_extract_epi32::<0>(abef).cast_unsigned(),
            _mm_extract_epi32::<1>(cdgh).cast_unsigned(),
            _mm_extract_epi32::<0>(cdgh).cast_unsigned(),
        ]
    }

    /// The state's words as the outer hash of an HMAC takes them: then a bit, zeros, and how many bits there
    /// are with the key's block.
    #[inline]
    #[target_feature(enable = "sse4.1")]
    pub(in crate::scram) fn padded_digest(self) -> [__m128i; 4] {
        let abef = _mm_shuffle_epi32::<0b00_01_10_11>(self.abef);
        let cdgh = _mm_shuffle_epi32::<0b10_11_00_01>(self.cdgh);
        [
            _mm_blend_epi16::<0xf0>(abef, cdgh),
            _mm_alignr_epi8::<8>(cdgh, abef),
            words([1 << 31, 0, 0, 0]),
            words([0, 0, 0, (64 + 32) * 8]),
        ]
    }
}

/// FIPS 180-4, section 6.2.2, of a block for each state, or of one for all; the blocks become the last words
/// of their schedules.
#[inline]
#[target_feature(enable = "sha,sse4.1")]
pub(in crate::scram) fn compress<const STATES: usize, const BLOCKS: usize>(
    states: &mut [State; STATES],
    blocks: &mut [[__m128i; 4]; BLOCKS],
) {
    let before = *states;
    for (begin, k) in K.as_chunks::<16>().0.iter().enumerate() {
        // Of constant places, so that all words stay in registers.
        if begin > 0 {
            blocks.iter_mut().for_each(|w| schedule::<0>(w));
        }
        four_rounds::<0, STATES, BLOCKS>(states, blocks, k);
        if begin > 0 {
            blocks.iter_mut().for_each(|w| schedule::<1>(w));
        }
        four_rounds::<1, STATES, BLOCKS>(states, blocks, k);
        if begin > 0 {
            blocks.iter_mut().for_each(|w| schedule::<2>(w));
        }
        four_rounds::<2, STATES, BLOCKS>(states, blocks, k);
        if begin > 0 {
            blocks.iter_mut().for_each(|w| schedule::<3>(w));
        }
        four_rounds::<3, STATES, BLOCKS>(states, blocks, k);
    }
    for (state, before) in states.iter_mut().zip(before) {
        state.abef = _mm_add_epi32(state.abef, before.abef);
        state.cdgh = _mm_add_epi32(state.cdgh, before.cdgh);
    }
}

/// The next four words of a schedule, in place of the first of the last sixteen.
#[inline]
#[target_feature(enable = "sha,sse4.1")]
fn schedule<const I: usize>(w: &mut [__m128i; 4]) {
    let last = w[(I + 3) % 4];
    let t = _mm_add_epi32(
        _mm_sha256msg1_epu32(w[I], w[(I + 1) % 4]),
        _mm_alignr_epi8::<4>(last, w[(I + 2) % 4]),
    );
    w[I] = _mm_sha256msg2_epu32(t, last);
}

#[inline]
#[target_feature(enable = "sha,sse4.1")]
fn four_rounds<const I: usize, const STATES: usize, const BLOCKS: usize>(
    states: &mut [State; STATES],
    blocks: &[[__m128i; 4]; BLOCKS],
    k: &[u32; 16],
) {
    let k = words([k[4 * I], k[4 * I + 1], k[4 * I + 2], k[4 * I + 3]]);
    for (place, state) in states.iter_mut().enumerate() {
        let t = _mm_add_epi32(blocks[place % BLOCKS][I], k);
        state.cdgh = _mm_sha256rnds2_epu32(state.cdgh, state.abef, t);
        let t = _mm_shuffle_epi32::<0b00_00_11_10>(t);
        state.abef = _mm_sha256rnds2_epu32(state.abef, state.cdgh, t);
    }
}

/// The first word in the lowest place.
#[inline]
#[target_feature(enable = "sse4.1")]
pub(in crate::scram) fn words([a, b, c, d]: [u32; 4]) -> __m128i {
    _mm_set_epi32(d.cast_signed(), c.cast_signed(), b.cast_signed(), a.cast_signed())
}
