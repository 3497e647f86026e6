//! Four chains of SHA-256, by the processor's SHA instructions: one waits for its last result for longer
//! than the processor needs to begin another.

#![expect(
    clippy::indexing_slicing,
    reason = "indexes are below 4 by the modulo, or below 64 by the loop"
)]

use core::arch::x86_64::*;
use core::array;

use multiversion::multiversion;
use multiversion::target::match_target;

use super::chain::Chain;
use super::constants::SHA_256_ROUNDS as K;

/// What fits into the registers, and into a round's wait for the one before.
const CHAINS: usize = 4;

/// Takes the chains so many iterations further; false where the processor cannot.
#[multiversion(targets("x86_64+sha+sse4.1"))]
pub(super) fn advance(chains: &mut [Chain<u32>; CHAINS], iterations: u32) -> bool {
    match_target! {
        "x86_64+sha+sse4.1" => { side_by_side(chains, iterations); true }
        _ => { let _ = (chains, iterations); false }
    }
}

/// A hash's state, in the order of the instructions: words A, B, E and F, and C, D, G and H, the first in
/// the uppermost place.
#[derive(Clone, Copy)]
struct State {
    abef: __m128i,
    cdgh: __m128i,
}

#[target_feature(enable = "sha,sse4.1")]
fn side_by_side(chains: &mut [Chain<u32>; CHAINS], iterations: u32) {
    let inner = of_each(chains, |chain| &chain.inner);
    let outer = of_each(chains, |chain| &chain.outer);
    let mut sums = of_each(chains, |chain| &chain.sum);
    let mut states = of_each(chains, |chain| &chain.last);
    // What follows the digest: a bit, zeros, and how many bits all of the message has.
    let padding = [words([1 << 31, 0, 0, 0]), words([0, 0, 0, (64 + 32) * 8])];
    for _ in 0..iterations {
        for start in [&inner, &outer] {
            let mut blocks = states.map(|state| {
                let [first, second] = digest(state);
                [first, second, padding[0], padding[1]]
            });
            states = *start;
            compress(&mut states, &mut blocks);
        }
        for (sum, state) in sums.iter_mut().zip(states) {
            sum.abef = _mm_xor_si128(sum.abef, state.abef);
            sum.cdgh = _mm_xor_si128(sum.cdgh, state.cdgh);
        }
    }
    for ((chain, sum), state) in chains.iter_mut().zip(sums).zip(states) {
        (chain.sum, chain.last) = (store(sum), store(state));
    }
}

/// FIPS 180-4, section 6.2.2, of a block for each state; the blocks become the last words of their
/// schedules.
#[inline]
#[target_feature(enable = "sha,sse4.1")]
fn compress(states: &mut [State; CHAINS], blocks: &mut [[__m128i; 4]; CHAINS]) {
    let before = *states;
    for four in 0..16 {
        let k = words([K[4 * four], K[4 * four + 1], K[4 * four + 2], K[4 * four + 3]]);
        let i = four % 4;
        for (state, w) in states.iter_mut().zip(blocks.iter_mut()) {
            if four >= 4 {
                let last = w[(i + 3) % 4];
                let t = _mm_add_epi32(
                    _mm_sha256msg1_epu32(w[i], w[(i + 1) % 4]),
                    _mm_alignr_epi8::<4>(last, w[(i + 2) % 4]),
                );
                w[i] = _mm_sha256msg2_epu32(t, last);
            }
            let t = _mm_add_epi32(w[i], k);
            state.cdgh = _mm_sha256rnds2_epu32(state.cdgh, state.abef, t);
            let t = _mm_shuffle_epi32::<0b00_00_11_10>(t);
            state.abef = _mm_sha256rnds2_epu32(state.abef, state.cdgh, t);
        }
    }
    for (state, before) in states.iter_mut().zip(before) {
        state.abef = _mm_add_epi32(state.abef, before.abef);
        state.cdgh = _mm_add_epi32(state.cdgh, before.cdgh);
    }
}

#[inline]
#[target_feature(enable = "sse4.1")]
fn of_each(
    chains: &[Chain<u32>; CHAINS],
    part: impl Fn(&Chain<u32>) -> &[u32; 8],
) -> [State; CHAINS] {
    array::from_fn(|i| {
        let [a, b, c, d, e, f, g, h] = *part(&chains[i]);
        State { abef: words([f, e, b, a]), cdgh: words([h, g, d, c]) }
    })
}

/// The first word in the lowest place.
#[inline]
#[target_feature(enable = "sse4.1")]
fn words([a, b, c, d]: [u32; 4]) -> __m128i {
    _mm_set_epi32(d.cast_signed(), c.cast_signed(), b.cast_signed(), a.cast_signed())
}

/// The state's words as a block begins with them.
#[inline]
#[target_feature(enable = "sse4.1")]
fn digest(state: State) -> [__m128i; 2] {
    let abef = _mm_shuffle_epi32::<0b00_01_10_11>(state.abef);
    let cdgh = _mm_shuffle_epi32::<0b10_11_00_01>(state.cdgh);
    [_mm_blend_epi16::<0xf0>(abef, cdgh), _mm_alignr_epi8::<8>(cdgh, abef)]
}

#[inline]
#[target_feature(enable = "sse4.1")]
fn store(State { abef, cdgh }: State) -> [u32; 8] {
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
