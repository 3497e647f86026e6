//! What is told of each decision, to whoever keeps a log. Never a secret.

use std::fmt::Write;
use std::sync::Arc;

use crate::scram::{Authenticated, Mechanism, Rejected};
use crate::status::Status;
use crate::visible::is_hidden;

/// What was decided upon.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Operation {
    /// A SCRAM login.
    Login,
    /// A token that was to be made.
    TokenCreate,
    /// One that was to be renewed.
    TokenRenew,
    /// One that was to expire.
    TokenExpire,
    /// One that had ended and was removed.
    TokenSweep,
    /// A secret key that was to be removed.
    SecretKeyRemove,
}

/// One decision. Names of a login, and principals of what is done to tokens, are the peer's own words:
/// control characters are escaped and long ones cut.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Event {
    /// When, in milliseconds since 1970 by the object's clock.
    pub time_ms: i64,
    /// What.
    pub operation: Operation,
    /// `OK`, or why not.
    pub status: Status,
    /// Of a login.
    pub mechanism: Option<Mechanism>,
    /// Who asked; of a login the name that was asked for, where one could be read.
    pub requester: Option<String>,
    /// The token's owner, where a token was found or was to be made.
    pub owner: Option<String>,
    /// The token's id.
    pub token_id: Option<String>,
    /// Whether the client is a librdkafka before 2.6.1, let in as such.
    pub doubled_nonce: bool,
}

impl Event {
    /// A login that succeeded.
    pub(crate) fn authenticated(time_ms: i64, mechanism: Mechanism, login: &Authenticated) -> Self {
        let token_id = login.token_id();
        Self {
            time_ms,
            operation: Operation::Login,
            status: Status::OK,
            mechanism: Some(mechanism),
            requester: Some(loggable(login.requested_name())),
            owner: token_id.map(|_| loggable(login.name())),
            token_id: token_id.map(loggable),
            doubled_nonce: login.doubled_nonce(),
        }
    }

    /// A login that failed.
    pub(crate) fn rejected(time_ms: i64, mechanism: Mechanism, login: &Rejected) -> Self {
        Self {
            time_ms,
            operation: Operation::Login,
            status: login.error().status(),
            mechanism: Some(mechanism),
            requester: login.requested_name().map(loggable),
            owner: login.token_owner().map(loggable),
            token_id: login.token_id().map(loggable),
            doubled_nonce: false,
        }
    }

    /// What was done to a token or a secret key, or why not.
    pub(crate) fn of_token(
        time_ms: i64,
        operation: Operation,
        status: Status,
        requester: Option<&str>,
        owner: Option<&str>,
        token_id: Option<&str>,
    ) -> Self {
        Self {
            time_ms,
            operation,
            status,
            mechanism: None,
            requester: requester.map(loggable),
            owner: owner.map(loggable),
            token_id: token_id.map(loggable),
            doubled_nonce: false,
        }
    }
}

/// Whom to tell of events, shared by objects.
#[derive(Clone, Default)]
pub(crate) struct Audit(Option<Arc<AuditFn>>);

type AuditFn = dyn Fn(&Event) + Send + Sync;

impl Audit {
    pub(crate) fn new(told: impl Fn(&Event) + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(told)))
    }

    /// Whether somebody listens.
    pub(crate) fn is_heard(&self) -> bool {
        self.0.is_some()
    }

    pub(crate) fn tell(&self, event: &Event) {
        if let Some(told) = &self.0 {
            told(event);
        }
    }
}

/// The longest name in an event, in bytes.
const MAX_NAME: usize = 256;

/// A foreign name as it may stand in a log: one line, nothing that moves a cursor, not too long.
pub(crate) fn loggable(name: &str) -> String {
    let mut out = String::new();
    for character in name.chars() {
        let before = out.len();
        if is_hidden(character) {
            // Writing to a String cannot fail.
            let _ = write!(out, "{}", character.escape_unicode());
        } else {
            out.push(character);
        }
        if out.len() > MAX_NAME {
            out.truncate(before);
            break;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_escaped_and_cut() {
        assert_eq!(loggable("alice"), "alice");
        assert_eq!(loggable("a\nb\u{1b}[2J"), "a\\u{a}b\\u{1b}[2J");
        assert_eq!(loggable("a\u{202e}b"), "a\\u{202e}b");
        assert_eq!(loggable("\u{200f}\u{61c}\u{9b}2J"), "\\u{200f}\\u{61c}\\u{9b}2J");
        assert_eq!(loggable(&"x".repeat(300)), "x".repeat(256));
        // Neither a character nor an escape is cut in two.
        assert_eq!(loggable(&format!("{}é", "x".repeat(255))), "x".repeat(255));
        assert_eq!(loggable(&format!("{}\n", "x".repeat(254))), "x".repeat(254));
    }
}
