//! Why a request got no answer, and whether asking again may help.

use std::io;

use crate::{error::Error, status::Status};

/// An error, and what Kafka's clients call retriable.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) error: Error,
    pub(crate) is_retriable: bool,
}

impl Failure {
    /// Another try, or another broker, may do better.
    pub(crate) fn retriable(status: Status, text: String) -> Self {
        Self { error: Error::new(status, text), is_retriable: true }
    }

    /// What went wrong on a socket or in TLS; `what` begins the sentence, such as "broker h:1".
    pub(crate) fn io(what: impl core::fmt::Display, error: &io::Error) -> Self {
        let tls = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
        if let Some(tls) = tls {
            return Self {
                error: Error::new(Status::IO, format!("{what}: {}", super::tls::explain(tls))),
                is_retriable: false,
            };
        }
        let why = match error.kind() {
            io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => {
                "it did not answer in time".to_owned()
            }
            io::ErrorKind::UnexpectedEof
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::BrokenPipe => "it closed the connection".to_owned(),
            _ => error.to_string(),
        };
        Self::retriable(Status::IO, format!("{what}: {why}"))
    }
}

impl From<Error> for Failure {
    /// Most errors stay what they are however often one asks.
    fn from(error: Error) -> Self {
        Self { error, is_retriable: false }
    }
}
