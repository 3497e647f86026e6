//! How many may be somewhere at once.

use core::ops::Deref;

use parking_lot::{Condvar, Mutex};

use crate::kafka::deadline::Deadline;

/// Lets so many in.
pub(super) struct Gate {
    most: usize,
    inside: Mutex<usize>,
    left: Condvar,
}

/// Somebody is inside until this is dropped, in whatever thread.
pub(super) struct Pass<G: Deref<Target = Gate>>(G);

impl Gate {
    pub(super) const fn new(most: usize) -> Self {
        Self { most, inside: Mutex::new(0), left: Condvar::new() }
    }

    /// Waits while it is full; None where nobody has left in time.
    pub(super) fn enter<G: Deref<Target = Self>>(gate: G, deadline: Deadline) -> Option<Pass<G>> {
        let mut inside = gate.inside.lock();
        let longest = deadline.remaining().unwrap_or_default();
        gate.left.wait_while_for(&mut inside, |inside| *inside >= gate.most, longest);
        if *inside >= gate.most {
            return None;
        }
        *inside += 1;
        drop(inside);
        Some(Pass(gate))
    }

    pub(super) fn is_empty(&self) -> bool {
        *self.inside.lock() == 0
    }
}

impl<G: Deref<Target = Gate>> Drop for Pass<G> {
    fn drop(&mut self) {
        *self.0.inside.lock() -= 1;
        self.0.left.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::thread;
    use std::time::Duration;

    use super::*;

    #[test]
    fn who_comes_too_many_waits() {
        let gate = Arc::new(Gate::new(2));
        let at_once = || Gate::enter(Arc::clone(&gate), Deadline::after(Duration::ZERO));
        let one = at_once().unwrap();
        let other = at_once().unwrap();
        assert!(at_once().is_none());
        let patient = Arc::clone(&gate);
        let waiting = thread::spawn(move || {
            Gate::enter(patient, Deadline::after(Duration::from_secs(60))).is_some()
        });
        drop(one);
        assert!(waiting.join().unwrap());
        drop(other);
        assert!(gate.is_empty());
    }
}
