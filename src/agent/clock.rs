//! What time it is for the brokers, whatever this machine's clock says.

use std::fs;

use super::life::Now;
use crate::clock;
use crate::service::steady_ms;

/// The brokers' clock against one that nobody can set: `CLOCK_BOOTTIME`, which goes on while the
/// machine is suspended.
#[derive(Debug)]
pub(super) struct Clock {
    /// By how much the brokers' clock is ahead of it; None until a broker has said.
    offset_ms: Option<i64>,
    boot: Option<String>,
}

/// What a journal keeps of it: good until the machine starts anew.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct SavedClock {
    pub(super) boot: String,
    pub(super) offset_ms: i64,
}

impl Clock {
    /// Goes on from what a journal holds, where that is of this run of the machine.
    pub(super) fn new(saved: Option<&SavedClock>) -> Self {
        let boot = boot();
        let saved = saved.filter(|saved| boot.as_ref() == Some(&saved.boot));
        Self { offset_ms: saved.map(|saved| saved.offset_ms), boot }
    }

    pub(super) fn save(&self) -> Option<SavedClock> {
        Some(SavedClock { boot: self.boot.clone()?, offset_ms: self.offset_ms? })
    }

    pub(super) fn now(&self) -> Now {
        self.at(steady_ms())
    }

    /// What time it was then, or at some other time that is not long ago.
    pub(super) fn at(&self, steady_ms: i64) -> Now {
        Now {
            steady_ms,
            broker_ms: self
                .offset_ms
                .map_or_else(clock::now_ms, |offset| steady_ms.saturating_add(offset)),
            is_exact: self.offset_ms.is_some(),
        }
    }

    /// A broker said that it is this time, or a little later, in answer to a request sent at `sent_ms`.
    /// What it took to answer makes us early, and never late.
    pub(super) fn learn(&mut self, broker_ms: i64, sent_ms: i64) {
        self.offset_ms = Some(broker_ms.saturating_sub(sent_ms));
    }

    /// By how much the brokers' clock is ahead of this machine's, once it is known.
    pub(super) fn ahead_ms(&self) -> Option<i64> {
        let offset_ms = self.offset_ms?;
        Some(steady_ms().saturating_add(offset_ms).saturating_sub(clock::now_ms()))
    }
}

/// Which run of which machine this is; a time namespace has a clock of its own.
fn boot() -> Option<String> {
    let id = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    let namespace = fs::read_link("/proc/self/ns/time").unwrap_or_default();
    Some(format!("{} {}", id.trim(), namespace.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_broker_said_outlives_the_process_and_not_the_machine() {
        let mut clock = Clock::new(None);
        assert!(!clock.now().is_exact && clock.ahead_ms().is_none());
        let sent_ms = steady_ms();
        clock.learn(5_000_000, sent_ms);
        let saved = clock.save().unwrap();
        let now = Clock::new(Some(&saved)).now();
        assert!(now.is_exact && (5_000_000..5_060_000).contains(&now.broker_ms), "{now:?}");
        let other = SavedClock { boot: "another".to_owned(), ..saved };
        assert!(!Clock::new(Some(&other)).now().is_exact);
    }
}
