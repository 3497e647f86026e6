//! A foreign function with its userdata, and the finalizer that ends both.

use core::ffi::c_void;

use super::boundary::null;
use crate::error::Error;
use crate::status::Status;

/// Frees a callback's userdata. Runs once, after the last user of the callback, on any thread.
pub type scramtoken_finalizer_fn = Option<unsafe extern "C" fn(userdata: *mut c_void)>;

/// Shared by every object that may call it; the last one to drop it runs the finalizer.
pub(super) struct Callback<F> {
    function: F,
    userdata: *mut c_void,
    finalizer: scramtoken_finalizer_fn,
}

// SAFETY: the API's contract says that callbacks may run on several threads at once, that userdata
// may travel between threads, and that finalizers may run on any thread.
unsafe impl<F: Send> Send for Callback<F> {}
// SAFETY: as above.
unsafe impl<F: Sync> Sync for Callback<F> {}

impl<F: Copy> Callback<F> {
    /// Refuses a NULL function, and then leaves the userdata to the caller.
    pub(super) fn new(
        what: &str,
        function: Option<F>,
        userdata: *mut c_void,
        finalizer: scramtoken_finalizer_fn,
    ) -> Result<Self, Error> {
        let function = function.ok_or_else(|| null(what))?;
        Ok(Self { function, userdata, finalizer })
    }

    pub(super) fn function(&self) -> F {
        self.function
    }

    pub(super) fn userdata(&self) -> *mut c_void {
        self.userdata
    }
}

impl<F> Drop for Callback<F> {
    fn drop(&mut self) {
        if let Some(finalizer) = self.finalizer {
            // SAFETY: the last owner is gone, and a Callback is dropped once.
            unsafe { finalizer(self.userdata) };
        }
    }
}

/// Whether a callback that puts its answer elsewhere has said that it is done, and answered once.
/// `what` names it.
pub(super) fn check_answer(what: &str, status: Status, answered_twice: bool) -> Result<(), Error> {
    if status.is_error() {
        return Err(Error::new(status, format!("the {what} callback failed: {status}")));
    }
    let fault = if status != Status::OK {
        format!("the {what} callback returned {}, which is no answer", status.to_raw())
    } else if answered_twice {
        format!("the {what} callback answered twice")
    } else {
        return Ok(());
    };
    Err(Error::new(Status::INVALID_STATE, fault))
}
