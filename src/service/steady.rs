//! A clock that nobody can set.

use rustix::time::{ClockId, clock_gettime};

/// Milliseconds since the machine started, `CLOCK_BOOTTIME`, which goes on while it is suspended.
pub(crate) fn steady_ms() -> i64 {
    let time = clock_gettime(ClockId::Boottime);
    time.tv_sec.saturating_mul(1000).saturating_add(time.tv_nsec / 1_000_000)
}
