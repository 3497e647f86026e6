//! `env:`: the variables `KAFKA_TOKEN_ID` and `KAFKA_TOKEN_HMAC`.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

use zeroize::Zeroizing;

use super::credential::{CurrentCredential, Field, token};
use crate::{error::Error, status::Status};

const TOKEN_ID: &str = "KAFKA_TOKEN_ID";
const HMAC: &str = "KAFKA_TOKEN_HMAC";

/// Takes both variables as `variable` gives them now.
pub(super) fn read(
    variable: impl Fn(&str) -> Option<OsString>,
) -> Result<CurrentCredential, Error> {
    let value = |name| variable(name).map(|value| Zeroizing::new(value.into_vec()));
    match (value(TOKEN_ID), value(HMAC)) {
        (Some(id), Some(hmac)) => {
            let id = Field { name: TOKEN_ID, value: &id };
            token(id, Field { name: HMAC, value: &hmac }).map(CurrentCredential::Token)
        }
        (None, Some(_)) => Err(missing(TOKEN_ID)),
        (Some(_), None) => Err(missing(HMAC)),
        (None, None) => Err(missing("KAFKA_TOKEN_ID and KAFKA_TOKEN_HMAC")),
    }
}

fn missing(names: &str) -> Error {
    Error::new(Status::IO, format!("the environment lacks {names}: set both"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_of(id: Option<&[u8]>, hmac: Option<&[u8]>) -> Result<CurrentCredential, Error> {
        let value = |bytes: Option<&[u8]>| bytes.map(|bytes| OsString::from_vec(bytes.to_vec()));
        read(|name| match name {
            TOKEN_ID => value(id),
            HMAC => value(hmac),
            other => panic!("{other} is nobody's business"),
        })
    }

    #[test]
    fn both_variables_make_a_token() {
        let Ok(CurrentCredential::Token(token)) = read_of(Some(b"id"), Some(b"aG1hYw==")) else {
            panic!("no token");
        };
        assert_eq!((token.id.as_str(), token.expiry_ms), ("id", None));
        assert_eq!(token.hmac.unwrap().as_str(), "aG1hYw==");
    }

    #[test]
    fn what_is_missing_or_empty_is_named() {
        type Row<'a> = (Option<&'a [u8]>, Option<&'a [u8]>, Status, &'a str);
        let rows: [Row<'_>; 6] = [
            (None, Some(b"aG1hYw=="), Status::IO, "lacks KAFKA_TOKEN_ID:"),
            (Some(b"id"), None, Status::IO, "lacks KAFKA_TOKEN_HMAC:"),
            (None, None, Status::IO, "lacks KAFKA_TOKEN_ID and KAFKA_TOKEN_HMAC:"),
            (Some(b""), Some(b"aG1hYw=="), Status::CORRUPT, "KAFKA_TOKEN_ID is empty"),
            (Some(b"id"), Some(b""), Status::CORRUPT, "KAFKA_TOKEN_HMAC is empty"),
            (Some(b"\xff"), Some(b"aG1hYw=="), Status::CORRUPT, "KAFKA_TOKEN_ID"),
        ];
        for (id, hmac, status, text) in rows {
            let error = read_of(id, hmac).unwrap_err();
            assert_eq!(error.status(), status, "{error}");
            assert!(error.text().contains(text), "{error}");
            assert!(!error.text().contains("aG1hYw"), "{error}");
        }
    }
}
