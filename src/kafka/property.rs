//! One value of a client's properties.

use core::fmt::Display;
use core::str::FromStr;
use core::time::Duration;

use crate::properties::Properties;
use crate::{error::Error, status::Status};

/// A value without the blanks around it, None when nothing is left; as Kafka reads its own.
pub(super) fn value<'a>(properties: &'a Properties, key: &str) -> Option<&'a str> {
    properties.get(key).map(str::trim).filter(|value| !value.is_empty())
}

/// A number, or what stands for it where the key is not there.
pub(super) fn number<N: FromStr>(
    properties: &Properties,
    key: &str,
    default: N,
) -> Result<N, Error> {
    match value(properties, key) {
        None => Ok(default),
        Some(text) => text.parse().map_err(|_| invalid(key, "it is not a whole number that fits")),
    }
}

/// A number of milliseconds.
pub(super) fn milliseconds(
    properties: &Properties,
    key: &str,
    default: u32,
) -> Result<Duration, Error> {
    // 32 bits, as in Kafka: some 25 days.
    number(properties, key, default).map(|ms| Duration::from_millis(ms.into()))
}

/// What is wrong with the value of a key.
pub(super) fn invalid(key: &str, what: impl Display) -> Error {
    Error::new(Status::INVALID_ARGUMENT, format!("{key}: {what}"))
}
