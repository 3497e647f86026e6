//! Where panics end: what every door runs its calls in.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::{error::Error, status::Status};

/// What whoever called is told of a panic. Its own text is on standard error.
pub(crate) const FAULT: &str =
    "a fault inside scramtoken (a panic, its text is on standard error): please report it";

/// Runs a call; a panic becomes INTERNAL. What it was in the midst of has given up its state and is
/// over: that is the login's and the door's part.
pub(crate) fn catch<T>(run: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
    catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|_| Err(Error::new(Status::INTERNAL, FAULT)))
}

/// Runs what nobody asks a status of, such as a free: a panic is lost.
pub(crate) fn quietly(run: impl FnOnce()) {
    let _ = catch_unwind(AssertUnwindSafe(run));
}
