//! One value of a client's properties.

use core::fmt::Display;

use crate::properties::Properties;
use crate::{error::Error, status::Status};

/// A value without the blanks around it, None when nothing is left; as Kafka reads its own.
pub(super) fn value<'a>(properties: &'a Properties, key: &str) -> Option<&'a str> {
    properties.get(key).map(str::trim).filter(|value| !value.is_empty())
}

/// What is wrong with the value of a key.
pub(super) fn invalid(key: &str, what: impl Display) -> Error {
    Error::new(Status::INVALID_ARGUMENT, format!("{key}: {what}"))
}
