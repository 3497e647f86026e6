//! The one error type: a status for programs and a sentence for people.

use core::fmt;
use std::borrow::Cow;

use crate::status::Status;

/// Why something failed. The text never holds a secret.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Error {
    status: Status,
    text: Cow<'static, str>,
}

impl Error {
    /// An error of this status; `text` says what is wrong and, where it can, how to mend it.
    pub fn new(status: Status, text: impl Into<Cow<'static, str>>) -> Self {
        debug_assert!(status.is_error());
        Self { status, text: text.into() }
    }

    /// The status, always an error.
    pub fn status(&self) -> Status {
        self.status
    }

    /// The sentence.
    pub fn text(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for Error {}
