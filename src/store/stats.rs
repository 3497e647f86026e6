//! How much a store holds.

use core::ops::ControlFlow;

use super::Store;
use super::backend::Table;
use super::following::{self, Following};
use super::{indexes, keys};
use crate::error::Error;

/// How much a store holds.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Stats {
    /// Credentials of users: one for each name and mechanism.
    pub users: u64,
    /// Tokens, expired or not.
    pub tokens: u64,
    /// Those of them that have expired, and wait to be swept.
    pub expired_tokens: u64,
    /// Secret keys whose tokens are good.
    pub secret_keys: u64,
    /// Secret keys that were removed.
    pub removed_secret_keys: u64,
    /// The cluster that it follows, and how it stands with that; None where its tokens are its own.
    pub following: Option<Following>,
    /// Of the file; None for a store in memory.
    pub file: Option<FileStats>,
}

/// How much room a store's file takes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct FileStats {
    /// What the file takes. It never shrinks: space that was given back is used again.
    pub bytes: u64,
    /// What the file can take.
    pub max_bytes: u64,
    /// How many places of readers were taken at once, at most, since the host has the store open.
    pub readers: u32,
    /// How many there are.
    pub max_readers: u32,
}

impl Store {
    /// Counts what the store holds at `now_ms`, in one snapshot.
    ///
    /// # Errors
    ///
    /// `IO`, `CORRUPT`, `INVALID_STATE` (opened before a fork).
    pub fn stats(&self, now_ms: i64) -> Result<Stats, Error> {
        let file = self.0.backend.file_stats()?;
        self.read(|read| {
            let mut expired_tokens = 0;
            read.scan(Table::Expiries, b"", &mut |key, _| {
                if !indexes::is_expiry_before(key, now_ms) {
                    return Ok(ControlFlow::Break(()));
                }
                expired_tokens += 1;
                Ok(ControlFlow::Continue(()))
            })?;
            let (live, removed): (Vec<_>, Vec<_>) = keys::all(read)?
                .into_iter()
                .filter(|key| !key.is_outside())
                .partition(keys::StoredKey::is_live);
            Ok(Stats {
                users: read.len(Table::Users)?,
                tokens: read.len(Table::Tokens)?,
                expired_tokens,
                secret_keys: live.len() as u64,
                removed_secret_keys: removed.len() as u64,
                following: following::get(read)?,
                file,
            })
        })
    }
}
