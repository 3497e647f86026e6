//! The authority over a store's tokens: its settings, and to create, renew and expire.

use core::fmt;
use std::sync::Arc;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use parking_lot::{RwLock, RwLockReadGuard, RwLockWriteGuard};
use zeroize::Zeroizing;

use super::keyring::{HeldKey, Keyring};
use super::requests::{NewToken, Question, Requester, TOKEN_ENTROPY, TokenOperation};
use super::rules::{self, Ends, Expiry, Lifetimes, Terms};
use super::secret_key::SecretKey;
use crate::audit::{Event, Operation};
use crate::scram::{ITERATIONS, Mechanism, StoredKeys, check_name};
use crate::store::{Read, Store, StoredCredential, following, keys, tokens};
use crate::token::Principal;
use crate::token::Token;
use crate::{error::Error, status::Status};

/// Makes, renews, expires and describes the tokens of a store, by the rules of Kafka's KRaft
/// controller. Managers of one store, in this process and others, may do so at the same time.
///
/// As a shared reference it serves any number of threads. A clone has the same secret keys, those too
/// that are added later, and settings of its own. Without a secret key tokens are switched off: every
/// operation is `TOKEN_AUTH_DISABLED`. `now_ms` is milliseconds since 1970.
///
/// ```
/// use core::ops::ControlFlow;
/// use scramtoken::{
///     Error, NewToken, Requester, Status, Store, TOKEN_ENTROPY, Token, TokenManager,
/// };
///
/// let store = Store::open("memory:")?; // or lmdb:/path, for every process of a host
/// let mut manager = TokenManager::new(&store);
/// manager.add_secret_key("2026", b"32 random bytes from a secret file")?;
/// # let day_ms = 24 * 60 * 60 * 1000;
/// manager.set_lifetimes(30 * day_ms, day_ms)?;
/// // Without an authorizer, nobody makes or sees tokens of others.
/// manager.set_authorizer(|question| question.requester == "User:admin");
///
/// let random = || {
///     let mut random = [0; TOKEN_ENTROPY];
///     getrandom::fill(&mut random)
///         .map_err(|error| Error::new(Status::IO, format!("no random numbers: {error}")))?;
///     Ok(random)
/// };
/// let alice = Requester::new("User:alice".parse()?);
/// let new = NewToken { renewers: vec!["User:bob".parse()?], ..NewToken::default() };
/// let now_ms = 1_800_000_000_000;
/// let token = manager.create(&alice, &new, now_ms, random)?;
/// let hmac = token.hmac.as_ref().expect("the key is here");
///
/// let bob = Requester::new("User:bob".parse()?);
/// let expiry_ms = manager.renew(&bob, hmac.as_bytes(), -1, now_ms + 1000)?;
/// assert_eq!(expiry_ms, now_ms + 1000 + day_ms);
///
/// // Another key signs from now on; what the first one signed goes on serving, until it is removed.
/// manager.add_secret_key("2027", b"32 other bytes from another file")?;
/// manager.set_signing_key("2027")?;
/// assert_eq!(manager.remove_secret_key("2026", now_ms)?, 1); // and so much for the token
/// manager.describe(&alice, None, |token: Token| {
///     println!("{}", token.id);
///     ControlFlow::Continue(())
/// })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct TokenManager {
    pub(super) store: Store,
    keyring: Arc<RwLock<Keyring>>,
    lifetimes: Lifetimes,
    /// Of the credentials of new tokens, as [`Mechanism::ALL`] goes; 0 for none.
    iterations: [u32; Mechanism::ALL.len()],
    authorizer: Option<Arc<Authorizer>>,
    audit: Option<Arc<Audit>>,
}

type Authorizer = dyn Fn(&Question<'_>) -> bool + Send + Sync;
type Audit = dyn Fn(Event) + Send + Sync;

impl TokenManager {
    /// A manager without secret keys, authorizer and audit; tokens live for seven days and are to
    /// be renewed each day; their credentials take 4096 iterations in both mechanisms.
    pub fn new(store: &Store) -> Self {
        Self {
            store: store.clone(),
            keyring: Arc::default(),
            lifetimes: Lifetimes::default(),
            iterations: [*ITERATIONS.start(); Mechanism::ALL.len()],
            authorizer: None,
            audit: None,
        }
    }

    /// The longest life of new tokens, and for how long a token is good until it has to be renewed:
    /// Kafka's `delegation.token.max.lifetime.ms` and `delegation.token.expiry.time.ms`.
    ///
    /// # Errors
    ///
    /// `INVALID_ARGUMENT` unless both are above zero.
    pub fn set_lifetimes(&mut self, max_lifetime_ms: i64, expiry_ms: i64) -> Result<(), Error> {
        self.lifetimes = Lifetimes::new(max_lifetime_ms, expiry_ms)?;
        Ok(())
    }

    /// How many iterations a mechanism's credentials of new tokens take; 0 for no such credential.
    ///
    /// # Errors
    ///
    /// `INVALID_ARGUMENT` unless it is 0 or 4096 to 1,000,000, and when neither mechanism would
    /// have a credential.
    pub fn set_iterations(&mut self, mechanism: Mechanism, iterations: u32) -> Result<(), Error> {
        let invalid = |text: String| Err(Error::new(Status::INVALID_ARGUMENT, text));
        if iterations != 0 && !ITERATIONS.contains(&iterations) {
            let (min, max) = (ITERATIONS.start(), ITERATIONS.end());
            return invalid(format!(
                "{iterations} iterations are out of range: give {min} to {max}, or 0 for no \
                 credential"
            ));
        }
        let mut all = self.iterations;
        for (of, place) in Mechanism::ALL.into_iter().zip(&mut all) {
            if of == mechanism {
                *place = iterations;
            }
        }
        if all.iter().all(|iterations| *iterations == 0) {
            return invalid("0 iterations for both mechanisms: nobody could log in".to_owned());
        }
        self.iterations = all;
        Ok(())
    }

    /// Decides who may make and see tokens of others. Without it nobody may. It is called outside
    /// transactions and may itself ask the manager.
    pub fn set_authorizer(
        &mut self,
        authorizer: impl Fn(&Question<'_>) -> bool + Send + Sync + 'static,
    ) {
        self.authorizer = Some(Arc::new(authorizer));
    }

    /// Is told of each decision but those of describe.
    pub(crate) fn set_audit(&mut self, audit: impl Fn(Event) + Send + Sync + 'static) {
        self.audit = Some(Arc::new(audit));
    }

    /// Adds a secret key under its name, which the store remembers with a fingerprint. The first
    /// one signs until [`set_signing_key`](Self::set_signing_key) names another; every one
    /// verifies. A key that is there already is no error.
    ///
    /// # Errors
    ///
    /// `INVALID_ARGUMENT` for a name that is empty, holds a NUL or has more than 255 bytes, a
    /// secret of fewer than 16 bytes, a name or a secret that the store knows otherwise, and one
    /// that was removed; the store's.
    pub fn add_secret_key(&self, name: &str, secret: &[u8]) -> Result<(), Error> {
        check_name("secret key's name", name.as_bytes())?;
        if name.len() > MAX_KEY_NAME {
            let text = format!("the secret key's name has more than {MAX_KEY_NAME} bytes");
            return Err(Error::new(Status::INVALID_ARGUMENT, text));
        }
        let secret = Arc::new(SecretKey::new(secret)?);
        let fingerprint = secret.fingerprint();
        let mut keyring = self.keyring_mut()?;
        // A key that is known needs no writer, of which there is one.
        let known = self.store.read(|read| keys::by_name(read, name))?;
        let key = match known {
            Some(key) if key.is_live() && key.fingerprint == fingerprint => key,
            _ => self.store.write(|write| keys::register(write, name, &fingerprint))?,
        };
        keyring.add(HeldKey { number: key.number, name: key.name, secret });
        Ok(())
    }

    /// Lets another of the manager's keys sign new tokens.
    ///
    /// # Errors
    ///
    /// `INVALID_ARGUMENT` for a name that the manager lacks; `INVALID_STATE` after a fork.
    pub fn set_signing_key(&self, name: &str) -> Result<(), Error> {
        self.keyring_mut()?.set_signing(name)
    }

    /// Makes a token. Whoever takes its signing key away in this manager waits until it is stored.
    /// `random` is asked for more until the id is a good one.
    ///
    /// # Errors
    ///
    /// In this order: `TOKEN_REQUEST_NOT_ALLOWED`, `TOKEN_AUTHORIZATION_FAILED`,
    /// `INVALID_PRINCIPAL_TYPE` for a renewer that is no `User`, `TOKEN_AUTH_DISABLED`, and
    /// `INVALID_PRINCIPAL_TYPE` for such an owner; `INVALID_STATE` when another manager has removed
    /// the key that signs here, and where the store follows a cluster; the store's and those of `random`.
    pub fn create(
        &self,
        requester: &Requester,
        new: &NewToken,
        now_ms: i64,
        random: impl FnMut() -> Result<[u8; TOKEN_ENTROPY], Error>,
    ) -> Result<Token, Error> {
        self.audited(Operation::TokenCreate, now_ms, Some(requester), |subject| {
            let owner = new.owner.as_ref().unwrap_or(&requester.principal);
            subject.owner = Some(owner.to_string());
            requester.check_login()?;
            self.check_owner(&requester.principal, owner)?;
            for renewer in &new.renewers {
                check_user("renewer", renewer)?;
            }
            self.check_enabled()?;
            check_user("owner", owner)?;
            check_clock(now_ms)?;
            self.store.read(following::check_own)?;

            let id = new_id(random)?;
            let ends = self.lifetimes.of_new_token(now_ms, new.max_lifetime_ms);
            // Until the token is stored, so that no rotation comes in between.
            let keyring = self.keyring()?;
            let key = keyring.signing()?;
            let hmac = key.secret.token_hmac(&id);
            let stored = tokens::StoredToken {
                key_number: key.number,
                owner: owner.to_string(),
                requester: requester.principal.to_string(),
                renewers: new.renewers.iter().map(Principal::to_string).collect(),
                issue_ms: now_ms,
                expiry_ms: ends.expiry_ms,
                max_ms: ends.max_ms,
                hmac_digest: tokens::hmac_digest(hmac.as_bytes()),
                credentials: self.credentials(&key.secret, &id, &hmac)?,
                id,
            };
            self.store.write(|write| {
                following::check_own(&*write)?; // it may have begun to meanwhile
                if keys::state(&*write, key.number)? != keys::KeyState::Live {
                    return Err(removed_elsewhere(&key.name));
                }
                if tokens::by_id(&*write, &stored.id)?.is_some() {
                    let text = "the random numbers for a token's id were used before";
                    return Err(Error::new(Status::INTERNAL, text));
                }
                tokens::put(write, &stored)
            })?;
            subject.token_id = Some(stored.id.clone());
            Ok(token(stored, Some(hmac)))
        })
    }

    /// Gives the token of this HMAC more time, and returns its new expiry: the default expiry time
    /// from now, or `period_ms` where that is above zero and less, and not past the token's end for
    /// good.
    ///
    /// # Errors
    ///
    /// In this order: `TOKEN_REQUEST_NOT_ALLOWED`, `TOKEN_AUTH_DISABLED`, `TOKEN_NOT_FOUND`,
    /// `TOKEN_EXPIRED`, `TOKEN_OWNER_MISMATCH` for anyone but the owner and the renewers;
    /// `INVALID_STATE` where the store follows a cluster; the store's.
    pub fn renew(
        &self,
        requester: &Requester,
        hmac: &[u8],
        period_ms: i64,
        now_ms: i64,
    ) -> Result<i64, Error> {
        self.change(Operation::TokenRenew, requester, hmac, now_ms, |principal, token| {
            self.lifetimes.renew(now_ms, principal, token, period_ms).map(Expiry::At)
        })
    }

    /// Lets the token of this HMAC end after `period_ms`, or at its end for good where that is
    /// earlier, and returns its new expiry. A period below zero removes it at once.
    ///
    /// # Errors
    ///
    /// As [`renew`](Self::renew), but `TOKEN_OWNER_MISMATCH` goes before `TOKEN_EXPIRED`, and a
    /// token that has expired can be removed.
    pub fn expire(
        &self,
        requester: &Requester,
        hmac: &[u8],
        period_ms: i64,
        now_ms: i64,
    ) -> Result<i64, Error> {
        self.change(Operation::TokenExpire, requester, hmac, now_ms, |principal, token| {
            rules::expire(now_ms, principal, token, period_ms)
        })
    }

    /// When the token of this HMAC ends for good.
    ///
    /// # Errors
    ///
    /// `TOKEN_NOT_FOUND`; the store's.
    #[cfg(feature = "cli")]
    pub(crate) fn max_of(&self, hmac: &[u8]) -> Result<i64, Error> {
        self.store.read(|read| find(read, hmac)).map(|token| token.max_ms)
    }

    /// Decides, and decides again where nobody else can write.
    fn change(
        &self,
        operation: Operation,
        requester: &Requester,
        hmac: &[u8],
        now_ms: i64,
        decide: impl Fn(&str, &Terms<'_>) -> Result<Expiry, Error>,
    ) -> Result<i64, Error> {
        self.audited(operation, now_ms, Some(requester), |subject| {
            requester.check_login()?;
            self.check_enabled()?;
            check_clock(now_ms)?;
            let mut decided = |read: &dyn Read| {
                following::check_own(read)?;
                let token = find(read, hmac)?;
                (subject.owner, subject.token_id) =
                    (Some(token.owner.clone()), Some(token.id.clone()));
                let decision = decide(requester.principal.as_str(), &terms(&token))?;
                Ok((token, decision))
            };
            self.store.read(|read| decided(read).map(drop))?;
            self.store.write(|write| match decided(&*write)? {
                (token, Expiry::Removed) => tokens::remove(write, &token.id).map(|_| now_ms),
                (mut token, Expiry::At(expiry_ms)) => {
                    token.expiry_ms = expiry_ms;
                    tokens::put(write, &token).map(|()| expiry_ms)
                }
            })
        })
    }

    /// # Errors
    ///
    /// `TOKEN_AUTH_DISABLED`.
    pub(super) fn check_enabled(&self) -> Result<(), Error> {
        self.keyring()?.signing().map(drop)
    }

    fn keyring(&self) -> Result<RwLockReadGuard<'_, Keyring>, Error> {
        self.store.check_process()?;
        Ok(self.keyring.read())
    }

    pub(super) fn keyring_mut(&self) -> Result<RwLockWriteGuard<'_, Keyring>, Error> {
        self.store.check_process()?;
        Ok(self.keyring.write())
    }

    /// # Errors
    ///
    /// `TOKEN_AUTHORIZATION_FAILED`.
    fn check_owner(&self, requester: &Principal, owner: &Principal) -> Result<(), Error> {
        let question = Question {
            requester: requester.as_str(),
            operation: TokenOperation::Create,
            owner: owner.as_str(),
        };
        if requester == owner || self.allows(&question) {
            return Ok(());
        }
        let text =
            format!("{:?} may not create tokens for {:?}", requester.as_str(), owner.as_str());
        Err(Error::new(Status::TOKEN_AUTHORIZATION_FAILED, text))
    }

    pub(super) fn has_authorizer(&self) -> bool {
        self.authorizer.is_some()
    }

    pub(super) fn allows(&self, question: &Question<'_>) -> bool {
        self.authorizer.as_ref().is_some_and(|authorizer| authorizer(question))
    }

    /// Does something, and tells the audit what came of it.
    pub(super) fn audited<T>(
        &self,
        operation: Operation,
        now_ms: i64,
        requester: Option<&Requester>,
        run: impl FnOnce(&mut Subject) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let mut subject = Subject::default();
        let result = run(&mut subject);
        let status = result.as_ref().err().map_or(Status::OK, Error::status);
        self.tell(operation, now_ms, status, requester, &subject);
        result
    }

    pub(super) fn tell(
        &self,
        operation: Operation,
        now_ms: i64,
        status: Status,
        requester: Option<&Requester>,
        subject: &Subject,
    ) {
        if let Some(audit) = &self.audit {
            let requester = requester.map(|requester| requester.principal.as_str());
            let (owner, token_id) = (subject.owner.as_deref(), subject.token_id.as_deref());
            audit(Event::of_token(now_ms, operation, status, requester, owner, token_id));
        }
    }

    /// What callers see of a token; without an HMAC where its secret key is not here.
    pub(super) fn token(&self, stored: tokens::StoredToken) -> Token {
        let key = self.keyring.read().of_number(stored.key_number).cloned();
        let hmac = key.map(|key| key.secret.token_hmac(&stored.id));
        token(stored, hmac)
    }

    fn credentials(
        &self,
        secret: &SecretKey,
        id: &str,
        hmac: &str,
    ) -> Result<Vec<StoredCredential>, Error> {
        let all = Mechanism::ALL.into_iter().zip(self.iterations);
        all.filter(|(_, iterations)| *iterations > 0)
            .map(|(mechanism, iterations)| {
                let salt = secret.salt(mechanism, id).to_vec();
                let keys = StoredKeys::derive(mechanism, hmac.as_bytes(), &salt, iterations)?;
                Ok(StoredCredential { mechanism, salt, iterations, keys })
            })
            .collect()
    }
}

impl fmt::Debug for TokenManager {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TokenManager({:?}, ..)", self.store)
    }
}

/// The token that an operation was about, as far as is known.
#[derive(Default)]
pub(super) struct Subject {
    pub(super) owner: Option<String>,
    pub(super) token_id: Option<String>,
}

fn token(stored: tokens::StoredToken, hmac: Option<Zeroizing<String>>) -> Token {
    Token {
        hmac,
        id: stored.id,
        owner: Some(stored.owner),
        requester: Some(stored.requester),
        renewers: stored.renewers,
        issue_ms: Some(stored.issue_ms),
        expiry_ms: Some(stored.expiry_ms),
        max_ms: Some(stored.max_ms),
    }
}

pub(super) fn terms(token: &tokens::StoredToken) -> Terms<'_> {
    Terms {
        owner: &token.owner,
        requester: &token.requester,
        renewers: &token.renewers,
        ends: Ends { expiry_ms: token.expiry_ms, max_ms: token.max_ms },
    }
}

/// # Errors
///
/// `TOKEN_NOT_FOUND`, also where the token's secret key was removed.
fn find(read: &dyn Read, hmac: &[u8]) -> Result<tokens::StoredToken, Error> {
    if let Some(token) = tokens::by_hmac(read, hmac)?
        && keys::state(read, token.key_number)? == keys::KeyState::Live
    {
        return Ok(token);
    }
    Err(Error::new(Status::TOKEN_NOT_FOUND, "no token has this HMAC"))
}

/// A login acts as `User:` and the owner's name; an owner of another type would become somebody
/// else.
///
/// # Errors
///
/// `INVALID_PRINCIPAL_TYPE`.
fn check_user(what: &str, principal: &Principal) -> Result<(), Error> {
    if principal.is_user() {
        return Ok(());
    }
    let text = format!("the {what} {:?} is not of the type User", principal.as_str());
    Err(Error::new(Status::INVALID_PRINCIPAL_TYPE, text))
}

/// An expiry of -1 would mean never.
///
/// # Errors
///
/// `INVALID_STATE` for a time before 1970.
fn check_clock(now_ms: i64) -> Result<(), Error> {
    if now_ms < 0 {
        let text = format!("the clock says {now_ms} ms, which is before 1970: set it right");
        return Err(Error::new(Status::INVALID_STATE, text));
    }
    Ok(())
}

fn removed_elsewhere(name: &str) -> Error {
    let text = format!(
        "the secret key {name:?}, which signs here, was removed by another manager of the store: add \
         a new key and let it sign"
    );
    Error::new(Status::INVALID_STATE, text)
}

/// An id as Kafka's: no option of a command line, since it does not begin with a hyphen.
fn new_id(mut random: impl FnMut() -> Result<[u8; TOKEN_ENTROPY], Error>) -> Result<String, Error> {
    for _ in 0..MAX_DRAWS {
        let id = URL_SAFE_NO_PAD.encode(random()?);
        if !id.starts_with('-') {
            return Ok(id);
        }
    }
    let text = format!("{MAX_DRAWS} random numbers all begin with the same six bits");
    Err(Error::new(Status::INTERNAL, text))
}

/// One of 64 draws is in vain; so many in vain are no accident.
const MAX_DRAWS: usize = 64;

/// The longest name of a secret key, in bytes.
const MAX_KEY_NAME: usize = 255;
