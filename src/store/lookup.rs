//! What the store says to a server's question who somebody is.

use super::backend::Read;
use super::keys::{self, KeyState};
use super::{tokens, users};
use crate::error::Error;
use crate::scram::{Credential, IdentityKind, Mechanism};

/// Whose name it is, with the salt still in the store's memory.
pub(super) enum Found<'a> {
    User(Credential<'a>),
    Token {
        credential: Credential<'a>,
        /// The owner's name, without `User:`.
        owner: &'a str,
        expiry_ms: i64,
    },
    Nobody,
}

/// Looks a name up: where both would do, a name that is a user's in any mechanism is never a token.
pub(super) fn find<'a>(
    read: &'a dyn Read,
    name: &str,
    kind: IdentityKind,
    mechanism: Mechanism,
) -> Result<Found<'a>, Error> {
    if kind.admits(IdentityKind::User) {
        if let Some(credential) = users::credential(read, name, mechanism)? {
            return Ok(Found::User(credential));
        }
        if kind == IdentityKind::User || users::exists(read, name)? {
            return Ok(Found::Nobody);
        }
    }
    token(read, name, mechanism)
}

/// A token past its expiry is found: that it has expired is for the verdict to say.
fn token<'a>(read: &'a dyn Read, id: &str, mechanism: Mechanism) -> Result<Found<'a>, Error> {
    let Some((token, credential)) = tokens::login(read, id, mechanism)? else {
        return Ok(Found::Nobody);
    };
    if keys::state(read, token.key_number)? != KeyState::Live {
        return Ok(Found::Nobody);
    }
    let owner = token.owner.split_once(':').map_or(token.owner, |(_, name)| name);
    Ok(Found::Token { credential, owner, expiry_ms: token.expiry_ms })
}
