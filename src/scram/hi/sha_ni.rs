//! Four chains of SHA-256, by the processor's SHA instructions.

use core::arch::x86_64::*;

use multiversion::multiversion;
use multiversion::target::match_target;

use super::chain::Chain;
use crate::scram::lanes::sha_ni::{State, compress};

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

#[target_feature(enable = "sha,sse4.1")]
fn side_by_side(chains: &mut [Chain<u32>; CHAINS], iterations: u32) {
    let inner = of_each(chains, |chain| &chain.inner);
    let outer = of_each(chains, |chain| &chain.outer);
    let mut sums = of_each(chains, |chain| &chain.sum);
    let mut states = of_each(chains, |chain| &chain.last);
    for _ in 0..iterations {
        for start in [&inner, &outer] {
            let mut blocks = states.map(|state| state.padded_digest());
            states = *start;
            compress(&mut states, &mut blocks);
        }
        for (sum, state) in sums.iter_mut().zip(states) {
            sum.abef = _mm_xor_si128(sum.abef, state.abef);
            sum.cdgh = _mm_xor_si128(sum.cdgh, state.cdgh);
        }
    }
    for ((chain, sum), state) in chains.iter_mut().zip(sums).zip(states) {
        (chain.sum, chain.last) = (sum.store(), state.store());
    }
}

#[inline]
#[target_feature(enable = "sse4.1")]
fn of_each(
    chains: &[Chain<u32>; CHAINS],
    part: impl Fn(&Chain<u32>) -> &[u32; 8],
) -> [State; CHAINS] {
    chains.each_ref().map(|chain| State::load(part(chain)))
}
