//! A Kafka principal: `User:alice`.

use core::fmt;
use core::str::FromStr;

use crate::{error::Error, status::Status};

/// Who does something, or whom something belongs to: a type and a name, written `User:alice`.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Principal {
    text: String,
    kind_len: usize,
}

impl Principal {
    /// The type whose principals own and renew tokens.
    pub const USER: &'static str = "User";

    /// The type, such as `User`.
    pub fn kind(&self) -> &str {
        self.text.get(..self.kind_len).unwrap_or_default()
    }

    /// The name, such as `alice`.
    pub fn name(&self) -> &str {
        self.text.get(self.kind_len + 1..).unwrap_or_default()
    }

    /// Type and name, such as `User:alice`.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Reads a principal as Kafka's tools do: type and name may be empty, although nobody is that.
    ///
    /// # Errors
    ///
    /// `INVALID_ARGUMENT` for a text without a colon, with a NUL, or over 4096 bytes.
    pub(crate) fn as_kafka_reads(text: &str) -> Result<Self, Error> {
        Self::split(text)
    }

    fn split(text: &str) -> Result<Self, Error> {
        if text.len() > MAX_LEN {
            let len = text.len();
            let text = format!("a principal has {len} bytes, and more than {MAX_LEN}");
            return Err(Error::new(Status::INVALID_ARGUMENT, text));
        }
        let kind_len = text.find(':').filter(|_| !text.contains('\0'));
        let kind_len = kind_len.ok_or_else(not_a_principal)?;
        Ok(Self { text: text.to_owned(), kind_len })
    }

    /// Whether it is of the type [`USER`](Self::USER).
    pub fn is_user(&self) -> bool {
        self.kind() == Self::USER
    }
}

/// The longest principal, in bytes; no longer name fits a login.
const MAX_LEN: usize = crate::scram::MAX_MESSAGE;

impl FromStr for Principal {
    type Err = Error;

    /// # Errors
    ///
    /// `INVALID_ARGUMENT` for anything but `type:name` without a NUL, and over 4096 bytes.
    fn from_str(text: &str) -> Result<Self, Error> {
        let principal = Self::split(text)?;
        if principal.kind().is_empty() || principal.name().is_empty() {
            return Err(not_a_principal());
        }
        Ok(principal)
    }
}

fn not_a_principal() -> Error {
    let text = "a principal is written as type:name, such as User:alice";
    Error::new(Status::INVALID_ARGUMENT, text)
}

impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn type_and_name() {
        for (text, kind, name) in [
            ("User:alice", "User", "alice"),
            ("Group:a:b", "Group", "a:b"),
            ("User: é ", "User", " é "),
        ] {
            let principal: Principal = text.parse().unwrap();
            assert_eq!((principal.kind(), principal.name()), (kind, name));
            assert_eq!((principal.as_str(), principal.to_string().as_str()), (text, text));
            assert_eq!(principal.is_user(), kind == "User");
        }
    }

    #[test]
    fn anything_else_is_none() {
        let long = format!("User:{}", "x".repeat(MAX_LEN));
        for text in ["", "alice", ":alice", "User:", "User:a\0b", &long] {
            let error = text.parse::<Principal>().unwrap_err();
            assert_eq!(error.status(), Status::INVALID_ARGUMENT);
            assert!(error.text().len() < 200 && !error.text().contains("a\\0b"), "{error}");
        }
    }

    #[test]
    fn kafka_reads_empty_names() {
        for (text, kind, name) in [("User:", "User", ""), (":", "", ""), (":a:b", "", "a:b")] {
            let principal = Principal::as_kafka_reads(text).unwrap();
            assert_eq!((principal.kind(), principal.name()), (kind, name));
        }
        for text in ["", "alice", "User:a\0b"] {
            assert!(Principal::as_kafka_reads(text).is_err(), "{text:?}");
        }
    }
}
