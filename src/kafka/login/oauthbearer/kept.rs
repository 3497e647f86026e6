//! A token that is used again while it is fresh, so that one login to each broker asks the endpoint once.

use std::time::{Duration, Instant};

use super::jwt::Jwt;

/// A token in memory.
pub(super) struct Kept {
    jwt: Jwt,
    since: Instant,
    fresh_for: Duration,
}

impl Kept {
    /// A token that has just come; None where it does not say for how long it can be used.
    ///
    /// Kafka's client, too, takes a new one after 80 % of a token's life. That is counted from when it
    /// was made, by this machine's clock, and never from later than now: a clock that is behind must
    /// not keep it for longer.
    pub(super) fn new(jwt: &Jwt, now_ms: i64) -> Option<Self> {
        let expiry_ms = jwt.expiry_ms?;
        let issued_ms = jwt.issued_ms.unwrap_or(now_ms);
        let age_ms = now_ms.saturating_sub(issued_ms).max(0);
        let fresh_ms = expiry_ms.saturating_sub(issued_ms) / 10 * 8;
        let fresh_ms = u64::try_from(fresh_ms.saturating_sub(age_ms)).ok()?;
        let fresh_for = Duration::from_millis(fresh_ms);
        Some(Self { jwt: jwt.clone(), since: Instant::now(), fresh_for })
    }

    pub(super) fn fresh(&self) -> Option<&Jwt> {
        (self.since.elapsed() < self.fresh_for).then_some(&self.jwt)
    }

    pub(super) fn is(&self, jwt: &Jwt) -> bool {
        self.jwt.text == jwt.text
    }
}

#[cfg(test)]
mod tests {
    use zeroize::Zeroizing;

    use super::*;

    #[test]
    fn it_is_fresh_for_four_fifths_of_its_life() {
        let fresh_ms = |issued_ms, expiry_ms, now_ms| {
            let text = Zeroizing::new("a.b.c".to_owned());
            let jwt = Jwt { text, subject: String::new(), issued_ms, expiry_ms };
            let kept = Kept::new(&jwt, now_ms)?;
            assert_eq!(kept.fresh().is_some(), !kept.fresh_for.is_zero());
            Some(kept.fresh_for.as_millis())
        };
        assert_eq!(fresh_ms(Some(1_000_000), Some(1_100_000), 1_000_000), Some(80_000));
        // The endpoint had it before.
        assert_eq!(fresh_ms(Some(1_000_000), Some(1_100_000), 1_070_000), Some(10_000));
        assert_eq!(fresh_ms(Some(1_000_000), Some(1_100_000), 1_080_000), Some(0));
        // It does not say since when.
        assert_eq!(fresh_ms(None, Some(1_100_000), 1_000_000), Some(80_000));
        // Our clock is behind, or ahead.
        assert_eq!(fresh_ms(Some(1_000_000), Some(1_100_000), 0), Some(80_000));
        for (issued_ms, expiry_ms, now_ms) in [
            (Some(1_000_000), Some(1_100_000), 1_090_000),
            (Some(1_000_000), Some(1_100_000), 9_000_000),
            (Some(i64::MAX), Some(i64::MIN), 0),
            (None, None, 0),
            (Some(0), None, 0),
        ] {
            assert_eq!(fresh_ms(issued_ms, expiry_ms, now_ms), None);
        }
        assert!(fresh_ms(Some(i64::MIN), Some(i64::MAX), i64::MAX).is_none());
        assert!(fresh_ms(Some(0), Some(i64::MAX), 0).is_some());
    }
}
