//! The environments that this process has open, in a list whose lock a fork waits for.
//!
//! Stores are opened and closed under the lock, here and in LMDB's binding. A child that was forked
//! amid that would wait for a thread that it does not have: so whoever forks takes the lock first,
//! and both sides give it back.

use core::cell::Cell;
use core::sync::atomic::{AtomicBool, Ordering};
// Not parking_lot's, which looks for waiting threads under a lock of its own when it is given back.
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::open::Environment;
use super::system::around_forks;

pub(super) type Opened = Vec<Arc<Environment>>;

static OPENED: Mutex<Opened> = Mutex::new(Vec::new());
static FORKS_WAIT: AtomicBool = AtomicBool::new(false);

thread_local! {
    /// The lock, while this thread forks.
    static HELD: Cell<Option<MutexGuard<'static, Opened>>> = const { Cell::new(None) };
}

/// Locks the list.
pub(super) fn opened() -> MutexGuard<'static, Opened> {
    if !FORKS_WAIT.load(Ordering::Acquire) {
        // Where several threads are first, it is held several times for a fork, which changes nothing.
        around_forks(hold, give_back);
        FORKS_WAIT.store(true, Ordering::Release);
    }
    lock()
}

fn lock() -> MutexGuard<'static, Opened> {
    OPENED.lock().unwrap_or_else(PoisonError::into_inner)
}

extern "C" fn hold() {
    // A thread that is ending, without thread-locals, has nowhere to keep the lock.
    let _ = HELD.try_with(|held| held.set(Some(held.take().unwrap_or_else(lock))));
}

extern "C" fn give_back() {
    let _ = HELD.try_with(|held| drop(held.take()));
}
