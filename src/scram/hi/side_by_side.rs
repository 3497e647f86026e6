//! Several chains on one thread, by what the processor has.

use core::array;

use super::chain::Chain;
use super::many::{Salted, one_by_one};
use super::{avx2, sha_ni};
use crate::scram::compression::{Hash, SHA_256, SHA_512, Word};
use crate::scram::keys::Key;

/// None where the processor has nothing for it.
pub(super) fn sha_256(iterations: u32, of: &[Salted<'_>]) -> Option<Vec<Key>> {
    side_by_side(&SHA_256, iterations, of, sha_ni::advance)
        .or_else(|| side_by_side(&SHA_256, iterations, of, avx2::sha_256::advance))
}

/// Likewise.
pub(super) fn sha_512(iterations: u32, of: &[Salted<'_>]) -> Option<Vec<Key>> {
    side_by_side(&SHA_512, iterations, of, avx2::sha_512::advance)
}

/// `advance` takes some chains so many iterations further, and says false where the processor has no such
/// instructions; then there is nothing.
fn side_by_side<W: Word, const BLOCK: usize, const CHAINS: usize>(
    hash: &Hash<W, BLOCK>,
    iterations: u32,
    of: &[Salted<'_>],
    advance: impl Fn(&mut [Chain<W>; CHAINS], u32) -> bool,
) -> Option<Vec<Key>> {
    let mut salted = Vec::with_capacity(of.len());
    for some in of.chunks(CHAINS) {
        if some.len() <= CHAINS / 2 {
            salted.extend(one_by_one(hash, iterations, some)); // idle lanes cost as much as others
            continue;
        }
        let mut chains: [Chain<W>; CHAINS] = array::from_fn(|_| Chain::default());
        for (chain, (password, salt)) in chains.iter_mut().zip(some) {
            *chain = hash.begin(password, salt);
        }
        if !advance(&mut chains, iterations) {
            return None;
        }
        salted.extend(chains.iter().zip(some).map(|(chain, _)| hash.key(chain)));
    }
    Some(salted)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::scram::hi::many::tests::{borrowed, passwords};

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(if cfg!(miri) { 2 } else { 200 }))]

        /// Those that a better one keeps from being used here, too.
        #[test]
        fn all_ways_come_to_the_same(of in passwords(8..9), iterations in 0u32..40) {
            let of = borrowed(&of);
            let bytes = |keys: Vec<Key>| -> Vec<Vec<u8>> {
                keys.iter().map(|key| key.as_bytes().to_vec()).collect()
            };
            let expected = bytes(one_by_one(&SHA_256, iterations, &of).collect());
            let ways = [
                (is_x86_feature_detected!("sha") && is_x86_feature_detected!("sse4.1"),
                 side_by_side(&SHA_256, iterations, &of, sha_ni::advance)),
                (is_x86_feature_detected!("avx2"),
                 side_by_side(&SHA_256, iterations, &of, avx2::sha_256::advance)),
            ];
            for (is_there, way) in ways {
                prop_assert_eq!(way.map(bytes), is_there.then(|| expected.clone()));
            }
            let expected = bytes(one_by_one(&SHA_512, iterations, &of).collect());
            let way = side_by_side(&SHA_512, iterations, &of, avx2::sha_512::advance);
            prop_assert_eq!(way.map(bytes), is_x86_feature_detected!("avx2").then_some(expected));
        }
    }
}
