//! Where a client finds its current credential: a file, a mounted Secret, the environment, the host.
//!
//! A source is read at each login, so a rotated token is seen by the next one: there is no watcher
//! and no thread. Keys that clients derive are cached here.

mod credential;
mod dir;
mod env;
mod file;
mod json;
mod last_good;
mod properties;

use core::fmt;
use core::num::NonZeroUsize;
use core::sync::atomic::{AtomicBool, Ordering};
use std::path::PathBuf;
use std::sync::Arc;

pub use credential::CurrentCredential;
pub(crate) use json::{ReadTokenFile, TokenFile, username_and_password};
pub(crate) use properties::token_properties;

use self::credential::{Reading, Warning};
use self::last_good::LastGood;
use crate::paths::absolute;
use crate::scram::{ClientCredential, KeyCache};
use crate::token::Token;
use crate::{error::Error, status::Status};

/// Where clients find their current credential. For any number of clients and threads.
pub struct Source {
    place: Place,
    key_cache: Arc<KeyCache>,
    told_of_exposure: AtomicBool,
    told_of_last_good: AtomicBool,
}

/// What a source gives for one login.
#[derive(Debug)]
pub struct SourceLogin {
    /// What to log in with.
    pub credential: ClientCredential,
    /// A sentence for the host's log, without secrets: either the source is damaged and its last
    /// good credential serves (said once, until the source can be read again), or others may read
    /// the secret (said once).
    pub warning: Option<String>,
}

enum Place {
    File(PathBuf, LastGood),
    Dir(PathBuf, LastGood),
    Environment,
    Host(Box<AskHost>),
}

type AskHost = dyn Fn() -> Result<CurrentCredential, Error> + Send + Sync;

impl Source {
    /// A source by its URI: `file:/path`, `dir:/path` or `env:`. Nothing is read yet. `random` keys
    /// the hash of the key cache and comes from the system's generator.
    ///
    /// # Errors
    ///
    /// `INVALID_ARGUMENT` for any other URI, and for a path that is not absolute.
    pub fn open(uri: &str, random: [u8; 32]) -> Result<Self, Error> {
        Ok(Self::new(Place::from_uri(uri)?, random))
    }

    /// A source that asks the host at each login, perhaps on several threads at once.
    pub fn from_callback(
        ask: impl Fn() -> Result<CurrentCredential, Error> + Send + Sync + 'static,
        random: [u8; 32],
    ) -> Self {
        Self::new(Place::Host(Box::new(ask)), random)
    }

    fn new(place: Place, random: [u8; 32]) -> Self {
        Self {
            place,
            key_cache: Arc::new(KeyCache::new(KEY_CACHE_CAPACITY, random)),
            told_of_exposure: AtomicBool::new(false),
            told_of_last_good: AtomicBool::new(false),
        }
    }

    /// The credential for a login that begins at `now_ms`, read anew.
    ///
    /// Where a file or directory is `IO` or `CORRUPT`, what it last gave serves: a password until
    /// the place can be read again, a token not past its expiry. Nothing else falls back: not
    /// `PERMISSIONS`, and neither the environment nor the host.
    ///
    /// # Errors
    ///
    /// `IO`, `CORRUPT`, `PERMISSIONS`; `TOKEN_EXPIRED` for a token that is known to have expired;
    /// whatever the host fails with.
    pub fn log_in(&self, now_ms: i64) -> Result<SourceLogin, Error> {
        let Reading { credential, warning } = self.place.read(now_ms)?;
        if let CurrentCredential::Token(token) = &credential
            && token.has_expired(now_ms)
        {
            return Err(self.expired(token, now_ms));
        }
        let warning = self.once(warning);
        Ok(SourceLogin { credential: credential.into_client_credential()?, warning })
    }

    /// The current token, expired or not, read as for a login.
    ///
    /// # Errors
    ///
    /// As of [`log_in`](Self::log_in), without `TOKEN_EXPIRED`; `TOKEN_NOT_FOUND` where the source
    /// holds a password.
    pub fn token(&self, now_ms: i64) -> Result<Token, Error> {
        match self.place.read(now_ms)?.credential {
            CurrentCredential::Token(token) => Ok(token),
            CurrentCredential::Password(_) => Err(Error::new(
                Status::TOKEN_NOT_FOUND,
                format!("{}: it holds a password, not a token", self.place),
            )),
        }
    }

    /// What is there now, a token that has expired too, with what is to be told of it.
    ///
    /// # Errors
    ///
    /// As of [`log_in`](Self::log_in), without `TOKEN_EXPIRED`.
    #[cfg(feature = "cli")]
    pub(crate) fn look(&self, now_ms: i64) -> Result<(CurrentCredential, Option<String>), Error> {
        let Reading { credential, warning } = self.place.read(now_ms)?;
        Ok((credential, self.once(warning)))
    }

    /// The derived keys of this source's clients: those of the 64 challenges that came last.
    pub fn key_cache(&self) -> &Arc<KeyCache> {
        &self.key_cache
    }

    /// The warning, unless it was told before.
    fn once(&self, warning: Option<Warning>) -> Option<String> {
        let (told, text) = match warning {
            Some(Warning::LastGood(text)) => (&self.told_of_last_good, text),
            other => {
                self.told_of_last_good.store(false, Ordering::Relaxed);
                let Some(Warning::Exposed(text)) = other else { return None };
                (&self.told_of_exposure, text)
            }
        };
        (!told.swap(true, Ordering::Relaxed)).then_some(text)
    }

    fn expired(&self, token: &Token, now_ms: i64) -> Error {
        let (place, id) = (&self.place, &token.id);
        let expiry_ms = token.expiry_ms.unwrap_or_default();
        let seconds = now_ms.saturating_sub(expiry_ms) / 1000;
        let text = format!(
            "{place}: the token {id:?} expired {seconds} s ago (expiry timestamp {expiry_ms} ms): \
             put a renewed or a new one there"
        );
        Error::new(Status::TOKEN_EXPIRED, text)
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Source({})", self.place)
    }
}

impl Place {
    fn from_uri(uri: &str) -> Result<Self, Error> {
        match uri.split_once(':') {
            Some(("file", path)) => Ok(Self::File(absolute(path, ABSOLUTE)?, LastGood::default())),
            Some(("dir", path)) => Ok(Self::Dir(absolute(path, ABSOLUTE)?, LastGood::default())),
            Some(("env", "")) => Ok(Self::Environment),
            Some(("env", _)) => Err(invalid("the URI of the environment is env: and no more")),
            _ => Err(invalid("a source's URI is file:/path, dir:/path or env:")),
        }
    }

    fn read(&self, now_ms: i64) -> Result<Reading, Error> {
        match self {
            Self::File(path, last) => last.read_or_last(now_ms, || file::read(path)),
            Self::Dir(path, last) => last.read_or_last(now_ms, || dir::read(path)),
            Self::Environment => env::read(|name| std::env::var_os(name)).map(Reading::from),
            Self::Host(ask) => ask().map(Reading::from),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path, _) | Self::Dir(path, _) => path.display().fmt(f),
            Self::Environment => f.write_str("the environment"),
            Self::Host(_) => f.write_str("the host's callback"),
        }
    }
}

fn invalid(text: &'static str) -> Error {
    Error::new(Status::INVALID_ARGUMENT, text)
}

/// The largest file of a source, in bytes.
const MAX_FILE: usize = 64 * 1024;
const ABSOLUTE: &str = "a source's path is absolute: file:/path or dir:/path";
const KEY_CACHE_CAPACITY: NonZeroUsize = NonZeroUsize::new(64).unwrap();
