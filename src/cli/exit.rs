//! Exit codes: which kind of failure, for scripts.

use crate::{error::Error, status::Status};

/// Stands at the end of --help.
pub(super) const HELP: &str = include_str!("../exit_codes.txt");

/// What went wrong with a file or store: it exits as that, and not as a network does.
pub(super) fn of_file(error: Error) -> Error {
    match error.status() {
        Status::IO => Error::new(Status::CORRUPT, error.text().to_owned()),
        _ => error,
    }
}

/// The exit code; 0 of `OK`.
pub(super) fn number(status: Status) -> u8 {
    match status {
        Status::OK => 0,
        Status::INVALID_ARGUMENT => 2,
        Status::IO => 3,
        Status::SERVER_REFUSED
        | Status::SERVER_SIGNATURE
        | Status::INVALID_PROOF
        | Status::UNKNOWN_USER
        | Status::TOKENS_STALE
        | Status::UNSUPPORTED_MECHANISM
        | Status::ITERATIONS
        | Status::NONCE => 4,
        Status::TOKEN_EXPIRED => 5,
        Status::CORRUPT | Status::PERMISSIONS => 6,
        _ => 1,
    }
}
