//! A Kafka principal: `User:alice`.

use core::fmt;
use core::str::FromStr;

use crate::{error::Error, status::Status};

/// Type and name; tokens belong to principals of the type `User`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Principal {
    pub(crate) kind: String,
    pub(crate) name: String,
}

impl FromStr for Principal {
    type Err = Error;

    /// # Errors
    ///
    /// `INVALID_PRINCIPAL_TYPE` for anything but `type:name`.
    fn from_str(text: &str) -> Result<Self, Error> {
        match text.trim().split_once(':') {
            Some((kind, name)) if !kind.is_empty() => {
                Ok(Self { kind: kind.to_owned(), name: name.to_owned() })
            }
            _ => Err(Error::new(
                Status::INVALID_PRINCIPAL_TYPE,
                format!("the principal {text:?} is not written as type:name, such as User:alice"),
            )),
        }
    }
}

impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.kind, self.name)
    }
}
