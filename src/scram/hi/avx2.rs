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

/// The chains of a hash in lanes.
macro_rules! chains {
    ($hash:ident, $word:ty) => {
        pub(super) mod $hash {
            use super::*;
            use crate::scram::lanes::avx2::$hash::{LANES, compress, lanes, padded_digest, vector};

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
                for _ in 0..iterations {
                    for start in [&inner, &outer] {
                        let block = padded_digest(state);
                        state = *start;
                        compress(&mut state, block);
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

chains!(sha_256, u32);
chains!(sha_512, u64);
