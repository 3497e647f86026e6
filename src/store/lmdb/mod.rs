//! `lmdb:/path`, shared by every process of a host: on disk, or below /dev/shm in memory alone.
//!
//! Readers take a snapshot each and disturb nobody; one writer at a time commits, and what it has
//! committed is on disk. A process that is killed leaves nothing half done.

mod directory;
mod explain;
mod group;
mod open;
mod opened;
mod presence;
mod system;

use core::ops::{Bound, ControlFlow};
use std::fs::File;
use std::path::Path;

use heed::types::Bytes;
use heed::{CompactionOption, Database, MdbError, RoTxn, RwTxn, WithoutTls};

use self::open::{Environment, Share};
use super::backend::{Read, Table, Visit, Write, check_key, fits};
use super::stats::FileStats;
use crate::{error::Error, status::Status};

/// The file of the tables, and what a reader is told where they were never begun.
pub(super) use directory::{DATA, NO_STORE};
pub(super) use group::is_ours as is_our_group;
pub(crate) use presence::FollowerLock;

/// The files that a store makes anew where they are missing.
pub(super) const LOCKS: [&str; 2] = [directory::LOCK, presence::PRESENCE];

/// A share of the environment in one directory.
pub(super) struct Lmdb {
    share: Share,
    read_only: bool,
}

impl Lmdb {
    /// Opens the store of a directory; makes it where it is missing, unless it is to be read only.
    /// Gives what the host's log should be told, too.
    pub(super) fn open(path: &Path, read_only: bool) -> Result<(Self, Option<String>), Error> {
        let (share, warning) = Share::open(path, !read_only)?;
        let environment = share.environment()?;
        if environment.is_frozen() && !read_only {
            let text = "its file system is read-only: it cannot be opened for writing";
            return Err(crate::paths::io(path, text));
        }
        Ok((Self { share, read_only }, warning))
    }
}

/// One snapshot.
pub(super) type Snapshot<'e> = Transaction<'e, RoTxn<'e, WithoutTls>>;

impl Lmdb {
    pub(super) fn snapshot(&self) -> Result<Snapshot<'_>, Error> {
        let environment = self.share.environment()?;
        Ok(Transaction { inner: begin_read(environment)?, environment })
    }

    pub(super) fn write<T>(
        &self,
        run: impl FnOnce(&mut dyn Write) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let environment = self.share.environment()?;
        if self.read_only {
            let text = "the store was opened for reading only: open it for writing";
            return Err(Error::new(Status::INVALID_STATE, text));
        }
        let inner = environment.env.write_txn().map_err(|error| environment.explain(error))?;
        let mut transaction = Transaction { inner, environment };
        let outcome = run(&mut transaction)?; // without a commit, dropping it undoes everything
        transaction.inner.commit().map_err(|error| environment.explain(error))?;
        Ok(outcome)
    }

    pub(super) fn copy_to(&self, file: &mut File) -> Result<(), Error> {
        let environment = self.share.environment()?;
        // Compacted, so that nothing that was deleted stays in free pages.
        let copied = environment.env.copy_to_file(file, CompactionOption::Enabled);
        copied.map_err(|error| environment.explain(error))
    }

    pub(super) fn file_stats(&self) -> Result<FileStats, Error> {
        let environment = self.share.environment()?;
        let info = environment.env.info();
        let bytes = environment.env.real_disk_size().map_err(|error| environment.explain(error))?;
        Ok(FileStats {
            bytes,
            max_bytes: info.map_size as u64,
            readers: info.number_of_readers,
            max_readers: info.maximum_number_of_readers,
        })
    }

    pub(super) fn check_process(&self) -> Result<(), Error> {
        self.share.environment().map(|_| ())
    }

    pub(super) fn lock_follower(&self) -> Result<FollowerLock, Error> {
        self.share.environment()?.lock_follower()
    }

    pub(super) fn is_frozen(&self) -> bool {
        self.share.environment().is_ok_and(Environment::is_frozen)
    }
}

/// A full readers' table may be full of readers that were killed.
fn begin_read(environment: &Environment) -> Result<RoTxn<'_, WithoutTls>, Error> {
    let env = &environment.env;
    let begun = match env.read_txn() {
        Err(heed::Error::Mdb(MdbError::ReadersFull)) => {
            env.clear_stale_readers().and_then(|_| env.read_txn())
        }
        begun => begun,
    };
    begun.map_err(|error| environment.explain(error))
}

/// A transaction of either kind.
pub(super) struct Transaction<'e, T> {
    inner: T,
    environment: &'e Environment,
}

pub(super) trait Reads {
    fn snapshot(&self) -> &RoTxn<'_>;
}

impl Reads for RoTxn<'_, WithoutTls> {
    fn snapshot(&self) -> &RoTxn<'_> {
        self
    }
}

impl Reads for RwTxn<'_> {
    fn snapshot(&self) -> &RoTxn<'_> {
        self
    }
}

impl<T: Reads> Read for Transaction<'_, T> {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<&[u8]>, Error> {
        if !fits(key) {
            return Ok(None);
        }
        self.explained(self.database(table).get(self.inner.snapshot(), key))
    }

    fn scan(&self, table: Table, from: &[u8], visit: &mut Visit<'_>) -> Result<(), Error> {
        // LMDB looks for no empty key.
        let from = if from.is_empty() { Bound::Unbounded } else { Bound::Included(from) };
        let entries = self.database(table).range(self.inner.snapshot(), &(from, Bound::Unbounded));
        for entry in self.explained(entries)? {
            let (key, value) = self.explained(entry)?;
            if let ControlFlow::Break(()) = visit(key, value)? {
                break;
            }
        }
        Ok(())
    }

    fn len(&self, table: Table) -> Result<u64, Error> {
        self.explained(self.database(table).len(self.inner.snapshot()))
    }
}

impl Write for Transaction<'_, RwTxn<'_>> {
    fn put(&mut self, table: Table, key: &[u8], value: &[u8]) -> Result<(), Error> {
        check_key(table, key)?;
        let outcome = self.database(table).put(&mut self.inner, key, value);
        self.explained(outcome)
    }

    fn delete(&mut self, table: Table, key: &[u8]) -> Result<bool, Error> {
        if !fits(key) {
            return Ok(false);
        }
        let outcome = self.database(table).delete(&mut self.inner, key);
        self.explained(outcome)
    }
}

impl<T> Transaction<'_, T> {
    #[expect(clippy::indexing_slicing, reason = "as many databases as the enum has variants")]
    fn database(&self, table: Table) -> Database<'static, Bytes, Bytes> {
        self.environment.tables[table as usize]
    }

    fn explained<O>(&self, outcome: heed::Result<O>) -> Result<O, Error> {
        outcome.map_err(|error| self.environment.explain(error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readers_are_told_when_there_are_too_many() {
        let directory = tempfile::tempdir().unwrap();
        let (lmdb, _) = Lmdb::open(&directory.path().join("store"), false).unwrap();
        let environment = lmdb.share.environment().unwrap();
        let mut readers = Vec::new();
        let error = loop {
            match begin_read(environment) {
                Ok(reader) => readers.push(reader),
                Err(error) => break error,
            }
        };
        assert!(readers.len() >= 4096, "{}", readers.len());
        assert_eq!(error.status(), Status::IO);
        assert!(error.text().contains("transactions are reading it"), "{error}");
        readers.pop();
        drop(lmdb.snapshot().unwrap());
    }
}
