//! What time it is: by the system, or by the host.

use core::ffi::c_void;
use std::sync::Arc;

use super::callback::{Callback, scramtoken_finalizer_fn};
use crate::clock::now_ms;
use crate::error::Error;

/// Gives the time in milliseconds since 1970-01-01T00:00:00Z. May run on several threads at once and
/// must not unwind.
pub type scramtoken_clock_fn = Option<unsafe extern "C" fn(userdata: *mut c_void) -> i64>;

/// A clock that objects share.
#[derive(Clone, Default)]
pub(super) struct Clock(Option<Arc<Callback<unsafe extern "C" fn(*mut c_void) -> i64>>>);

impl Clock {
    /// The host's clock in place of the system's.
    pub(super) fn from_callback(
        function: scramtoken_clock_fn,
        userdata: *mut c_void,
        finalizer: scramtoken_finalizer_fn,
    ) -> Result<Self, Error> {
        let callback = Callback::new("clock", function, userdata, finalizer)?;
        Ok(Self(Some(Arc::new(callback))))
    }

    /// Whether it is the host's, whose callback may do anything.
    pub(super) fn is_foreign(&self) -> bool {
        self.0.is_some()
    }

    pub(super) fn now_ms(&self) -> i64 {
        match &self.0 {
            // SAFETY: the function is the host's for this userdata, which its finalizer, run when
            // the last Arc goes, has not freed yet.
            Some(clock) => unsafe { (clock.function())(clock.userdata()) },
            None => now_ms(),
        }
    }
}
