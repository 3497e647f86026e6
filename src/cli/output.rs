//! The forms in which tokens are put out, and where to.

use std::io::{self, Write};
use std::mem;
use std::path::Path;

use clap::ValueEnum;
use rustix::fs::{Access, access};
use serde::Serializer;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::token_table;
use crate::kafka::escape;
use crate::scram::Mechanism;
use crate::source::write_secret_file;
use crate::token::Token;
use crate::{error::Error, status::Status};

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
    let hmac = token.hmac.as_ref().map_or("", |hmac| hmac.as_str());
    Ok(match format {
        Format::Table => token_table::table(std::slice::from_ref(token)),
        Format::Json => line(&object(token)),
        Format::Properties => Zeroizing::new(format!(
            "# A delegation token of {}, until {} unless it is renewed.\n\
             sasl.mechanism={}\n\
             sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required \
             username=\"{}\" password=\"{hmac}\" tokenauth=\"true\";\n",
            escape(token.owner.as_deref().unwrap_or_default()),
            token_table::date(token.expiry_ms),
            mechanism.name(),
            check_plain(&token.id)?,
        )),
        Format::TokenFile => line(&json!({
            "token_id": token.id,
            "hmac": hmac,
            "owner": token.owner,
            "mechanism": mechanism.name(),
            "issue_timestamp_ms": token.issue_ms,
            "expiry_timestamp_ms": token.expiry_ms,
            "max_timestamp_ms": token.max_ms,
        })),
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
        (Format::Json, _) => array(tokens.iter().map(object)),
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

/// A JSON array of any length, and a line end.
pub(super) fn array(
    values: impl ExactSizeIterator<Item = Value>,
) -> Result<Zeroizing<String>, Error> {
    // Each value is gone once it is written: what it takes is many times its text.
    let mut text = Zeroizing::new(Vec::new());
    serde_json::Serializer::pretty(&mut *text)
        .collect_seq(values)
        .map_err(|error| Error::new(Status::INTERNAL, format!("JSON: {error}")))?;
    text.push(b'\n');
    String::from_utf8(mem::take(&mut *text))
        .map(Zeroizing::new)
        .map_err(|_| Error::new(Status::INTERNAL, "JSON that is no UTF-8"))
}

/// A JSON value and a line end.
pub(super) fn line(value: &Value) -> Zeroizing<String> {
    Zeroizing::new(format!("{value:#}\n"))
}

/// Whether files can be made where this one is to be: better asked before a token is created.
///
/// # Errors
///
/// `CORRUPT`.
pub(super) fn check_writable(file: &Path) -> Result<(), Error> {
    let parent = file.parent().filter(|parent| !parent.as_os_str().is_empty());
    let parent = parent.unwrap_or(Path::new("."));
    access(parent, Access::WRITE_OK | Access::EXEC_OK)
        .map_err(|errno| Error::new(Status::CORRUPT, format!("{}: {errno}", parent.display())))
}

/// Writes to a file that only its owner can read, or to standard output.
///
/// # Errors
///
/// `IO`, `PERMISSIONS`.
pub(super) fn put(text: &str, file: Option<&Path>) -> Result<(), Error> {
    match file {
        Some(path) => write_secret_file(path, text.as_bytes()),
        None => {
            let mut out = io::stdout().lock();
            out.write_all(text.as_bytes())
                .and_then(|()| out.flush())
                .map_err(|error| Error::new(Status::IO, format!("standard output: {error}")))
        }
    }
}

/// Kafka's ids are base64 for URLs; another could say something else than an id in properties.
fn check_plain(id: &str) -> Result<&str, Error> {
    if id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.')) {
        return Ok(id);
    }
    let text = format!("the token's id {id:?} is none of Kafka's; --output json takes any");
    Err(Error::new(Status::MALFORMED, text))
}

fn object(token: &Token) -> Value {
    json!({
        "token_id": token.id,
        "hmac": token.hmac.as_ref().map(|hmac| hmac.as_str()),
        "owner": token.owner,
        "requester": token.requester,
        "renewers": token.renewers,
        "issue_timestamp_ms": token.issue_ms,
        "expiry_timestamp_ms": token.expiry_ms,
        "max_timestamp_ms": token.max_ms,
    })
}
