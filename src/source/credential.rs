//! What a source holds, made of the fields that it was read from.

use crate::scram::ClientCredential;
use crate::token::Token;
use crate::{error::Error, status::Status};

/// What a source holds at one time.
#[derive(Clone, Debug)]
pub enum CurrentCredential {
    /// A delegation token.
    Token(Token),
    /// A SCRAM user and its password.
    Password(ClientCredential),
}

impl CurrentCredential {
    pub(super) fn has_expired(&self, now_ms: i64) -> bool {
        match self {
            Self::Token(token) => token.has_expired(now_ms),
            Self::Password(_) => false,
        }
    }

    pub(super) fn into_client_credential(self) -> Result<ClientCredential, Error> {
        match self {
            Self::Token(token) => token.client_credential(),
            Self::Password(credential) => Ok(credential),
        }
    }
}

/// A credential, and what is to be told of it.
pub(super) struct Reading {
    pub(super) credential: CurrentCredential,
    pub(super) warning: Option<Warning>,
}

impl From<CurrentCredential> for Reading {
    fn from(credential: CurrentCredential) -> Self {
        Self { credential, warning: None }
    }
}

pub(super) enum Warning {
    /// The source is damaged, and this credential is the last good one.
    LastGood(String),
    /// Others may read the secret.
    Exposed(String),
}

/// A value and the name it has where it stands, for errors to give.
#[derive(Clone, Copy)]
pub(super) struct Field<'a> {
    pub(super) name: &'a str,
    pub(super) value: &'a [u8],
}

/// A token whose id and HMAC are these.
pub(super) fn token(id: Field<'_>, hmac: Field<'_>) -> Result<Token, Error> {
    make(Token::new, id, hmac)
}

pub(super) fn password(
    username: Field<'_>,
    password: Field<'_>,
) -> Result<CurrentCredential, Error> {
    // Whoever put it there meant the name before it. A password's own is left alone.
    if username.value.ends_with(b"\n") || username.value.ends_with(b"\r") {
        return Err(corrupt(format!("{} ends with a line end", username.name)));
    }
    make(ClientCredential::password, username, password).map(CurrentCredential::Password)
}

fn make<T>(
    make: impl FnOnce(&[u8], &[u8]) -> Result<T, Error>,
    name: Field<'_>,
    secret: Field<'_>,
) -> Result<T, Error> {
    for field in [name, secret] {
        if field.value.is_empty() {
            return Err(corrupt(format!("{} is empty", field.name)));
        }
    }
    make(name.value, secret.value)
        .map_err(|error| corrupt(format!("{} and {}: {error}", name.name, secret.name)))
}

pub(super) fn corrupt(text: impl Into<String>) -> Error {
    Error::new(Status::CORRUPT, text.into())
}
