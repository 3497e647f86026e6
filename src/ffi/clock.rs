//! What time it is by the host's clock.

use core::ffi::c_void;

use super::callback::{Callback, scramtoken_finalizer_fn};
use crate::clock::Clock;
use crate::error::Error;

/// Gives the time in milliseconds since 1970-01-01T00:00:00Z. May run on several threads at once and
/// must not unwind.
pub type scramtoken_clock_fn = Option<unsafe extern "C" fn(userdata: *mut c_void) -> i64>;

/// The host's clock in place of the system's.
pub(super) fn from_callback(
    function: scramtoken_clock_fn,
    userdata: *mut c_void,
    finalizer: scramtoken_finalizer_fn,
) -> Result<Clock, Error> {
    let callback = Callback::new("clock", function, userdata, finalizer)?;
    // SAFETY: the function is the host's for this userdata, which its finalizer, run when the closure
    // is dropped, has not freed yet.
    Ok(Clock::new(move || unsafe { (callback.function())(callback.userdata()) }))
}
