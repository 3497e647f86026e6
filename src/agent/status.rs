//! What a running agent is asked: how things are, and to wait for a token.

use std::net::SocketAddr;
use std::path::Path;
use std::thread;
use std::time::Duration;

use serde_json::Value;

use super::config::{Config, DEFAULT_LISTEN};
use super::http;
use crate::kafka::escape;
use crate::service::duration;
use crate::service::steady_ms;
use crate::{error::Error, status::Status};

/// Where the agent of this configuration answers.
///
/// # Errors
///
/// `INVALID_ARGUMENT` where it serves nothing, and those of the configuration.
pub(crate) fn address(config: Option<&Path>) -> Result<SocketAddr, Error> {
    let Some(path) = config else { return Ok(DEFAULT_LISTEN) };
    Config::read(path)?.listen.map(reachable).ok_or_else(|| {
        let text = format!(
            "{}: listen is \"off\", so that nobody can ask the agent: give it an address",
            path.display()
        );
        Error::new(Status::INVALID_ARGUMENT, text)
    })
}

/// What listens everywhere is asked on loopback.
fn reachable(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        address.set_ip(match address {
            SocketAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
            SocketAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
        });
    }
    address
}

/// How the agent's tokens are: JSON, or a table for people.
///
/// # Errors
///
/// `IO` where no agent answers.
pub(crate) fn status(address: SocketAddr, as_json: bool) -> Result<String, Error> {
    let (_, body) = http::get(address, "/status")?;
    let status: Value = serde_json::from_str(&body).map_err(|_| {
        Error::new(Status::MALFORMED, format!("the agent at {address}: its answer is no JSON"))
    })?;
    if as_json { Ok(format!("{status:#}\n")) } else { Ok(table(&status)) }
}

/// Returns once a token, or each of them, is published.
///
/// # Errors
///
/// `IO` where it is not within this time.
pub(crate) fn wait(address: SocketAddr, token: Option<&str>, timeout_ms: i64) -> Result<(), Error> {
    let until_ms = steady_ms().saturating_add(timeout_ms);
    let target = token.map_or("/readyz".to_owned(), |token| format!("/readyz?token={token}"));
    loop {
        let last = match http::get(address, &target) {
            Ok((200, _)) => return Ok(()),
            Ok((_, body)) => format!("the agent at {address}: {}", escape(body.trim())),
            Err(error) => error.text().to_owned(),
        };
        if steady_ms() >= until_ms {
            let limit = duration::show(timeout_ms);
            return Err(Error::new(Status::IO, format!("{last} (waited for {limit})")));
        }
        thread::sleep(PAUSE);
    }
}

/// A line for each token and one for each of its targets.
fn table(status: &Value) -> String {
    let mut text = String::new();
    let now_ms = status["now_timestamp_ms"].as_i64().unwrap_or_default();
    for (what, key) in [("brokers", "brokers_error"), ("journal", "journal_error")] {
        if let Some(error) = status[key].as_str() {
            text.push_str(&format!("{what}: {}\n", escape(error)));
        }
    }
    text.push_str(&format!(
        "{:<24} {:<11} {:<24} {:<9} {:<9}\n",
        "TOKEN", "STATE", "TOKENID", "EXPIRES", "MAXIMUM"
    ));
    for token in status["tokens"].as_array().into_iter().flatten() {
        let word = |key: &str| escape(token[key].as_str().unwrap_or("-"));
        let left = |key: &str| match token[key].as_i64() {
            Some(ms) => duration::show(ms.saturating_sub(now_ms)),
            None => "-".to_owned(),
        };
        text.push_str(&format!(
            "{:<24} {:<11} {:<24} {:<9} {:<9}\n",
            word("name"),
            word("state"),
            word("token_id"),
            left("expiry_timestamp_ms"),
            left("max_timestamp_ms"),
        ));
        if let Some(error) = token["error"].as_str() {
            text.push_str(&format!("  {}\n", escape(error)));
        }
        for target in token["targets"].as_array().into_iter().flatten() {
            let word = |key: &str| escape(target[key].as_str().unwrap_or_default());
            let how = match (target["error"].as_str(), target["current"].as_bool()) {
                (Some(error), _) => escape(error),
                (None, Some(true)) => "current".to_owned(),
                (None, _) => "not written yet".to_owned(),
            };
            text.push_str(&format!("  {} {}: {how}\n", word("kind"), word("place")));
        }
    }
    text
}

const PAUSE: Duration = Duration::from_millis(250);
