//! What the store says to a server's question who somebody is.

use core::ops::RangeInclusive;

use super::backend::Read;
use super::keys::{self, KeyState};
use super::{following, tokens, users};
use crate::error::Error;
use crate::scram::{Credential, Decoy, IdentityKind, Mechanism, NEVER};

/// What was found of a name, with the salt still in the store's memory.
pub(super) struct Found<'a> {
    pub(super) whose: Whose<'a>,
    /// Of a name that nobody has, a decoy's.
    pub(super) credential: Credential<'a>,
    /// When the store can say which tokens there are, in ms since 1970; of a user it always can.
    pub(super) tokens_known: RangeInclusive<i64>,
}

/// Whose name it is.
pub(super) enum Whose<'a> {
    User,
    Token {
        /// The owner's name, without `User:`.
        owner: &'a str,
        /// Or [`NEVER`].
        expiry_ms: i64,
    },
    Nobody,
}

/// What is read in place of a record that is not there: a lookup that finds nothing takes as long as one
/// that finds something.
pub(super) struct Decoys {
    sha_256: OfMechanism,
    sha_512: OfMechanism,
    token: tokens::Decoy,
}

struct OfMechanism {
    user: users::Decoy,
    credential: Decoy,
}

impl Decoys {
    pub(super) fn new() -> Result<Self, Error> {
        let [sha_256, sha_512] = Mechanism::ALL.map(Decoy::new);
        let of_token = vec![(&sha_256.credential()?).into(), (&sha_512.credential()?).into()];
        let token = tokens::Decoy::new(of_token)?;
        Ok(Self { sha_256: OfMechanism::new(sha_256)?, sha_512: OfMechanism::new(sha_512)?, token })
    }

    fn of(&self, mechanism: Mechanism) -> &OfMechanism {
        match mechanism {
            Mechanism::ScramSha256 => &self.sha_256,
            Mechanism::ScramSha512 => &self.sha_512,
        }
    }
}

impl OfMechanism {
    fn new(credential: Decoy) -> Result<Self, Error> {
        let user = users::Decoy::new(&(&credential.credential()?).into())?;
        Ok(Self { user, credential })
    }
}

/// Looks a name up: where both would do, a name that is a user's in any mechanism is never a token.
/// What is looked up depends on the kind, and never on what is there.
pub(super) fn find<'a>(
    read: &'a dyn Read,
    decoys: &'a Decoys,
    name: &str,
    kind: IdentityKind,
    mechanism: Mechanism,
) -> Result<Found<'a>, Error> {
    match kind {
        IdentityKind::User => user(read, decoys, name, mechanism),
        IdentityKind::Token => token(read, decoys, name, mechanism),
        IdentityKind::Either => {
            let user = user(read, decoys, name, mechanism)?;
            let is_user_elsewhere = users::has_another(read, name, mechanism)?;
            let token = token(read, decoys, name, mechanism);
            let is_user = matches!(user.whose, Whose::User) || is_user_elsewhere;
            if is_user { Ok(user) } else { token }
        }
    }
}

fn user<'a>(
    read: &'a dyn Read,
    decoys: &'a Decoys,
    name: &str,
    mechanism: Mechanism,
) -> Result<Found<'a>, Error> {
    let (is_there, credential) = users::login(read, name, mechanism, &decoys.of(mechanism).user)?;
    let whose = if is_there { Whose::User } else { Whose::Nobody };
    Ok(Found { whose, credential, tokens_known: i64::MIN..=i64::MAX })
}

/// A token past its expiry is found: that it has expired is for the verdict to say.
fn token<'a>(
    read: &'a dyn Read,
    decoys: &'a Decoys,
    id: &str,
    mechanism: Mechanism,
) -> Result<Found<'a>, Error> {
    let tokens::Login { is_there, token, credential } =
        tokens::login(read, id, mechanism, &decoys.token)?;
    let state = keys::find_state(read, token.key_number)?;
    if is_there && state.is_none() {
        return Err(keys::missing(token.key_number));
    }
    let owner = token.owner.split_once(':').map_or(token.owner, |(_, name)| name);
    let whose = if is_there && state == Some(KeyState::Live) {
        let expiry_ms = if token.expiry_ms == i64::MAX { NEVER } else { token.expiry_ms };
        Whose::Token { owner, expiry_ms }
    } else {
        Whose::Nobody
    };
    let tokens_known = following::tokens_known(read)?;
    match credential {
        Some(credential) => Ok(Found { whose, credential, tokens_known }),
        // It cannot log in by that mechanism.
        None => {
            let credential = decoys.of(mechanism).credential.credential()?;
            Ok(Found { whose: Whose::Nobody, credential, tokens_known })
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::super::Store;
    use super::super::backend::{Table, Visit};
    use super::super::tokens::StoredToken;
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
            let Found { whose, credential, .. } =
                find(read, &store.0.decoys, name, kind, mechanism)?;
            assert_eq!(credential.mechanism(), mechanism);
            Ok(match whose {
                Whose::User => "user".to_owned(),
                Whose::Token { owner, expiry_ms } => {
                    assert_eq!(credential.salt(), b"salt");
                    format!("{owner} {expiry_ms}")
                }
                Whose::Nobody => "nobody".to_owned(),
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

    /// A snapshot that remembers which tables were asked.
    struct Watched<'a> {
        inner: &'a dyn Read,
        asked: RefCell<Vec<Table>>,
    }

    impl Read for Watched<'_> {
        fn get(&self, table: Table, key: &[u8]) -> Result<Option<&[u8]>, Error> {
            self.asked.borrow_mut().push(table);
            self.inner.get(table, key)
        }

        fn scan(&self, table: Table, from: &[u8], visit: &mut Visit<'_>) -> Result<(), Error> {
            self.inner.scan(table, from, visit)
        }

        fn len(&self, table: Table) -> Result<u64, Error> {
            self.inner.len(table)
        }
    }

    /// Otherwise time tells who exists.
    #[test]
    fn the_same_is_asked_for_every_name() {
        let store = store();
        let removed = store.write(|write| keys::register(write, "removed", &[2; 32])).unwrap();
        let of_removed =
            StoredToken { key_number: removed.number, ..token("gone", "User:a", 5000) };
        store.write(|write| tokens::put(write, &of_removed)).unwrap();
        store.write(|write| keys::remove(write, &removed)).unwrap();
        let names = ["bob", "both", "id", "half", "gone", "nobody", "AAAAAAAAAAAAAAAAAAAAAA"];
        for (kind, expected) in [
            (User, vec![Table::Users]),
            (Token, vec![Table::Tokens, Table::Keys, Table::Meta]),
            (Either, vec![Table::Users, Table::Users, Table::Tokens, Table::Keys, Table::Meta]),
        ] {
            for (name, mechanism) in
                names.iter().flat_map(|name| Mechanism::ALL.map(|mechanism| (name, mechanism)))
            {
                let asked = store.read(|read| {
                    let watched = Watched { inner: read, asked: RefCell::default() };
                    find(&watched, &store.0.decoys, name, kind, mechanism)?;
                    Ok(watched.asked.into_inner())
                });
                assert_eq!(asked.unwrap(), expected, "{name} {kind:?} {mechanism:?}");
            }
        }
    }

    #[test]
    fn damage_is_an_error_and_nobody() {
        use super::super::backend::Write;
        let store = store();
        let damage = |write: &mut dyn Write| {
            let mut record = write.get(Table::Tokens, b"id")?.unwrap().to_vec();
            record[40] ^= 1;
            write.put(Table::Tokens, b"id", &record)
        };
        store.write(damage).unwrap();
        let error = store
            .read(|read| find(read, &store.0.decoys, "id", Token, SHA_256).map(|_| ()))
            .unwrap_err();
        assert_eq!(error.status(), Status::CORRUPT);
        assert!(error.text().contains("tokens: the record id is damaged"), "{error}");
    }
}
