//! `Hi()` of many passwords at once.
//!
//! No iteration can begin before the one before it has come to its end, so the chain of one password
//! leaves most of a processor idle. Side by side, chains share what it has: four of SHA-512 take hardly
//! longer than one and a half.

#[cfg(target_arch = "x86_64")]
use super::side_by_side;
use super::{DEAD_WORDS, further};
use crate::scram::compression::{Hash, SHA_256, SHA_512, Word};
use crate::scram::keys::Key;
use crate::scram::mechanism::Mechanism;
use crate::scram::stack::wipe_dead;

/// A password, and its salt.
pub(crate) type Salted<'a> = (&'a [u8], &'a [u8]);

/// [`salted_password`](super::salted_password) of each, in their order.
pub(crate) fn salted_passwords(
    mechanism: Mechanism,
    iterations: u32,
    of: &[Salted<'_>],
) -> Vec<Key> {
    let salted = match mechanism {
        Mechanism::ScramSha256 => by_sha_256(further(iterations), of),
        Mechanism::ScramSha512 => by_sha_512(further(iterations), of),
    };
    wipe_dead::<DEAD_WORDS>();
    salted
}

/// Never inlined, so that what it leaves on the stack lies below the caller.
#[inline(never)]
fn by_sha_256(iterations: u32, of: &[Salted<'_>]) -> Vec<Key> {
    #[cfg(target_arch = "x86_64")]
    if let Some(salted) = side_by_side::sha_256(iterations, of) {
        return salted;
    }
    one_by_one(&SHA_256, iterations, of).collect()
}

/// Likewise.
#[inline(never)]
fn by_sha_512(iterations: u32, of: &[Salted<'_>]) -> Vec<Key> {
    #[cfg(target_arch = "x86_64")]
    if let Some(salted) = side_by_side::sha_512(iterations, of) {
        return salted;
    }
    one_by_one(&SHA_512, iterations, of).collect()
}

pub(super) fn one_by_one<W: Word, const BLOCK: usize>(
    hash: &Hash<W, BLOCK>,
    iterations: u32,
    of: &[Salted<'_>],
) -> impl Iterator<Item = Key> {
    of.iter().map(move |(password, salt)| {
        let mut chain = hash.begin(password, salt);
        hash.advance(&mut chain, iterations);
        hash.key(&chain)
    })
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::super::salted_password;
    use super::*;
    use crate::scram::keys::Cancel;

    pub(in super::super) type Owned = Vec<(Vec<u8>, Vec<u8>)>;

    pub(in super::super) fn borrowed(of: &Owned) -> Vec<Salted<'_>> {
        of.iter().map(|(password, salt)| (password.as_slice(), salt.as_slice())).collect()
    }

    pub(in super::super) fn passwords(
        count: core::ops::Range<usize>,
    ) -> impl Strategy<Value = Owned> {
        let password = prop::collection::vec(any::<u8>(), 1..200);
        let salt = prop::collection::vec(any::<u8>(), 1..100);
        prop::collection::vec((password, salt), count)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(if cfg!(miri) { 2 } else { 200 }))]

        #[test]
        fn many_are_as_one_after_the_other(of in passwords(0..20), iterations in 1u32..40) {
            for mechanism in Mechanism::ALL {
                let salted = salted_passwords(mechanism, iterations, &borrowed(&of));
                prop_assert_eq!(salted.len(), of.len());
                for (key, (password, salt)) in salted.iter().zip(&of) {
                    let cancel = Cancel::default();
                    let one = salted_password(mechanism, password, salt, iterations, &cancel).unwrap();
                    prop_assert_eq!(key.as_bytes(), one.as_bytes());
                }
            }
        }
    }
}
