//! Why a request got no answer, and whether asking again may help.

use std::io;

use crate::{error::Error, status::Status};

/// An error, and what Kafka's clients call retriable.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) error: Error,
    pub(crate) is_retriable: bool,
    /// Nothing came in time, which says less than what may have gone wrong before.
    pub(crate) is_timeout: bool,
}

impl Failure {
    /// Another try, or another broker, may do better.
    pub(crate) fn retriable(status: Status, text: String) -> Self {
        Self { error: Error::new(status, text), is_retriable: true, is_timeout: false }
    }

    /// The answer to `what` is none: no other try, since a broker that lies will lie again.
    pub(crate) fn malformed(what: &str, why: impl core::fmt::Display) -> Self {
        Self::from(Error::new(Status::MALFORMED, format!("{what}: {why}")))
    }

    /// What went wrong on a connection; `what` begins the sentence, such as "broker h:1".
    pub(crate) fn io(what: impl core::fmt::Display, error: &io::Error) -> Self {
        let is_timeout =
            matches!(error.kind(), io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock);
        let why = if is_timeout {
            "it did not answer in time".to_owned()
        } else if is_closed(error) {
            "it closed the connection".to_owned()
        } else {
            error.to_string()
        };
        // What speaks another protocol will go on to.
        let is_retriable = error.kind() != io::ErrorKind::InvalidData;
        let error = Error::new(Status::IO, format!("{what}: {why}"));
        Self { error, is_retriable, is_timeout }
    }
}

/// Whether the peer hung up, with or without having read all that was sent.
pub(super) fn is_closed(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionReset, UnexpectedEof};
    matches!(error.kind(), UnexpectedEof | ConnectionReset | BrokenPipe)
}

impl From<Error> for Failure {
    /// Most errors stay what they are however often one asks.
    fn from(error: Error) -> Self {
        Self { error, is_retriable: false, is_timeout: false }
    }
}
