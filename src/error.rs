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
    ///
    /// A status that is no error becomes `INTERNAL`: as a number it would say that all is well, and
    /// from a server's step that the peer is authenticated.
    pub fn new(status: Status, text: impl Into<Cow<'static, str>>) -> Self {
        let status = if status.is_error() { status } else { Status::INTERNAL };
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_never_a_success() {
        for status in [Status::OK, Status::CONTINUE, Status::NEED_CREDENTIAL, Status::from_raw(7)] {
            assert_eq!(Error::new(status, "text").status(), Status::INTERNAL);
        }
        let kafkas = Status::from_raw(-1035);
        assert_eq!(Error::new(kafkas, "text").status(), kafkas);
    }
}
