//! Tokens that another authority made: a Kafka cluster, or a host with an engine of its own.

use core::slice;

use super::backend::Write;
use super::tokens::{self, MAX_ID, StoredToken};
use super::{Store, StoredCredential, following, keys};
use crate::error::Error;
use crate::scram::{Credential, Mechanism, NEVER, StoredKeys, TOKEN_ITERATIONS};
use crate::status::Status;
use crate::token::{Principal, Token};

impl Store {
    /// Writes a token that another authority made, in place of an earlier one of its id. Its HMAC, owner
    /// and expiry must be known; an expiry of -1 means never. Credentials of both mechanisms are derived
    /// from the HMAC, which is not kept.
    ///
    /// # Errors
    ///
    /// `INVALID_ARGUMENT` for an id of more than 255 bytes, and where something is missing;
    /// `INVALID_PRINCIPAL_TYPE` for an owner that is no `User`; `INVALID_STATE` where the store follows
    /// a cluster; `IO`, `CORRUPT`.
    pub fn put_token(&self, token: &Token) -> Result<(), Error> {
        for token in self.derive_tokens(slice::from_ref(token)) {
            self.put_own_token(token?)?;
        }
        Ok(())
    }

    /// Writes a token by credentials that were derived before, one for each mechanism by which it is to
    /// log in, in place of an earlier one of its id.
    ///
    /// # Errors
    ///
    /// As of [`put_token`](Self::put_token); `INVALID_ARGUMENT` for no credential, or two of a mechanism.
    pub fn put_token_credentials(
        &self,
        id: &str,
        owner: &Principal,
        expiry_ms: i64,
        credentials: &[Credential<'_>],
    ) -> Result<(), Error> {
        let is_twice = |mechanism: &Mechanism| {
            credentials.iter().filter(|of| of.mechanism() == *mechanism).count() > 1
        };
        let invalid = |text| Err(Error::new(Status::INVALID_ARGUMENT, text));
        if credentials.is_empty() {
            return invalid("the token has neither an HMAC nor a credential");
        }
        if Mechanism::ALL.iter().any(is_twice) {
            return invalid("the token has two credentials of one mechanism");
        }
        // Of no HMAC that anybody could give.
        let digest = tokens::hmac_digest(&crate::random::bytes::<32>()?);
        let credentials = credentials.iter().map(StoredCredential::from).collect();
        let terms = Terms { owner: owner.clone(), expiry_ms };
        self.put_own_token(terms.stored(id, digest, credentials)?)
    }

    /// Removes a token; servers refuse it from then on.
    ///
    /// # Errors
    ///
    /// `TOKEN_NOT_FOUND`; `INVALID_STATE` where the store follows a cluster; `IO`, `CORRUPT`.
    pub fn delete_token(&self, id: &str) -> Result<(), Error> {
        let removed = self.write(|write| {
            following::check_own(&*write)?;
            tokens::remove(write, id)
        })?;
        match removed {
            Some(_) => Ok(()),
            None => Err(Error::new(Status::TOKEN_NOT_FOUND, "the store has no token of that id")),
        }
    }

    fn put_own_token(&self, token: StoredToken) -> Result<(), Error> {
        self.write(|write| {
            following::check_own(&*write)?;
            put(write, token)
        })
    }

    /// Derives what is kept of tokens, which is what takes time. The salts are those of the made-up
    /// challenges for unknown tokens of their ids.
    ///
    /// # Errors
    ///
    /// For each token as of [`put_token`](Self::put_token), but the store's.
    pub(crate) fn derive_tokens(&self, tokens: &[Token]) -> Vec<Result<StoredToken, Error>> {
        let mock = self.mock_challenges(TOKEN_ITERATIONS);
        let mut all: Vec<Result<Underived<'_>, Error>> =
            tokens.iter().map(Underived::new).collect();
        for mechanism in Mechanism::ALL {
            let salts: Vec<Vec<u8>> =
                tokens.iter().map(|token| mock.token_salt(mechanism, &token.id)).collect();
            // Those that were refused have nothing to be hashed.
            let of = all.iter().zip(&salts).map(|(token, salt)| {
                token.as_ref().map_or(NOTHING, |token| (token.hmac, salt.as_slice()))
            });
            let of: Vec<(&[u8], &[u8])> = of.collect();
            let keys = StoredKeys::derive_many(mechanism, TOKEN_ITERATIONS, &of);
            for ((token, keys), salt) in all.iter_mut().zip(keys).zip(salts) {
                let Ok(underived) = token else { continue };
                let iterations = TOKEN_ITERATIONS;
                match keys {
                    Ok(keys) => underived.stored.credentials.push(StoredCredential {
                        mechanism,
                        salt,
                        iterations,
                        keys,
                    }),
                    Err(error) => *token = Err(error),
                }
            }
        }
        all.into_iter().map(|token| token.map(|token| token.stored)).collect()
    }
}

/// A token that has been checked, but has no credentials yet.
struct Underived<'a> {
    stored: StoredToken,
    hmac: &'a [u8],
}

impl<'a> Underived<'a> {
    fn new(token: &'a Token) -> Result<Self, Error> {
        let missing = |what: &str| {
            let text = format!("the token has no {what}");
            Error::new(Status::INVALID_ARGUMENT, text)
        };
        let owner = token.owner.as_deref().ok_or_else(|| missing("owner"))?.parse()?;
        let terms = Terms { owner, expiry_ms: token.expiry_ms.ok_or_else(|| missing("expiry"))? };
        let hmac = token.hmac.as_ref().ok_or_else(|| missing("HMAC"))?.as_bytes();
        let stored = terms.stored(&token.id, tokens::hmac_digest(hmac), Vec::new())?;
        let stored = StoredToken {
            requester: token.requester.clone().unwrap_or_else(|| stored.owner.clone()),
            renewers: token.renewers.clone(),
            issue_ms: token.issue_ms.unwrap_or_default(),
            max_ms: token.max_ms.unwrap_or(stored.max_ms),
            ..stored
        };
        Ok(Self { stored, hmac })
    }
}

const NOTHING: (&[u8], &[u8]) = (b"", b"");

/// Writes a token that was made with a secret key of others.
pub(crate) fn put(write: &mut dyn Write, mut token: StoredToken) -> Result<(), Error> {
    token.key_number = keys::outside(write)?;
    tokens::put(write, &token)
}

/// What must be said of every token.
struct Terms {
    owner: Principal,
    expiry_ms: i64,
}

impl Terms {
    fn stored(
        self,
        id: &str,
        hmac_digest: [u8; 32],
        credentials: Vec<StoredCredential>,
    ) -> Result<StoredToken, Error> {
        let Self { owner, expiry_ms } = self;
        let invalid = |text| Err(Error::new(Status::INVALID_ARGUMENT, text));
        if !(1..=MAX_ID).contains(&id.len()) || id.contains('\0') {
            return invalid(format!("a token's id has 1 to {MAX_ID} bytes, and no NUL"));
        }
        if expiry_ms < NEVER {
            return invalid(format!(
                "an expiry of {expiry_ms} ms lies before 1970; -1 means never"
            ));
        }
        // A login acts as `User:` and the owner's name; another type would become somebody else.
        if !owner.is_user() {
            let text = format!("the owner {:?} is not of the type User", owner.as_str());
            return Err(Error::new(Status::INVALID_PRINCIPAL_TYPE, text));
        }
        // In the order of time, the latest there is.
        let expiry_ms = if expiry_ms == NEVER { i64::MAX } else { expiry_ms };
        Ok(StoredToken {
            id: id.to_owned(),
            key_number: 0, // until it is put
            owner: owner.to_string(),
            requester: owner.to_string(),
            renewers: Vec::new(),
            issue_ms: 0,
            expiry_ms,
            max_ms: expiry_ms,
            hmac_digest,
            credentials,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::authority::{NewToken, Requester, TokenManager};

    fn token(id: &str) -> Token {
        let mut token = Token::new(id.as_bytes(), b"aG1hYw==").unwrap();
        token.owner = Some("User:alice".to_owned());
        token.expiry_ms = Some(5000);
        token
    }

    fn stored(store: &Store, id: &str) -> StoredToken {
        store.read(|read| tokens::by_id(read, id)).unwrap().unwrap()
    }

    #[test]
    fn a_token_is_put_with_the_salt_that_it_had_while_it_was_unknown() {
        let store = Store::open("memory:").unwrap();
        store.put_token(&token("id")).unwrap();
        let found = stored(&store, "id");
        assert_eq!((found.owner.as_str(), found.expiry_ms), ("User:alice", 5000));
        let mock = store.mock_challenges(4096);
        for credential in &found.credentials {
            assert_eq!(credential.salt, mock.token_salt(credential.mechanism, "id"));
            assert_eq!(credential.iterations, 4096);
        }
        assert_eq!(found.credentials.len(), 2);
        assert_eq!(store.check(|_, _| ()).unwrap().problems, [""; 0]);
        store.delete_token("id").unwrap();
        assert_eq!(store.delete_token("id").unwrap_err().status(), Status::TOKEN_NOT_FOUND);
        let stats = store.stats(0).unwrap();
        assert_eq!((stats.tokens, stats.secret_keys, stats.removed_secret_keys), (0, 0, 0));
    }

    #[test]
    fn what_cannot_be_a_token_is_refused() {
        let store = Store::open("memory:").unwrap();
        let refused = |change: fn(&mut Token), status| {
            let mut changed = token("id");
            change(&mut changed);
            assert_eq!(store.put_token(&changed).unwrap_err().status(), status);
        };
        refused(|token| token.hmac = None, Status::INVALID_ARGUMENT);
        refused(|token| token.owner = None, Status::INVALID_ARGUMENT);
        refused(|token| token.expiry_ms = None, Status::INVALID_ARGUMENT);
        refused(|token| token.expiry_ms = Some(-2), Status::INVALID_ARGUMENT);
        refused(|token| token.id = "i".repeat(256), Status::INVALID_ARGUMENT);
        refused(|token| token.owner = Some("alice".into()), Status::INVALID_ARGUMENT);
        refused(|token| token.owner = Some("Group:alice".into()), Status::INVALID_PRINCIPAL_TYPE);
        let owner = "User:alice".parse().unwrap();
        let none = store.put_token_credentials("id", &owner, -1, &[]).unwrap_err();
        assert_eq!(none.status(), Status::INVALID_ARGUMENT);
        assert_eq!(store.stats(0).unwrap().tokens, 0);
    }

    #[test]
    fn a_token_without_an_end_is_never_swept() {
        let store = Store::open("memory:").unwrap();
        store.put_token(&Token { expiry_ms: Some(-1), ..token("for-ever") }).unwrap();
        store.put_token(&token("ended")).unwrap();
        let manager = TokenManager::new(&store);
        assert_eq!(manager.sweep_store(i64::MAX - 1), Ok(1));
        assert_eq!(stored(&store, "for-ever").expiry_ms, i64::MAX);
    }

    /// The same name of no key: by a manager's hand nothing happens to it.
    #[test]
    fn managers_and_hosts_share_a_store() {
        let store = Store::open("memory:").unwrap();
        store.put_token(&token("id")).unwrap();
        let manager = TokenManager::new(&store);
        manager.add_secret_key("key", b"0123456789abcdef").unwrap();
        assert_eq!(
            manager.remove_secret_key("", 0).unwrap_err().status(),
            Status::INVALID_ARGUMENT
        );
        let alice = Requester::new("User:alice".parse().unwrap());
        manager.create(&alice, &NewToken::default(), 5, || Ok([1; 16])).unwrap();
        let mut hmacs = Vec::new();
        let visit = |token: Token| {
            hmacs.push((token.id.clone(), token.hmac.is_some()));
            core::ops::ControlFlow::Continue(())
        };
        manager.describe(&alice, None, visit).unwrap();
        hmacs.sort();
        assert_eq!(hmacs.iter().map(|(_, has)| *has).collect::<Vec<_>>(), [true, false]);
        assert_eq!(manager.renew(&alice, b"aG1hYw==", 1000, 500), Ok(1500));
        assert_eq!(store.stats(0).unwrap().secret_keys, 1);
    }
}
