//! Why a login failed, and which of librdkafka's errors the application gets for it.

use core::fmt;

use rustix::io::Errno;

use crate::{error::Error, status::Status};

/// A login that failed.
#[derive(Clone, Debug)]
pub(super) struct Failure {
    kind: Kind,
    error: Error,
}

/// What librdkafka reports it as. An application may well give up at `_AUTHENTICATION`; at what passes
/// by itself librdkafka tries again, with the plugin as without.
#[derive(Clone, Copy, Debug)]
enum Kind {
    /// `_AUTHENTICATION`: it stays so until somebody mends something.
    Refused,
    /// The error of this code, which is the broker's own word.
    Broker(i16),
    /// `_TRANSPORT`: the connection was lost.
    Transport,
    /// `_TIMED_OUT`: the broker said nothing in time.
    TimedOut,
    /// `_CRIT_SYS_RESOURCE`: the system has no thread or descriptor for it.
    NoResources,
}

impl Failure {
    /// The broker's refusal, by its error code.
    pub(super) fn of_broker(code: i16, error: Error) -> Self {
        // A broker has no business with librdkafka's own codes, which are those below -1.
        let kind = if code < -1 { Kind::Refused } else { Kind::Broker(code) };
        Self { kind, error }
    }

    /// The broker's connection is gone: the broker has closed it, or the system says why.
    pub(super) fn lost(error: Option<Errno>, during: &str, advice: &str) -> Self {
        let text = match error {
            None => format!("the broker closed the connection in {during}: {advice}"),
            Some(error) => {
                format!("the broker's connection was lost in {during} ({error}): {advice}")
            }
        };
        Self { kind: Kind::Transport, error: Error::new(Status::IO, text) }
    }

    pub(super) fn timed_out(text: String) -> Self {
        Self { kind: Kind::TimedOut, error: Error::new(Status::IO, text) }
    }

    pub(super) fn no_resources(error: Error) -> Self {
        Self { kind: Kind::NoResources, error }
    }

    /// The error code of a SaslAuthenticate answer. librdkafka takes 58 for `_AUTHENTICATION` and any
    /// other code as it is, its own negative ones too.
    pub(super) fn code(&self) -> i16 {
        match self.kind {
            Kind::Refused => SASL_AUTHENTICATION_FAILED,
            Kind::Broker(code) => code,
            Kind::Transport => ERR_TRANSPORT,
            Kind::TimedOut => ERR_TIMED_OUT,
            Kind::NoResources => ERR_CRIT_SYS_RESOURCE,
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self { kind: Kind::Refused, error }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "scramtoken: {}", self.error)
    }
}

/// Kafka's.
pub(super) const SASL_AUTHENTICATION_FAILED: i16 = 58;
/// rd_kafka_resp_err_t.
const ERR_TRANSPORT: i16 = -195;
const ERR_CRIT_SYS_RESOURCE: i16 = -194;
const ERR_TIMED_OUT: i16 = -185;
