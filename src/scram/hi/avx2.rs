//! Chains in the lanes of AVX2's vectors: eight of SHA-256, for processors without SHA instructions, and four
//! of SHA-512.

#![expect(
    clippy::indexing_slicing,
    reason = "indexes are below the number of lanes, or of a state's words"
)]

use core::arch::x86_64::*;
use core::array;

use multiversion::multiversion;
use multiversion::target::match_target;

use super::chain::Chain;
use crate::scram::lanes::avx2::xor;

/// The chains of a hash in lanes; `bits` are those of a key's block and a digest.
macro_rules! chains {
    ($hash:ident, $word:ty, $bits:expr) => {
        pub(super) mod $hash {
            use super::*;
            use crate::scram::lanes::avx2::$hash::{LANES, compress, lanes, splat, vector};

            /// Takes the chains so many iterations further; false where the processor cannot.
            #[multiversion(targets("x86_64+avx2"))]
            pub(in super::super) fn advance(
                chains: &mut [Chain<$word>; LANES],
                iterations: u32,
            ) -> bool {
                match_target! {
                    "x86_64+avx2" => { side_by_side(chains, iterations); true }
                    _ => { let _ = (chains, iterations); false }
                }
            }

            #[target_feature(enable = "avx2")]
            fn side_by_side(chains: &mut [Chain<$word>; LANES], iterations: u32) {
                let inner = of_each(chains, |chain| &chain.inner);
                let outer = of_each(chains, |chain| &chain.outer);
                let mut sum = of_each(chains, |chain| &chain.sum);
                let mut state = of_each(chains, |chain| &chain.last);
                // What follows the digest: a bit, zeros, and how many bits all of the message has.
                let (bit, zero, bits) = (splat(1 << (<$word>::BITS - 1)), splat(0), splat($bits));
                for _ in 0..iterations {
                    for start in [&inner, &outer] {
                        let [a, b, c, d, e, f, g, h] = state;
                        let rest = [bit, zero, zero, zero, zero, zero, zero, bits];
                        let [i, j, k, l, m, n, o, p] = rest;
                        state = *start;
                        compress(&mut state, [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p]);
                    }
                    for (sum, word) in sum.iter_mut().zip(state) {
                        *sum = xor(*sum, word);
                    }
                }
                for (place, (sum, last)) in sum.into_iter().zip(state).enumerate() {
                    for ((chain, sum), last) in chains.iter_mut().zip(lanes(sum)).zip(lanes(last)) {
                        (chain.sum[place], chain.last[place]) = (sum, last);
                    }
                }
            }

            #[inline]
            #[target_feature(enable = "avx2")]
            fn of_each(
                chains: &[Chain<$word>; LANES],
                part: impl Fn(&Chain<$word>) -> &[$word; 8],
            ) -> [__m256i; 8] {
                array::from_fn(|place| vector(array::from_fn(|lane| part(&chains[lane])[place])))
            }
        }
    };
}

chains!(sha_256, u32, (64 + 32) * 8);
chains!(sha_512, u64, (128 + 64) * 8);
