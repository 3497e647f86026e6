//! A point in time after which nobody waits any longer.

use std::io;
use std::time::{Duration, Instant};

/// When to give up.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadline(Instant);

impl Deadline {
    pub(crate) fn after(duration: Duration) -> Self {
        Self(Instant::now() + duration)
    }

    /// This deadline, or the one that `duration` gives from now, whichever is sooner.
    pub(crate) fn or_after(self, duration: Duration) -> Self {
        Self(self.0.min(Instant::now() + duration))
    }

    /// What is left, never zero; an error of kind `TimedOut` once nothing is.
    pub(crate) fn remaining(self) -> io::Result<Duration> {
        let remaining = self.0.saturating_duration_since(Instant::now());
        if remaining.is_zero() { Err(io::ErrorKind::TimedOut.into()) } else { Ok(remaining) }
    }
}
