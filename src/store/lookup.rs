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

#[cfg(test)]
mod tests {
    use super::super::Store;
    use super::super::tokens::tests::token;
    use super::*;
    use crate::scram::IdentityKind::{Either, Token, User};
    use crate::status::Status;

    const SHA_256: Mechanism = Mechanism::ScramSha256;
    const SHA_512: Mechanism = Mechanism::ScramSha512;

    /// A token "id" of alice's, a token "both" and a user "both" of SCRAM-SHA-256, a user "bob" of
    /// both mechanisms, a token "half" that has a credential of SCRAM-SHA-256 alone.
    fn store() -> Store {
        let store = Store::open("memory:").unwrap();
        let mut half = token("half", "User:alice", 5000);
        half.credentials.pop();
        let tokens = [token("id", "User:alice:b", 5000), token("both", "User:dora", 5000), half];
        store
            .write(|write| {
                keys::register(write, "key", &[1; 32])?;
                tokens.iter().try_for_each(|token| tokens::put(write, token))
            })
            .unwrap();
        for (mechanism, name) in [(SHA_256, "both"), (SHA_256, "bob"), (SHA_512, "bob")] {
            store.put_user(mechanism, name.as_bytes(), b"pencil", 4096).unwrap();
        }
        store
    }

    /// "user", "nobody", or a token's owner and expiry.
    fn found(store: &Store, name: &str, kind: IdentityKind, mechanism: Mechanism) -> String {
        let find = |read: &dyn Read| {
            Ok(match find(read, name, kind, mechanism)? {
                Found::User(credential) => {
                    assert_eq!(credential.mechanism(), mechanism);
                    "user".to_owned()
                }
                Found::Token { credential, owner, expiry_ms } => {
                    assert_eq!(
                        (credential.mechanism(), credential.salt()),
                        (mechanism, &b"salt"[..])
                    );
                    format!("{owner} {expiry_ms}")
                }
                Found::Nobody => "nobody".to_owned(),
            })
        };
        store.read(find).unwrap()
    }

    #[test]
    fn users_and_tokens_are_kept_apart() {
        let store = store();
        for (name, kind, of_sha_256, of_sha_512) in [
            ("bob", User, "user", "user"),
            ("bob", Token, "nobody", "nobody"),
            ("bob", Either, "user", "user"),
            ("id", User, "nobody", "nobody"),
            ("id", Token, "alice:b 5000", "alice:b 5000"),
            ("id", Either, "alice:b 5000", "alice:b 5000"),
            ("both", User, "user", "nobody"),
            ("both", Token, "dora 5000", "dora 5000"),
            // A user in any mechanism: never the token.
            ("both", Either, "user", "nobody"),
            ("half", Token, "alice 5000", "nobody"),
            ("half", Either, "alice 5000", "nobody"),
            ("", Either, "nobody", "nobody"),
        ] {
            assert_eq!(found(&store, name, kind, SHA_256), of_sha_256, "{name} {kind:?}");
            assert_eq!(found(&store, name, kind, SHA_512), of_sha_512, "{name} {kind:?}");
        }
        assert_eq!(found(&store, &"n".repeat(4096), Either, SHA_256), "nobody");
    }

    #[test]
    fn the_tokens_of_a_removed_key_are_nobodys() {
        let store = store();
        let key = store.read(|read| keys::by_name(read, "key")).unwrap().unwrap();
        assert_eq!(store.write(|write| keys::remove(write, &key)), Ok(3));
        assert_eq!(found(&store, "id", Token, SHA_256), "nobody");
        assert_eq!(found(&store, "id", Either, SHA_512), "nobody");
        assert_eq!(found(&store, "bob", Either, SHA_256), "user");
    }

    #[test]
    fn damage_is_an_error_and_nobody() {
        use super::super::backend::{Table, Write};
        let store = store();
        let damage = |write: &mut dyn Write| {
            let mut record = write.get(Table::Tokens, b"id")?.unwrap().to_vec();
            record[40] ^= 1;
            write.put(Table::Tokens, b"id", &record)
        };
        store.write(damage).unwrap();
        let error = store.read(|read| find(read, "id", Token, SHA_256).map(|_| ())).unwrap_err();
        assert_eq!(error.status(), Status::CORRUPT);
        assert!(error.text().contains("tokens: the record id is damaged"), "{error}");
    }
}
