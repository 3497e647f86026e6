//! What a backend is: ordered tables in transactions. All that tables mean lies above.

use core::ops::ControlFlow;
use std::fs::File;

use super::lmdb::{self, FollowerLock, Lmdb};
use super::memory::{self, Memory};
use super::stats::FileStats;
use crate::{error::Error, status::Status};

/// One ordered table. Every value is a record ([`record`](super::record)).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Table {
    /// What holds for the store as a whole.
    Meta,
    /// SCRAM users: hash of the name and mechanism -> credential.
    Users,
    /// Delegation tokens: id -> token.
    Tokens,
    /// Begin of the digest of a token's HMAC, id -> nothing.
    Hmacs,
    /// Hash of a principal that a token concerns, issue time, id -> nothing.
    Principals,
    /// Expiry, id -> nothing.
    Expiries,
    /// Number of a secret key -> what is known of it; never the secret.
    Keys,
}

impl Table {
    pub(crate) const ALL: [Self; 7] = [
        Self::Meta,
        Self::Users,
        Self::Tokens,
        Self::Hmacs,
        Self::Principals,
        Self::Expiries,
        Self::Keys,
    ];

    /// Its name on disk and in messages.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Meta => "meta",
            Self::Users => "users",
            Self::Tokens => "tokens",
            Self::Hmacs => "hmacs",
            Self::Principals => "principals",
            Self::Expiries => "expiries",
            Self::Keys => "keys",
        }
    }
}

/// The longest key, in bytes: LMDB's limit.
pub(crate) const MAX_KEY: usize = 511;

/// Told of an entry, key and value; goes on or breaks off. Its error ends the scan and is the scan's.
pub(crate) type Visit<'a> = dyn FnMut(&[u8], &[u8]) -> Result<ControlFlow<()>, Error> + 'a;

/// One snapshot of the tables.
pub(crate) trait Read {
    /// None also for a key that is empty or longer than [`MAX_KEY`].
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<&[u8]>, Error>;

    /// In the order of keys, from the first one that is not before `from`.
    fn scan(&self, table: Table, from: &[u8], visit: &mut Visit<'_>) -> Result<(), Error>;

    /// How many entries the table has.
    fn len(&self, table: Table) -> Result<u64, Error>;
}

/// The one writer. It sees what it has written.
pub(crate) trait Write: Read {
    /// In place of what the key had.
    fn put(&mut self, table: Table, key: &[u8], value: &[u8]) -> Result<(), Error>;

    /// Whether there was such an entry.
    fn delete(&mut self, table: Table, key: &[u8]) -> Result<bool, Error>;
}

/// Where the tables are.
pub(super) enum Backend {
    Memory(Memory),
    Lmdb(Lmdb),
}

/// One snapshot of a backend's.
pub(super) enum Snapshot<'a> {
    Memory(memory::Snapshot<'a>),
    Lmdb(lmdb::Snapshot<'a>),
}

impl Snapshot<'_> {
    pub(super) fn tables(&self) -> &dyn Read {
        match self {
            Self::Memory(tables) => &**tables,
            Self::Lmdb(transaction) => transaction,
        }
    }
}

impl Backend {
    /// A snapshot, beside other readers and the writer.
    pub(super) fn snapshot(&self) -> Result<Snapshot<'_>, Error> {
        match self {
            Self::Memory(memory) => Ok(Snapshot::Memory(memory.snapshot())),
            Self::Lmdb(lmdb) => lmdb.snapshot().map(Snapshot::Lmdb),
        }
    }

    /// Runs on one snapshot.
    pub(super) fn read<T>(
        &self,
        run: impl FnOnce(&dyn Read) -> Result<T, Error>,
    ) -> Result<T, Error> {
        run(self.snapshot()?.tables())
    }

    /// All or nothing, and durable on return: an error of `run`, or its panic, undoes everything.
    /// Waits for another writer to end.
    pub(super) fn write<T>(
        &self,
        run: impl FnOnce(&mut dyn Write) -> Result<T, Error>,
    ) -> Result<T, Error> {
        match self {
            Self::Memory(memory) => memory.write(run),
            Self::Lmdb(lmdb) => lmdb.write(run),
        }
    }

    /// Copies one snapshot into a new LMDB file.
    pub(super) fn copy_to(&self, file: &mut File) -> Result<(), Error> {
        match self {
            Self::Memory(_) => {
                let text = "a store in memory has no backup: it ends with its process";
                Err(Error::new(Status::INVALID_ARGUMENT, text))
            }
            Self::Lmdb(lmdb) => lmdb.copy_to(file),
        }
    }

    /// What the file takes, where there is one.
    pub(super) fn file_stats(&self) -> Result<Option<FileStats>, Error> {
        match self {
            Self::Memory(_) => Ok(None),
            Self::Lmdb(lmdb) => lmdb.file_stats().map(Some),
        }
    }

    /// Whether this process may use it.
    pub(super) fn check_process(&self) -> Result<(), Error> {
        match self {
            Self::Memory(_) => Ok(()),
            Self::Lmdb(lmdb) => lmdb.check_process(),
        }
    }

    /// Keeps other followers of a cluster away from the store.
    pub(super) fn lock_follower(&self) -> Result<FollowerLock, Error> {
        match self {
            Self::Memory(_) => {
                let text = "a store in memory follows no cluster: it ends with its process";
                Err(Error::new(Status::INVALID_ARGUMENT, text))
            }
            Self::Lmdb(lmdb) => lmdb.lock_follower(),
        }
    }

    /// Whether it is read without locks, which is safe only while nobody can write.
    pub(super) fn is_frozen(&self) -> bool {
        match self {
            Self::Memory(_) => false,
            Self::Lmdb(lmdb) => lmdb.is_frozen(),
        }
    }
}

/// Whether any table can have such a key.
pub(super) fn fits(key: &[u8]) -> bool {
    (1..=MAX_KEY).contains(&key.len())
}

/// Checks a key that is to be written.
pub(super) fn check_key(table: Table, key: &[u8]) -> Result<(), Error> {
    if fits(key) {
        return Ok(());
    }
    let (table, len) = (table.name(), key.len());
    let text = format!("a key of the store's table {table} has {len} bytes and not 1 to {MAX_KEY}");
    Err(Error::new(Status::INVALID_ARGUMENT, text))
}
