//! What a login remembers from its first message on, whatever its state: in one place that stays where it
//! is when the state changes.

use core::ops::RangeInclusive;

use super::transcript::Transcript;
use super::{ServerPolicy, Stranger};
use crate::scram::credential::StoredKeys;
use crate::scram::mechanism::Mechanism;

#[derive(Debug)]
pub(super) struct Exchange {
    pub(super) mechanism: Mechanism,
    pub(super) policy: ServerPolicy,
    pub(super) transcript: Transcript,
    pub(super) subject: Subject,
    /// Zeros until the lookup gives some, and after the end.
    pub(super) keys: StoredKeys,
    /// When it is known which tokens there are, in ms since 1970.
    pub(super) tokens_known: RangeInclusive<i64>,
    /// Whether the client sent its nonce twice at the end.
    pub(super) doubled_nonce: bool,
}

/// Whose credential was supplied.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Subject {
    User,
    Token { expiry_ms: i64 },
    Nobody(Stranger),
}

impl Exchange {
    /// Nobody's yet.
    pub(super) fn new(mechanism: Mechanism, policy: ServerPolicy) -> Self {
        Self {
            mechanism,
            policy,
            transcript: Transcript::new(),
            subject: Subject::Nobody(Stranger::User),
            keys: StoredKeys::zero(),
            tokens_known: i64::MIN..=i64::MAX,
            doubled_nonce: false,
        }
    }

    pub(super) fn is_somebodys(&self) -> bool {
        !matches!(self.subject, Subject::Nobody(_))
    }
}
