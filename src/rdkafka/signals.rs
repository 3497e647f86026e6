//! Keeping signals off our threads: they belong to the application's.

use core::mem::MaybeUninit;
use core::ptr;

/// Runs `start` with every signal blocked in this thread, as a thread that it starts then has.
pub(super) fn with_all_blocked<T>(start: impl FnOnce() -> T) -> T {
    let mut all = MaybeUninit::uninit();
    let mut before = MaybeUninit::uninit();
    // SAFETY: sigfillset writes the set that pthread_sigmask then reads; `before` is written when
    // it succeeds, which it does for SIG_SETMASK and valid pointers.
    let blocked = unsafe {
        libc::sigfillset(all.as_mut_ptr());
        libc::pthread_sigmask(libc::SIG_SETMASK, all.as_ptr(), before.as_mut_ptr()) == 0
    };
    let result = start();
    if blocked {
        // SAFETY: `before` was written by the call that succeeded.
        unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, before.as_ptr(), ptr::null_mut()) };
    }
    result
}
