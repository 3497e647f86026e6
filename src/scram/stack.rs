//! Secrets on the dead stack: what calls that have returned have left there.

use zeroize::Zeroize;

/// Zeroes so many words below the caller: a compiler is free to spill or copy what is zeroed in its own
/// place. What used the secret must not have been inlined into the caller.
#[inline(never)]
pub(super) fn wipe_dead<const WORDS: usize>() {
    let mut dead = [0u64; WORDS];
    dead.as_mut_slice().zeroize();
}
