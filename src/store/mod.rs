//! Where servers find credentials: SCRAM users and delegation tokens in ordered tables, which change
//! in transactions.
//!
//! ```text
//! check  backup  stats           for who looks after a store
//! lookup                         what a login's server asks
//! put_token                      tokens that another authority made
//! users  tokens  keys  schema    what the tables mean
//! following                      whose tokens they are, of a store that follows a cluster
//!        indexes                 how tokens are found otherwise
//!        record                  every value: version, checksum, fields
//!        backend                 ordered tables in transactions
//!        memory, lmdb            of this process alone, or of a host
//! ```
//!
//! No foreign code ever runs inside a transaction.

mod backend;
mod backup;
mod check;
#[cfg(test)]
mod conformance;
mod credential;
pub(crate) mod following;
mod indexes;
pub(crate) mod keys;
mod lmdb;
mod lookup;
mod memory;
mod page;
pub(crate) mod put_token;
mod record;
mod schema;
mod stats;
mod synthetic;
pub(crate) mod tokens;
mod users;

use core::fmt;
use core::hint::black_box;
use core::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;

pub(crate) use backend::{Read, Write};
pub use check::Check;
pub(crate) use credential::StoredCredential;
pub use following::Following;
pub(crate) use lmdb::FollowerLock;
pub(crate) use page::Page;
pub use stats::{FileStats, Stats};
pub use users::User;

use self::backend::Backend;
use self::lmdb::{Lmdb, NO_STORE};
use self::lookup::{Decoys, Found, Whose};
use self::memory::Memory;
use self::schema::MockSecretBytes;
use crate::paths::{absolute, io};
use crate::scram::{
    AwaitClientFinal, Credential, ITERATIONS, MAX_MESSAGE, Mechanism, MockChallenges, MockSecret,
    NeedCredential, Rejected, SALT_LEN, StoredKeys, check_name,
};
use crate::{error::Error, status::Status};

/// Where servers find credentials: users and tokens, in memory or where every process of the host
/// finds them. A change counts for all of them as soon as it is made. Cheap to clone, for any number
/// of threads.
///
/// ```
/// use scramtoken::{
///     AwaitClientFinal, AwaitClientFirst, Mechanism, NONCE_ENTROPY, Nonce, Rejected, ServerPolicy,
///     Store,
/// };
///
/// fn challenge(store: &Store, client_first: &[u8]) -> Result<AwaitClientFinal, Rejected> {
///     let mut random = [0; NONCE_ENTROPY];
///     getrandom::fill(&mut random).expect("no random numbers");
///     let nonce = Nonce::from_random(random);
///     let mechanism = Mechanism::ScramSha256;
///     let login = AwaitClientFirst::new(mechanism, ServerPolicy::default(), nonce);
///     let need = login.step(client_first)?;
///     store.answer(need, &store.mock_challenges(4096)) // then as above
/// }
///
/// // Made where it is missing; /dev/shm/... lives in shared memory alone.
/// # let directory = tempfile::tempdir().unwrap();
/// # let uri = format!("lmdb:{}/store", directory.path().display());
/// let store = Store::open(&uri)?; // "lmdb:/var/lib/proxy/store"
/// store.put_user(Mechanism::ScramSha256, b"alice", b"pencil", 4096)?;
/// # let login = challenge(&store, b"n,,n=alice,r=abc").unwrap();
/// # assert!(login.message().starts_with(b"r=abc"));
/// # Ok::<(), scramtoken::Error>(())
/// ```
#[derive(Clone)]
pub struct Store(Arc<Inner>);

struct Inner {
    uri: String,
    backend: Backend,
    mock_secret: MockSecret,
    warning: Option<String>,
    decoys: Decoys,
}

impl Store {
    /// Opens a store by its URI: `memory:`, a new one of this process alone, or `lmdb:/path`, a
    /// directory that is made, with mode 0700, where it is missing (its parent must exist). Below
    /// /dev/shm it lives in shared memory alone.
    ///
    /// # Errors
    ///
    /// `INVALID_ARGUMENT` for any other URI and for a path that is not absolute; `PERMISSIONS` where
    /// others have rights on directory or files, or could put another directory in its place;
    /// `INVALID_STATE` where a process of the same id has it open (another copy of this library, or
    /// another pid namespace), or opened it before this process was forked; `CORRUPT` for a damaged
    /// store, or one of a newer version; `IO`.
    pub fn open(uri: &str) -> Result<Self, Error> {
        match Place::from_uri(uri)? {
            Place::Memory => Self::ready(uri, Backend::Memory(Memory::default()), None, false),
            Place::Lmdb(path) => {
                let (lmdb, warning) = Lmdb::open(&path, false)?;
                Self::ready(uri, Backend::Lmdb(lmdb), warning, false)
            }
        }
    }

    /// Opens a store that exists, without the right to change it. A backup may lie on a read-only
    /// file system.
    ///
    /// # Errors
    ///
    /// As of [`open`](Self::open); `INVALID_ARGUMENT` for `memory:`, `IO` where there is no store.
    pub fn open_read_only(uri: &str) -> Result<Self, Error> {
        match Place::from_uri(uri)? {
            Place::Memory => {
                let text = "a store in memory begins empty: it is not for reading only";
                Err(Error::new(Status::INVALID_ARGUMENT, text))
            }
            Place::Lmdb(path) => {
                let (lmdb, warning) = Lmdb::open(&path, true)?;
                if !schema::is_begun(&lmdb.snapshot()?)? {
                    return Err(io(&path, NO_STORE));
                }
                Self::ready(uri, Backend::Lmdb(lmdb), warning, true)
            }
        }
    }

    /// Begins a new store, and checks that it is one.
    fn ready(
        uri: &str,
        backend: Backend,
        warning: Option<String>,
        read_only: bool,
    ) -> Result<Self, Error> {
        if !read_only && !backend.read(schema::is_begun)? {
            let mock_secret = MockSecretBytes::new(crate::random::bytes()?);
            backend.write(|write| schema::begin(write, &mock_secret))?;
        }
        let (mock_secret, is_backup) = backend.read(|read| {
            schema::check(read)?;
            Ok((schema::mock_secret(read)?, schema::is_backup(read)?))
        })?;
        if is_backup && !read_only {
            backend.write(schema::unmark_backup)?;
        }
        if !is_backup && backend.is_frozen() {
            let text = "its file system is read-only, where a store has no locks: only a backup that \
                        scramtoken store backup made can be opened there";
            return Err(Error::new(Status::IO, format!("{uri}: {text}")));
        }
        let decoys = Decoys::new()?;
        let mock_secret = MockSecret::new(mock_secret.as_slice())?;
        Ok(Self(Arc::new(Inner { uri: uri.to_owned(), backend, mock_secret, warning, decoys })))
    }

    /// A sentence for the host's log, without secrets: a group had rights on the store's directory or
    /// files, and they were taken away. Only the store that did so has it.
    pub fn warning(&self) -> Option<&str> {
        self.0.warning.as_deref()
    }

    /// Writes a user by password, with a random salt, in place of an earlier one of the mechanism.
    ///
    /// # Errors
    ///
    /// `INVALID_ARGUMENT` when name or password is empty, the name is not UTF-8, holds a NUL or is
    /// longer than a message ([`MAX_MESSAGE`]), or iterations are not 4096 to 1,000,000; `IO`,
    /// `CORRUPT`.
    pub fn put_user(
        &self,
        mechanism: Mechanism,
        name: &[u8],
        password: &[u8],
        iterations: u32,
    ) -> Result<(), Error> {
        let users = NewUser::derive_many(mechanism, iterations, &[(name, password)]);
        self.put_users(&users.into_iter().collect::<Result<Vec<_>, _>>()?)
    }

    /// Writes users in one transaction, each in place of an earlier one.
    pub(crate) fn put_users(&self, users: &[NewUser]) -> Result<(), Error> {
        self.write(|write| {
            users.iter().try_for_each(|user| users::put(write, &user.name, &user.credential))
        })
    }

    /// Writes a user by a credential that was derived before, of any iteration count, in place of an
    /// earlier one of its mechanism.
    ///
    /// # Errors
    ///
    /// As of [`put_user`](Self::put_user).
    pub fn put_credential(&self, name: &[u8], credential: &Credential<'_>) -> Result<(), Error> {
        let name = check_user(name)?;
        self.write(|write| users::put(write, name, &credential.into()))
    }

    /// Removes a user's credential of one mechanism.
    ///
    /// # Errors
    ///
    /// `USER_NOT_FOUND`; as of [`put_user`](Self::put_user).
    pub fn delete_user(&self, mechanism: Mechanism, name: &[u8]) -> Result<(), Error> {
        let name = check_user(name)?;
        if self.write(|write| users::remove(write, name, mechanism))? {
            return Ok(());
        }
        let text = format!("there is no user {name:?} of {}", mechanism.name());
        Err(Error::new(Status::USER_NOT_FOUND, text))
    }

    /// What there is of one name: a user for each mechanism that it has a credential of.
    ///
    /// # Errors
    ///
    /// `IO`, `CORRUPT`.
    pub fn users_of_name(&self, name: &str) -> Result<Vec<User>, Error> {
        self.read(|read| {
            let mut found = Vec::new();
            for mechanism in Mechanism::ALL {
                if let Some(credential) = users::credential(read, name, mechanism)? {
                    let (name, iterations) = (name.to_owned(), credential.iterations());
                    found.push(User { name, mechanism, iterations });
                }
            }
            Ok(found)
        })
    }

    /// Every user, in no order that means anything, until `visit` breaks off. No transaction lasts
    /// while it runs, so it may use the store; a user that comes or goes meanwhile is seen or not.
    ///
    /// # Errors
    ///
    /// `IO`, `CORRUPT`.
    pub fn visit_users(
        &self,
        mut visit: impl FnMut(&User) -> ControlFlow<()>,
    ) -> Result<(), Error> {
        let mut from = Some(Vec::new());
        while let Some(begin) = from {
            let page = self.read(|read| users::all(read, &begin, PAGE))?;
            if page.items.iter().try_for_each(&mut visit).is_break() {
                break;
            }
            from = page.next;
        }
        Ok(())
    }

    /// Looks up whom a login wants to be, and goes on with it: as a user, a token's owner, or nobody
    /// (then with `mock`, best [`mock_challenges`](Self::mock_challenges)). With implicit tokens a
    /// name that is a user's in any mechanism is never a token's id. It does the same for every name,
    /// whatever it finds.
    ///
    /// # Errors
    ///
    /// `IO`, `CORRUPT`, and those of [`NeedCredential`]'s own supplies.
    pub fn answer(
        &self,
        question: NeedCredential,
        mock: &MockChallenges<'_>,
    ) -> Result<AwaitClientFinal, Rejected> {
        let made_up = black_box(question.make_up(mock));
        let snapshot = match self.0.backend.snapshot() {
            Ok(snapshot) => snapshot,
            Err(error) => return Err(question.reject(error)),
        };
        let (name, kind, mechanism) = (question.name(), question.kind(), question.mechanism());
        match lookup::find(snapshot.tables(), &self.0.decoys, name, kind, mechanism) {
            Ok(Found { whose, credential, tokens_known }) => match whose {
                Whose::User => question.supply_user(&credential),
                Whose::Token { owner, expiry_ms } => {
                    question.supply_token(&credential, owner, expiry_ms)
                }
                Whose::Nobody => question.supply_nobody(&made_up, &credential),
            }
            .map(|answered| answered.with_tokens_known(tokens_known)),
            Err(error) => Err(question.reject(error)),
        }
    }

    /// Made-up challenges from the store's own secret: the same on every server that uses the store.
    /// `iterations` is what its users usually have.
    pub fn mock_challenges(&self, iterations: u32) -> MockChallenges<'_> {
        MockChallenges::new(&self.0.mock_secret, iterations)
    }

    /// What works on the store looks here before it takes a lock of its own, which a thread may have
    /// held that a forked child does not have.
    ///
    /// # Errors
    ///
    /// `INVALID_STATE` in such a child.
    pub(crate) fn check_process(&self) -> Result<(), Error> {
        self.0.backend.check_process()
    }

    /// Becomes the one process that brings a cluster's tokens into the store, until the lock is dropped or
    /// the process ends.
    ///
    /// # Errors
    ///
    /// `INVALID_STATE` where there is one already; `INVALID_ARGUMENT` for a store in memory.
    pub(crate) fn lock_follower(&self) -> Result<FollowerLock, Error> {
        self.0.backend.lock_follower()
    }

    /// Runs on one snapshot. Foreign code must not run inside.
    pub(crate) fn read<T>(
        &self,
        run: impl FnOnce(&dyn Read) -> Result<T, Error>,
    ) -> Result<T, Error> {
        self.0.backend.read(run)
    }

    /// Runs as the one writer: all or nothing, and durable on return. Foreign code must not run
    /// inside.
    pub(crate) fn write<T>(
        &self,
        run: impl FnOnce(&mut dyn Write) -> Result<T, Error>,
    ) -> Result<T, Error> {
        self.0.backend.write(run)
    }
}

/// A user whose credential has been derived, which is what takes time, but not written.
pub(crate) struct NewUser {
    name: String,
    credential: StoredCredential,
}

impl NewUser {
    /// Of users with these names and passwords, in their order, each with a random salt.
    ///
    /// # Errors
    ///
    /// For each user as of [`Store::put_user`].
    pub(crate) fn derive_many(
        mechanism: Mechanism,
        iterations: u32,
        of: &[(&[u8], &[u8])],
    ) -> Vec<Result<Self, Error>> {
        let salted = of.iter().map(|(name, _)| Self::salted(name, iterations));
        let salted: Vec<Result<(String, Vec<u8>), Error>> = salted.collect();
        // Those that were refused have nothing to be hashed.
        let nothing: (&[u8], &[u8]) = (b"", b"");
        let of = of.iter().zip(&salted).map(|((_, password), salted)| {
            salted.as_ref().map_or(nothing, |(_, salt)| (*password, salt.as_slice()))
        });
        let of: Vec<(&[u8], &[u8])> = of.collect();
        let keys = StoredKeys::derive_many(mechanism, iterations, &of);
        let users = salted.into_iter().zip(keys).map(|(salted, keys)| {
            let ((name, salt), keys) = (salted?, keys?);
            Ok(Self { name, credential: StoredCredential { mechanism, salt, iterations, keys } })
        });
        users.collect()
    }

    /// The name, and a salt for it.
    fn salted(name: &[u8], iterations: u32) -> Result<(String, Vec<u8>), Error> {
        let name = check_user(name)?.to_owned();
        if !ITERATIONS.contains(&iterations) {
            let (min, max) = (ITERATIONS.start(), ITERATIONS.end());
            let text = format!("{iterations} iterations: clients accept {min} to {max}");
            return Err(Error::new(Status::INVALID_ARGUMENT, text));
        }
        Ok((name, crate::random::bytes::<SALT_LEN>()?.to_vec()))
    }
}

/// Where a store is.
enum Place {
    Memory,
    Lmdb(PathBuf),
}

impl Place {
    fn from_uri(uri: &str) -> Result<Self, Error> {
        let usage = "a store's URI is memory: or lmdb:/path, with an absolute path";
        match uri.split_once(':') {
            Some(("memory", "")) => Ok(Self::Memory),
            Some(("lmdb", path)) => absolute(path, usage).map(Self::Lmdb),
            _ => Err(Error::new(Status::INVALID_ARGUMENT, usage)),
        }
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Store({})", self.0.uri)
    }
}

fn check_user(name: &[u8]) -> Result<&str, Error> {
    let name = check_name("user's name", name)?;
    if name.len() > MAX_MESSAGE {
        let len = name.len();
        let text =
            format!("the user's name is {len} bytes long; a message holds {MAX_MESSAGE} at most");
        return Err(Error::new(Status::INVALID_ARGUMENT, text));
    }
    Ok(name)
}

/// How many entries of a listing are read at once.
pub(crate) const PAGE: usize = 256;
