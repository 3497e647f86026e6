//! KIP-48's rules, as Kafka's KRaft controller has them, in its order of checks.
//!
//! Pure: the time and the token come in, a decision goes out. Where Kafka's sums wrap, ours
//! saturate.

use crate::{error::Error, status::Status};

/// How long tokens live, in ms.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Lifetimes {
    /// Kafka's `delegation.token.max.lifetime.ms`: to a token's end for good.
    max_lifetime_ms: i64,
    /// Kafka's `delegation.token.expiry.time.ms`: until it has to be renewed.
    expiry_time_ms: i64,
}

/// Seven days and one, as in Kafka.
impl Default for Lifetimes {
    fn default() -> Self {
        const DAY_MS: i64 = 24 * 60 * 60 * 1000;
        Self { max_lifetime_ms: 7 * DAY_MS, expiry_time_ms: DAY_MS }
    }
}

/// When a token ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Ends {
    pub(super) expiry_ms: i64,
    pub(super) max_ms: i64,
}

/// What is to be known of a token for a decision about it.
pub(super) struct Terms<'a> {
    pub(super) owner: &'a str,
    pub(super) requester: &'a str,
    pub(super) renewers: &'a [String],
    pub(super) ends: Ends,
}

/// What becomes of a token that is to expire.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Expiry {
    /// It goes at once.
    Removed,
    /// It ends then.
    At(i64),
}

impl Lifetimes {
    /// # Errors
    ///
    /// `INVALID_ARGUMENT` unless both are above zero.
    pub(super) fn new(max_lifetime_ms: i64, expiry_time_ms: i64) -> Result<Self, Error> {
        if max_lifetime_ms <= 0 || expiry_time_ms <= 0 {
            let text = format!(
                "a max lifetime of {max_lifetime_ms} ms and an expiry time of {expiry_time_ms} ms: \
                 both must be above 0"
            );
            return Err(Error::new(Status::INVALID_ARGUMENT, text));
        }
        Ok(Self { max_lifetime_ms, expiry_time_ms })
    }

    /// When a token ends that is made now; whoever asks may want a shorter life.
    pub(super) fn of_new_token(&self, now_ms: i64, asked_ms: i64) -> Ends {
        let max_ms = now_ms.saturating_add(at_most(self.max_lifetime_ms, asked_ms));
        Ends { expiry_ms: max_ms.min(now_ms.saturating_add(self.expiry_time_ms)), max_ms }
    }

    /// The new expiry of a token that `principal` renews.
    ///
    /// # Errors
    ///
    /// `TOKEN_EXPIRED`, then `TOKEN_OWNER_MISMATCH`.
    pub(super) fn renew(
        &self,
        now_ms: i64,
        principal: &str,
        token: &Terms<'_>,
        period_ms: i64,
    ) -> Result<i64, Error> {
        token.check_time(now_ms)?;
        token.check_owner_or_renewer(principal, "renew")?;
        let expiry_ms = now_ms.saturating_add(at_most(self.expiry_time_ms, period_ms));
        Ok(expiry_ms.min(token.ends.max_ms))
    }
}

/// What becomes of a token that `principal` lets expire.
///
/// # Errors
///
/// `TOKEN_OWNER_MISMATCH`, then, unless it is to go at once, `TOKEN_EXPIRED`.
pub(super) fn expire(
    now_ms: i64,
    principal: &str,
    token: &Terms<'_>,
    period_ms: i64,
) -> Result<Expiry, Error> {
    token.check_owner_or_renewer(principal, "expire")?;
    if period_ms < 0 {
        return Ok(Expiry::Removed);
    }
    token.check_time(now_ms)?;
    Ok(Expiry::At(token.ends.max_ms.min(now_ms.saturating_add(period_ms))))
}

impl Terms<'_> {
    /// Whether a token is this principal's to see without anybody's leave.
    pub(super) fn concerns(&self, principal: &str) -> bool {
        self.requester == principal || self.is_of_owner_or_renewer(principal)
    }

    fn is_of_owner_or_renewer(&self, principal: &str) -> bool {
        self.owner == principal || self.renewers.iter().any(|renewer| renewer == principal)
    }

    fn check_owner_or_renewer(&self, principal: &str, action: &str) -> Result<(), Error> {
        if self.is_of_owner_or_renewer(principal) {
            return Ok(());
        }
        let text = format!(
            "{principal:?} is neither the token's owner nor a renewer, and may not {action} it"
        );
        Err(Error::new(Status::TOKEN_OWNER_MISMATCH, text))
    }

    fn check_time(&self, now_ms: i64) -> Result<(), Error> {
        let end_ms = self.ends.expiry_ms.min(self.ends.max_ms);
        if end_ms < now_ms {
            let text = format!("the token expired {} ms ago", now_ms.saturating_sub(end_ms));
            return Err(Error::new(Status::TOKEN_EXPIRED, text));
        }
        Ok(())
    }
}

/// What was asked for, where that is something, and not more than there is.
fn at_most(most_ms: i64, asked_ms: i64) -> i64 {
    if asked_ms > 0 { most_ms.min(asked_ms) } else { most_ms }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIFETIMES: Lifetimes = Lifetimes { max_lifetime_ms: 1000, expiry_time_ms: 100 };
    const ALICE: &str = "User:alice";
    const BOB: &str = "User:bob";
    const EVE: &str = "User:eve";

    /// Alice's, asked for by Eve, to be renewed by Bob.
    fn token<'a>(renewers: &'a [String], expiry_ms: i64, max_ms: i64) -> Terms<'a> {
        Terms { owner: ALICE, requester: EVE, renewers, ends: Ends { expiry_ms, max_ms } }
    }

    fn status<T: core::fmt::Debug>(result: Result<T, Error>) -> Status {
        result.unwrap_err().status()
    }

    #[test]
    fn a_new_token_lives_as_long_as_was_asked_for_and_not_longer() {
        for (now_ms, asked_ms, expiry_ms, max_ms) in [
            (5, -1, 105, 1005),
            (5, 0, 105, 1005),
            (5, 50, 55, 55),
            (5, 500, 105, 505),
            (5, 1001, 105, 1005),
            (5, i64::MAX, 105, 1005),
            (5, i64::MIN, 105, 1005),
            (i64::MAX - 50, -1, i64::MAX, i64::MAX),
            (i64::MAX - 500, -1, i64::MAX - 400, i64::MAX),
        ] {
            let ends = LIFETIMES.of_new_token(now_ms, asked_ms);
            assert_eq!(ends, Ends { expiry_ms, max_ms }, "{now_ms} {asked_ms}");
        }
    }

    #[test]
    fn to_renew() {
        let renewers = [BOB.to_owned()];
        for (now_ms, period_ms, expiry_ms) in [
            (50, -1, 150),
            (50, 0, 150),
            (50, 20, 70),
            (50, 101, 150),
            (60, i64::MAX, 160),
            (40, 1, 41), // earlier than before: that is what was asked for
        ] {
            let token = token(&renewers, 60, 500);
            for who in [ALICE, BOB] {
                assert_eq!(LIFETIMES.renew(now_ms, who, &token, period_ms).unwrap(), expiry_ms);
            }
            let renewed = LIFETIMES.renew(now_ms, EVE, &token, period_ms);
            assert_eq!(status(renewed), Status::TOKEN_OWNER_MISMATCH);
        }
        assert_eq!(LIFETIMES.renew(450, BOB, &token(&renewers, 460, 500), 0).unwrap(), 500);
        let last = token(&renewers, i64::MAX, i64::MAX);
        assert_eq!(LIFETIMES.renew(i64::MAX - 1, BOB, &last, 0).unwrap(), i64::MAX);
        // Who asks is looked at last.
        for who in [ALICE, EVE] {
            let ended = token(&renewers, 60, 500);
            assert_eq!(status(LIFETIMES.renew(61, who, &ended, 0)), Status::TOKEN_EXPIRED);
        }
    }

    #[test]
    fn to_expire() {
        let renewers = [BOB.to_owned()];
        let token = |expiry_ms| token(&renewers, expiry_ms, 500);
        assert_eq!(expire(50, ALICE, &token(60), 0).unwrap(), Expiry::At(50));
        assert_eq!(expire(50, BOB, &token(60), 300).unwrap(), Expiry::At(350));
        assert_eq!(expire(50, BOB, &token(60), i64::MAX).unwrap(), Expiry::At(500));
        assert_eq!(status(expire(61, BOB, &token(60), 0)), Status::TOKEN_EXPIRED);
        assert_eq!(expire(61, BOB, &token(60), -1).unwrap(), Expiry::Removed);
        assert_eq!(expire(50, BOB, &token(60), i64::MIN).unwrap(), Expiry::Removed);
        // Who asks is looked at first.
        for period_ms in [-1, 0, 10] {
            let expired = expire(61, EVE, &token(60), period_ms);
            assert_eq!(status(expired), Status::TOKEN_OWNER_MISMATCH);
        }
    }

    #[test]
    fn whom_a_token_concerns() {
        let renewers = [BOB.to_owned()];
        let token = token(&renewers, 0, 0);
        assert!([ALICE, BOB, EVE].iter().all(|who| token.concerns(who)));
        assert!(!token.concerns("User:mallory") && !token.concerns("Group:alice"));
    }

    #[test]
    fn lifetimes_are_above_zero() {
        assert_eq!(Lifetimes::new(604_800_000, 86_400_000).unwrap(), Lifetimes::default());
        for (max_ms, expiry_ms) in [(0, 1), (1, 0), (-1, 1), (1, i64::MIN)] {
            assert_eq!(status(Lifetimes::new(max_ms, expiry_ms)), Status::INVALID_ARGUMENT);
        }
    }
}
