//! What was found, of what, and how bad it is.

use core::fmt;

use crate::kafka::Address;
use crate::{error::Error, status::Status};

/// One thing that was looked at.
#[derive(Clone, Debug)]
pub(super) struct Finding {
    pub(super) subject: Subject,
    pub(super) check: Check,
    pub(super) result: Grade,
    /// What follows the subject in a sentence.
    pub(super) text: String,
    /// What to do about it; empty where there is nothing, or the text says it.
    pub(super) mend: String,
    /// Of a failure: decides the exit code.
    pub(super) status: Status,
}

/// What a finding is about.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Subject {
    Properties,
    Source,
    /// A server of --bootstrap-server that is no broker's advertised address.
    Bootstrap(String),
    Cluster,
    Broker {
        id: i32,
        place: String,
    },
}

/// What was looked at, in the order in which one thing is the cause of another.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Check {
    Properties,
    Source,
    Network,
    Tls,
    Mechanisms,
    PrimaryLogin,
    Session,
    Cluster,
    Tokens,
    SecretKey,
    TokenLogin,
    GivenToken,
    Clock,
    ImplicitTokens,
    DoubledNonce,
}

/// How bad it is, the worst first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Grade {
    Failed,
    Warning,
    /// Neither good nor bad.
    Note,
    Ok,
    /// It could not be looked at, for something else stands in the way.
    Skipped,
}

impl Subject {
    pub(super) fn broker(id: i32, address: &Address) -> Self {
        Self::Broker { id, place: address.to_string() }
    }

    pub(super) fn bootstrap(address: &Address) -> Self {
        Self::Bootstrap(address.to_string())
    }

    pub(super) fn finds(&self, check: Check, result: Grade, text: impl Into<String>) -> Finding {
        let (subject, text) = (self.clone(), text.into());
        Finding { subject, check, result, text, mend: String::new(), status: Status::OK }
    }

    pub(super) fn fails(
        &self,
        check: Check,
        status: Status,
        text: impl Into<String>,
        mend: impl Into<String>,
    ) -> Finding {
        let mend = mend.into();
        Finding { mend, status, ..self.finds(check, Grade::Failed, text) }
    }

    /// A failure whose cause is an error; `what` is what the subject does not do, such as "cannot be
    /// reached".
    pub(super) fn fails_by(&self, check: Check, what: &str, error: &Error, mend: &str) -> Finding {
        self.fails(check, error.status(), format!("{what}: {error}"), mend)
    }

    pub(super) fn warns(
        &self,
        check: Check,
        text: impl Into<String>,
        mend: impl Into<String>,
    ) -> Finding {
        Finding { mend: mend.into(), ..self.finds(check, Grade::Warning, text) }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Properties => f.write_str("the properties"),
            Self::Source => f.write_str("the source"),
            Self::Bootstrap(place) => write!(f, "the bootstrap server {place}"),
            Self::Cluster => f.write_str("the cluster"),
            Self::Broker { id, .. } => write!(f, "broker {id}"),
        }
    }
}

impl Check {
    /// For people.
    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Properties => "properties",
            Self::Source => "source",
            Self::Network => "network",
            Self::Tls => "TLS",
            Self::Mechanisms => "mechanisms",
            Self::PrimaryLogin => "primary login",
            Self::Session => "session",
            Self::Cluster => "cluster",
            Self::Tokens => "tokens",
            Self::SecretKey => "secret key",
            Self::TokenLogin => "new token",
            Self::GivenToken => "given token",
            Self::Clock => "clock",
            Self::ImplicitTokens => "implicit tokens",
            Self::DoubledNonce => "doubled nonce",
        }
    }

    /// For programs.
    pub(super) fn name(self) -> String {
        self.title().to_lowercase().replace(' ', "_")
    }
}

impl Grade {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::Warning => "warning",
            Self::Note => "note",
            Self::Ok => "ok",
            Self::Skipped => "skipped",
        }
    }
}
