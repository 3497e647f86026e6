//! How a login ends: two types, of which only one has a name to act for.

use super::exchange::{Exchange, Subject};
use super::{NEVER, Stranger};
use crate::{error::Error, status::Status};

/// The client is who it says it is; the server's own proof is to be sent.
#[derive(Debug)]
pub struct Authenticated(pub(super) Box<Exchange>);

impl Authenticated {
    /// The server-final-message.
    pub fn message(&self) -> &[u8] {
        self.0.transcript.server_final()
    }

    /// Whom to treat the peer as: the user, or a token's owner.
    pub fn name(&self) -> &str {
        match self.0.subject {
            Subject::Token { .. } => self.0.transcript.owner(),
            Subject::User | Subject::Nobody(_) => self.requested_name(),
        }
    }

    /// The name that the client gave: the user's, or the token's id.
    pub fn requested_name(&self) -> &str {
        self.0.transcript.name()
    }

    /// The token's id, of a token login. Such a login may not manage tokens (KIP-48).
    pub fn token_id(&self) -> Option<&str> {
        matches!(self.0.subject, Subject::Token { .. }).then(|| self.requested_name())
    }

    /// When the credential ends, in milliseconds since 1970; -1: never.
    pub fn expiry_ms(&self) -> i64 {
        match self.0.subject {
            Subject::Token { expiry_ms } => expiry_ms,
            Subject::User | Subject::Nobody(_) => NEVER,
        }
    }

    /// Whether the client is a librdkafka before 2.6.1, let in by
    /// [`ServerPolicy`](super::ServerPolicy).
    pub fn doubled_nonce(&self) -> bool {
        self.0.doubled_nonce
    }
}

/// The login failed, for good.
#[derive(Debug)]
pub struct Rejected {
    pub(super) error: Error,
    /// None where nothing is known of the client.
    pub(super) exchange: Option<Box<Exchange>>,
}

impl Rejected {
    /// A failure before anything is known of the client.
    pub fn new(error: Error) -> Self {
        Self { error, exchange: None }
    }

    /// The true reason: for the server's own log, not for the peer.
    pub fn error(&self) -> &Error {
        &self.error
    }

    /// The name that the client gave, as far as one could be read.
    pub fn requested_name(&self) -> Option<&str> {
        self.exchange.as_ref().map(|exchange| exchange.transcript.name())
    }

    /// The name that the client gave, where it was taken for a token's id.
    pub fn token_id(&self) -> Option<&str> {
        let exchange = self.exchange.as_ref()?;
        let is_token =
            matches!(exchange.subject, Subject::Token { .. } | Subject::Nobody(Stranger::Token));
        is_token.then(|| exchange.transcript.name())
    }

    /// The owner of the token, where it was found.
    pub fn token_owner(&self) -> Option<&str> {
        let exchange = self.exchange.as_ref()?;
        matches!(exchange.subject, Subject::Token { .. }).then(|| exchange.transcript.owner())
    }

    /// Whether the challenge had been sent.
    fn was_challenged(&self) -> bool {
        let exchange = self.exchange.as_ref();
        exchange.is_some_and(|exchange| !exchange.transcript.challenge().is_empty())
    }

    /// What to send to the peer (RFC 5802, section 7, server-error). It never tells whether the
    /// name exists: an unknown name, an expired token and a stale store look like a wrong proof.
    pub fn message(&self) -> &'static [u8] {
        match self.error.status() {
            Status::INVALID_PROOF
            | Status::UNKNOWN_USER
            | Status::TOKEN_NOT_FOUND
            | Status::TOKENS_STALE
            | Status::TOKEN_EXPIRED => b"e=invalid-proof",
            Status::EXTENSION => b"e=extensions-not-supported",
            Status::CHANNEL_BINDING if !self.was_challenged() => b"e=channel-binding-not-supported",
            Status::CHANNEL_BINDING => b"e=channel-bindings-dont-match",
            _ => b"e=other-error",
        }
    }
}
