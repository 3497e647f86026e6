//! `lmdb:/path`, shared by every process of a host: on disk, or below /dev/shm in memory alone.
//!
//! Readers take a snapshot each and disturb nobody; one writer at a time commits, and what it has
//! committed is on disk. A process that is killed leaves nothing half done.

mod directory;
mod explain;
mod open;
mod presence;
mod system;

use core::ops::{Bound, ControlFlow};
use std::fs::File;
use std::path::Path;

use heed::types::Bytes;
use heed::{CompactionOption, Database, MdbError, RoTxn, RwTxn, WithoutTls};

use self::open::{Environment, Share};
use super::backend::{Backend, Read, Table, Visit, Write, check_key, fits};
use super::stats::FileStats;
use crate::{error::Error, status::Status};

/// The file of the tables.
pub(super) use directory::DATA;

/// The files that a store makes anew where they are missing.
pub(super) const LOCKS: [&str; 2] = [directory::LOCK, presence::PRESENCE];

/// A share of the environment in one directory.
pub(super) struct Lmdb {
    share: Share,
    read_only: bool,
}

impl Lmdb {
    /// Opens the store of a directory; makes it where it is missing, unless it is to be read only.
    pub(super) fn open(path: &Path, read_only: bool) -> Result<Self, Error> {
        let share = Share::open(path, !read_only)?;
        let environment = share.environment()?;
        if environment.is_frozen() && !read_only {
            let text = "its file system is read-only: it cannot be opened for writing";
            return Err(crate::paths::io(path, text));
        }
        Ok(Self { share, read_only })
    }
}

impl Backend for Lmdb {
    fn read(&self, run: &mut dyn FnMut(&dyn Read) -> Result<(), Error>) -> Result<(), Error> {
        let environment = self.share.environment()?;
        run(&Reader { transaction: begin_read(environment)?, environment })
    }

    fn write(&self, run: &mut dyn FnMut(&mut dyn Write) -> Result<(), Error>) -> Result<(), Error> {
        let environment = self.share.environment()?;
        if self.read_only {
            let text = "the store was opened for reading only: open it for writing";
            return Err(Error::new(Status::INVALID_STATE, text));
        }
        let transaction =
            environment.env.write_txn().map_err(|error| environment.explain(error))?;
        let mut writer = Writer { transaction, environment };
        run(&mut writer)?; // without a commit, dropping the transaction undoes it
        writer.transaction.commit().map_err(|error| environment.explain(error))
    }

    fn copy_to(&self, file: &mut File) -> Result<(), Error> {
        let environment = self.share.environment()?;
        // Compacted, so that nothing that was deleted stays in free pages.
        let copied = environment.env.copy_to_file(file, CompactionOption::Enabled);
        copied.map_err(|error| environment.explain(error))
    }

    fn file_stats(&self) -> Result<Option<FileStats>, Error> {
        let environment = self.share.environment()?;
        let info = environment.env.info();
        let bytes = environment.env.real_disk_size().map_err(|error| environment.explain(error))?;
        Ok(Some(FileStats {
            bytes,
            max_bytes: info.map_size as u64,
            readers: info.number_of_readers,
            max_readers: info.maximum_number_of_readers,
        }))
    }

    fn is_frozen(&self) -> bool {
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

struct Reader<'e> {
    transaction: RoTxn<'e, WithoutTls>,
    environment: &'e Environment,
}

impl Read for Reader<'_> {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<&[u8]>, Error> {
        get(self.environment, &self.transaction, table, key)
    }

    fn scan(&self, table: Table, from: &[u8], visit: &mut Visit<'_>) -> Result<(), Error> {
        scan(self.environment, &self.transaction, table, from, visit)
    }

    fn len(&self, table: Table) -> Result<u64, Error> {
        len(self.environment, &self.transaction, table)
    }
}

struct Writer<'e> {
    transaction: RwTxn<'e>,
    environment: &'e Environment,
}

impl Read for Writer<'_> {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<&[u8]>, Error> {
        get(self.environment, &self.transaction, table, key)
    }

    fn scan(&self, table: Table, from: &[u8], visit: &mut Visit<'_>) -> Result<(), Error> {
        scan(self.environment, &self.transaction, table, from, visit)
    }

    fn len(&self, table: Table) -> Result<u64, Error> {
        len(self.environment, &self.transaction, table)
    }
}

impl Write for Writer<'_> {
    fn put(&mut self, table: Table, key: &[u8], value: &[u8]) -> Result<(), Error> {
        check_key(table, key)?;
        let outcome = of(self.environment, table).put(&mut self.transaction, key, value);
        outcome.map_err(|error| self.environment.explain(error))
    }

    fn delete(&mut self, table: Table, key: &[u8]) -> Result<bool, Error> {
        if !fits(key) {
            return Ok(false);
        }
        let outcome = of(self.environment, table).delete(&mut self.transaction, key);
        outcome.map_err(|error| self.environment.explain(error))
    }
}

#[expect(clippy::indexing_slicing, reason = "as many databases as the enum has variants")]
fn of(environment: &Environment, table: Table) -> Database<'static, Bytes, Bytes> {
    environment.tables[table as usize]
}

fn get<'t>(
    environment: &Environment,
    transaction: &'t RoTxn<'_>,
    table: Table,
    key: &[u8],
) -> Result<Option<&'t [u8]>, Error> {
    if !fits(key) {
        return Ok(None);
    }
    of(environment, table).get(transaction, key).map_err(|error| environment.explain(error))
}

fn scan(
    environment: &Environment,
    transaction: &RoTxn<'_>,
    table: Table,
    from: &[u8],
    visit: &mut Visit<'_>,
) -> Result<(), Error> {
    // LMDB looks for no empty key.
    let from = if from.is_empty() { Bound::Unbounded } else { Bound::Included(from) };
    let entries = of(environment, table).range(transaction, &(from, Bound::Unbounded));
    for entry in entries.map_err(|error| environment.explain(error))? {
        let (key, value) = entry.map_err(|error| environment.explain(error))?;
        if let ControlFlow::Break(()) = visit(key, value)? {
            break;
        }
    }
    Ok(())
}

fn len(environment: &Environment, transaction: &RoTxn<'_>, table: Table) -> Result<u64, Error> {
    of(environment, table).len(transaction).map_err(|error| environment.explain(error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readers_are_told_when_there_are_too_many() {
        let directory = tempfile::tempdir().unwrap();
        let lmdb = Lmdb::open(&directory.path().join("store"), false).unwrap();
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
        lmdb.read(&mut |_| Ok(())).unwrap();
    }
}
