//! The compression functions of SHA-256 and SHA-512 on several states at once, by what the processor has.
//!
//! ```text
//! sha_ni      SHA-256, by the SHA instructions
//! avx2        eight states of SHA-256, or four of SHA-512, in the lanes of vectors
//! constants   of both hashes
//! ```

#[cfg(target_arch = "x86_64")]
pub(super) mod avx2;
mod constants;
#[cfg(target_arch = "x86_64")]
pub(super) mod sha_ni;

pub(super) use constants::{SHA_256_INITIAL, SHA_512_INITIAL};
