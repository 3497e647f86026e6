//! The two SASL mechanisms.

use crate::{error::Error, status::Status};

/// A SASL mechanism of the SCRAM family, without channel binding.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Mechanism {
    /// SCRAM-SHA-256 of RFC 7677.
    ScramSha256,
    /// SCRAM-SHA-512, built in the same way; Kafka and librdkafka both speak it.
    ScramSha512,
}

impl Mechanism {
    /// Both, in the order of their strength.
    pub const ALL: [Self; 2] = [Self::ScramSha256, Self::ScramSha512];

    /// The mechanism of that name, which is compared exactly.
    ///
    /// # Errors
    ///
    /// `UNSUPPORTED_MECHANISM` for any other name.
    pub fn from_name(name: &str) -> Result<Self, Error> {
        Self::ALL.into_iter().find(|mechanism| mechanism.name() == name).ok_or_else(|| {
            Error::new(
                Status::UNSUPPORTED_MECHANISM,
                "the mechanism is neither SCRAM-SHA-256 nor SCRAM-SHA-512",
            )
        })
    }

    /// The name that is registered with IANA, or follows it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ScramSha256 => "SCRAM-SHA-256",
            Self::ScramSha512 => "SCRAM-SHA-512",
        }
    }

    /// Length of the hash and of every key, in bytes: 32 or 64.
    pub const fn key_len(self) -> usize {
        match self {
            Self::ScramSha256 => 32,
            Self::ScramSha512 => 64,
        }
    }
}
