//! The agent: keeps tokens valid where jobs look for them, for as long as the jobs live.
//!
//! `config` is what the agent is told. `life` decides what is to be done for one token, and `keeper` knows
//! which of the token's `targets` hold it. `run` carries that out through `brokers` and records it in the
//! `journal`; `view` is what `http` shows.

mod brokers;
mod clock;
mod command;
mod config;
mod http;
mod journal;
mod keeper;
mod kubernetes;
mod life;
mod metrics;
mod run;
mod status;
mod targets;
mod view;

use std::path::Path;

use self::config::Config;
use self::run::Agent;
use crate::error::Error;

pub use self::command::Command;
use self::status::{address, status, wait};

/// Whether the configuration is right; warnings come back.
///
/// # Errors
///
/// One sentence with file, line and key.
fn check(path: &Path) -> Result<Vec<String>, Error> {
    let config = Config::read(path)?;
    config::check_properties(path, &config.cluster)
}

/// Keeps the tokens until SIGTERM.
///
/// # Errors
///
/// Of the configuration, its files and the journal, before anything was done.
fn run(path: &Path) -> Result<(), Error> {
    Agent::new(path, None)?.run()
}

/// Does what is due, in this time.
///
/// # Errors
///
/// As [`run`]; `IO` where not everything was done.
fn once(path: &Path, timeout_ms: i64) -> Result<(), Error> {
    Agent::new(path, Some(timeout_ms))?.run()
}
