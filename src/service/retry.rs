//! When something that failed is tried again.

/// Back-off with jitter: half of the pause is certain, the rest is drawn.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(crate) struct Retry {
    failures: u32,
    not_before_ms: i64,
}

const FIRST_MS: i64 = 500;

impl Retry {
    /// From when on it may be tried, in steady ms.
    pub(crate) fn not_before_ms(&self) -> i64 {
        self.not_before_ms
    }

    /// How often it failed in a row.
    pub(crate) fn failures(&self) -> u32 {
        self.failures
    }

    /// It failed; `random` is anything.
    pub(crate) fn failed(&mut self, steady_ms: i64, most_ms: i64, random: u32) {
        let doubled = FIRST_MS.saturating_mul(1 << self.failures.min(20));
        let pause = doubled.min(most_ms.max(FIRST_MS));
        let jitter = pause / 2 * i64::from(random % 1024) / 1024;
        self.failures = self.failures.saturating_add(1);
        self.not_before_ms = steady_ms.saturating_add(pause / 2 + jitter);
    }

    /// It worked, or something is to be done that was not tried yet.
    pub(crate) fn reset(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_most() {
        for random in [0, 511, 1023, u32::MAX] {
            let mut retry = Retry::default();
            let mut last = 0;
            for failure in 0..40 {
                retry.failed(1_000, 60_000, random);
                let pause = retry.not_before_ms() - 1_000;
                let whole = (500 << failure.min(20)).min(60_000);
                assert!((whole / 2..=whole).contains(&pause), "{failure}: {pause}");
                assert!(pause >= last);
                last = pause;
            }
            retry.reset();
            assert_eq!(retry, Retry::default());
        }
    }
}
