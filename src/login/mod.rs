//! One login while it runs: what it shares with others, where it looks names up, what it tells.
//!
//! The states of [`scram`](crate::scram) are below it: they decide. This room keeps one of them at a
//! time, gives it nonces and the time, and says what a call out of order comes to, so that a login
//! behaves the same through every door.

mod client;
mod config;
mod pending;
mod server;

pub use client::{Client, ClientProgress, CredentialKind};
pub use config::ServerConfig;
pub(crate) use pending::Pending;
pub use server::{Server, ServerProgress, StepError, Verdict};

use crate::error::Error;
use crate::scram::Nonce;
use crate::status::Status;

/// A random nonce, unless a test chose one.
fn nonce(chosen: Option<Nonce>) -> Result<Nonce, Error> {
    match chosen {
        Some(nonce) => Ok(nonce),
        None => Nonce::random(),
    }
}

impl Nonce {
    /// A nonce for one login, from getrandom(2), so that forked processes never repeat one.
    ///
    /// # Errors
    ///
    /// `IO` when the system gives no random numbers.
    pub fn random() -> Result<Self, Error> {
        crate::random::bytes().map(Self::from_random)
    }
}

fn too_late() -> Error {
    Error::new(Status::INVALID_STATE, "the login has begun: too late to set up")
}

fn stepping() -> Error {
    let text = "a step is running: neither its callbacks nor another thread can use the login";
    Error::new(Status::INVALID_STATE, text)
}

fn over() -> Error {
    Error::new(Status::INVALID_STATE, "the login is over: no step follows")
}
