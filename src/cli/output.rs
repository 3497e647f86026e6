//! The forms in which tokens are put out, and where to.

use std::io::{self, Write};
use std::path::Path;

use clap::ValueEnum;
use serde::ser::{Serialize, SerializeMap, Serializer};
use zeroize::Zeroizing;

use super::{exit, signals, token_table};
use crate::files::{Access, SecretFile};
use crate::kafka::escape;
use crate::scram::Mechanism;
use crate::source::{TokenFile, token_properties};
use crate::token::Token;
use crate::{error::Error, json, status::Status};

/// How to write tokens.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// The columns of kafka-delegation-tokens.sh
    Table,
    /// One object for a created token, a list of them for described ones
    Json,
    /// Properties that a Kafka client logs in with
    Properties,
    /// What the library's file: source reads
    TokenFile,
}

/// A single token in this form; `mechanism` is for its logins.
///
/// # Errors
///
/// `MALFORMED` for an id that cannot be written into properties.
pub(super) fn one(
    format: Format,
    token: &Token,
    mechanism: Mechanism,
) -> Result<Zeroizing<String>, Error> {
    Ok(match format {
        Format::Table => token_table::table(std::slice::from_ref(token)),
        Format::Json => json::text(&Described(token)),
        Format::Properties => {
            let owner = escape(token.owner.as_deref().unwrap_or_default());
            let until = token_table::date(token.expiry_ms);
            let comment =
                format!("A delegation token of {owner}, until {until} unless it is renewed.");
            token_properties(&comment, token, mechanism).map_err(|error| {
                Error::new(error.status(), format!("{error}; --output json takes any id"))
            })?
        }
        Format::TokenFile => json::text(&TokenFile(token, mechanism)),
    })
}

/// Any number of tokens in this form.
///
/// # Errors
///
/// `INVALID_ARGUMENT` for a form that holds one token, when there is not exactly one.
pub(super) fn many(
    format: Format,
    tokens: &[Token],
    mechanism: Mechanism,
) -> Result<Zeroizing<String>, Error> {
    match (format, tokens) {
        (Format::Table, _) => Ok(token_table::table(tokens)),
        (Format::Json, _) => Ok(json::array(tokens.iter().map(Described))),
        (_, [token]) => one(format, token, mechanism),
        (_, tokens) => Err(Error::new(
            Status::INVALID_ARGUMENT,
            format!(
                "this output holds one token, and there are {}: --output json takes any number",
                tokens.len()
            ),
        )),
    }
}

/// Where a result goes, looked at before there is one.
pub(super) enum Output {
    Standard,
    /// A file that only its owner can read, written whole or not at all.
    File(SecretFile),
}

impl Output {
    /// Looks at the file, and makes signals leave nothing half written.
    ///
    /// # Errors
    ///
    /// `INVALID_ARGUMENT`, `CORRUPT`, `PERMISSIONS`.
    pub(super) fn check(file: Option<&Path>) -> Result<Self, Error> {
        let Some(path) = file else { return Ok(Self::Standard) };
        signals::remove_temporaries();
        let file = SecretFile::check(path, Access::default()).map_err(exit::of_file)?;
        Ok(Self::File(file))
    }

    /// # Errors
    ///
    /// `IO`, `PERMISSIONS`.
    pub(super) fn put(&self, text: &str) -> Result<(), Error> {
        match self {
            Self::Standard => print(text),
            Self::File(file) => file.replace(text.as_bytes()),
        }
    }
}

/// Writes to standard output.
///
/// # Errors
///
/// `IO`.
pub(super) fn print(text: &str) -> Result<(), Error> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())
        .and_then(|()| out.flush())
        .map_err(|error| Error::new(Status::IO, format!("standard output: {error}")))
}

/// All that is known of a token.
struct Described<'a>(&'a Token);

impl Serialize for Described<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let token = self.0;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("token_id", &token.id)?;
        map.serialize_entry("hmac", &token.hmac.as_ref().map(|hmac| hmac.as_str()))?;
        map.serialize_entry("owner", &token.owner)?;
        map.serialize_entry("requester", &token.requester)?;
        map.serialize_entry("renewers", &token.renewers)?;
        map.serialize_entry("issue_timestamp_ms", &token.issue_ms)?;
        map.serialize_entry("expiry_timestamp_ms", &token.expiry_ms)?;
        map.serialize_entry("max_timestamp_ms", &token.max_ms)?;
        map.end()
    }
}
