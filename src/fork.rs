//! Whether a process was forked: what belongs to one process must not work in its child.
#![allow(unsafe_code, reason = "every block argues why it is sound")]

use core::sync::atomic::{AtomicU64, Ordering};
use std::sync::OnceLock;

use crate::error::Error;

/// A process, and none that is forked from it: not even one that has the same id, as the first process
/// of each pid namespace has.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Process(u64);

impl Process {
    /// This process.
    ///
    /// # Errors
    ///
    /// `IO` where there are no random numbers.
    pub(crate) fn current() -> Result<Self, Error> {
        let Some(mark) = *MARK.get_or_init(memory_of_one_process) else { return Ok(Self(id())) };
        // Zero is nobody's mark.
        let fresh = u64::from_ne_bytes(crate::random::bytes()?).max(1);
        match mark.compare_exchange(0, fresh, Ordering::Relaxed, Ordering::Relaxed) {
            Ok(_) => Ok(Self(fresh)),
            Err(known) => Ok(Self(known)),
        }
    }

    /// Whether this process is that one. Costs no system call.
    pub(crate) fn is_current(self) -> bool {
        self.0 == MARK.get().copied().flatten().map_or_else(id, |mark| mark.load(Ordering::Relaxed))
    }
}

/// A random number of this process's, in memory that the kernel gives to a forked child empty.
static MARK: OnceLock<Option<&'static AtomicU64>> = OnceLock::new();

/// What there is to tell processes apart by where there is no such memory.
fn id() -> u64 {
    std::process::id().into()
}

/// A page that is zeroed in a child; None where the kernel cannot do that (before Linux 4.14).
fn memory_of_one_process() -> Option<&'static AtomicU64> {
    let (len, access) = (core::mem::size_of::<AtomicU64>(), libc::PROT_READ | libc::PROT_WRITE);
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
    // SAFETY: a new mapping, wherever there is room, which disturbs nobody; it is never unmapped once it
    // is given out. It is zeroed and aligned to a page, so it holds an AtomicU64.
    unsafe {
        let page = libc::mmap(core::ptr::null_mut(), len, access, flags, -1, 0);
        if page == libc::MAP_FAILED {
            return None;
        }
        if libc::madvise(page, len, libc::MADV_WIPEONFORK) != 0 {
            libc::munmap(page, len);
            return None;
        }
        Some(&*page.cast())
    }
}
