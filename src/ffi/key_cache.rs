//! `scramtoken_key_cache`: derived keys of a client.

use std::num::NonZeroUsize;
use std::sync::Arc;

use super::boundary::{Object, call, check_out, hand_out, take_back};
use super::status::scramtoken_status;
use crate::error::Error;
use crate::scram::KeyCache;
use crate::status::Status;

/// Derived keys of clients: a reconnect with the same challenge then costs no PBKDF2. For as many
/// clients and threads as share it. Keys are zeroed when they leave it.
pub struct scramtoken_key_cache(pub(super) Arc<KeyCache>);

impl Object for scramtoken_key_cache {}

/// # Key cache: reconnects that do not hash
///
/// Makes a cache of at most `capacity` entries (from 1; some 200 bytes each). A full cache drops the
/// entry that was used longest ago. To be freed by scramtoken_key_cache_free.
///
/// Errors: INVALID_ARGUMENT, IO (no random numbers).
///
/// # Safety
///
/// `out` is NULL or may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn scramtoken_key_cache_new(
    capacity: usize,
    out: *mut *mut scramtoken_key_cache,
) -> scramtoken_status {
    call(|| {
        check_out("out", out)?;
        let capacity = NonZeroUsize::new(capacity).ok_or_else(|| {
            Error::new(Status::INVALID_ARGUMENT, "the capacity of a key cache is at least 1")
        })?;
        let cache = KeyCache::new(capacity, crate::random::bytes()?);
        // SAFETY: not NULL, and the caller promises that it may be written.
        unsafe { hand_out(out, scramtoken_key_cache(Arc::new(cache))) };
        Ok(Status::OK)
    })
}

/// Frees a cache; clients that use it keep it alive. NULL is fine.
///
/// # Safety
///
/// The cache is NULL or came from scramtoken_key_cache_new, and is not used again.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn scramtoken_key_cache_free(cache: *mut scramtoken_key_cache) {
    // SAFETY: the caller's promise.
    unsafe { take_back(cache) };
}
