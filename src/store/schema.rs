//! What holds for a store as a whole: its version, its secret for made-up challenges.

use zeroize::Zeroizing;

use super::backend::{Read, Table, Write};
use super::record::{self, Encoder};
use crate::{error::Error, status::Status};

/// The newest version of tables and records that this library knows. It grows when an older library
/// could no longer read them, or would do with them what it must not.
pub(super) const VERSION: u32 = FOLLOWING;

/// What stores begin with.
const FIRST: u32 = 1;

/// A store that follows a cluster: an older library would make tokens in it, and let them in however old
/// they are.
const FOLLOWING: u32 = 2;

/// The secret of made-up challenges, the same for every server of the store.
pub(super) type MockSecretBytes = Zeroizing<[u8; 32]>;

/// Whether there is a store in the tables. They are empty between the commit that makes them and the
/// one of [`begin`], and stay so where the process is killed there. Entries without a version are a
/// store, and a damaged one.
pub(super) fn is_begun(read: &dyn Read) -> Result<bool, Error> {
    for table in Table::ALL {
        if read.len(table)? > 0 {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Begins a store, unless somebody else just has.
pub(super) fn begin(write: &mut dyn Write, mock_secret: &MockSecretBytes) -> Result<(), Error> {
    if is_begun(&*write)? {
        return Ok(());
    }
    put_version(write, FIRST)?;
    let mut secret = Encoder::new();
    secret.array(mock_secret.as_slice());
    secret.put(write, Table::Meta, MOCK_SECRET_KEY)
}

/// Keeps libraries away that know nothing of stores that follow a cluster.
pub(super) fn set_following(write: &mut dyn Write) -> Result<(), Error> {
    put_version(write, FOLLOWING)
}

fn put_version(write: &mut dyn Write, number: u32) -> Result<(), Error> {
    let mut version = Encoder::new();
    version.u32(number);
    version.put(write, Table::Meta, VERSION_KEY)
}

/// Whether the store is a backup that nobody has opened for writing since.
pub(super) fn is_backup(read: &dyn Read) -> Result<bool, Error> {
    match record::get(read, Table::Meta, BACKUP_KEY)? {
        Some(decoder) => decoder.end().map(|()| true),
        None => Ok(false),
    }
}

pub(super) fn mark_backup(write: &mut dyn Write) -> Result<(), Error> {
    Encoder::new().put(write, Table::Meta, BACKUP_KEY)
}

pub(super) fn unmark_backup(write: &mut dyn Write) -> Result<(), Error> {
    write.delete(Table::Meta, BACKUP_KEY).map(|_| ())
}

/// Checks that the store is one that this library can read.
pub(super) fn check(read: &dyn Read) -> Result<(), Error> {
    let Some(mut decoder) = record::get(read, Table::Meta, VERSION_KEY)? else {
        return Err(record::damaged(Table::Meta, VERSION_KEY));
    };
    let version = decoder.u32()?;
    if version > VERSION {
        let text = format!(
            "the store has schema version {version}, and this scramtoken knows {VERSION}: update it"
        );
        return Err(Error::new(Status::CORRUPT, text));
    }
    decoder.end()
}

pub(super) fn mock_secret(read: &dyn Read) -> Result<MockSecretBytes, Error> {
    let Some(mut decoder) = record::get(read, Table::Meta, MOCK_SECRET_KEY)? else {
        return Err(record::damaged(Table::Meta, MOCK_SECRET_KEY));
    };
    let secret = Zeroizing::new(decoder.array()?);
    decoder.end()?;
    Ok(secret)
}

const BACKUP_KEY: &[u8] = b"backup";
const VERSION_KEY: &[u8] = b"schema-version";
const MOCK_SECRET_KEY: &[u8] = b"mock-secret";

#[cfg(test)]
mod tests {
    use super::super::Store;
    use super::super::lmdb::Lmdb;
    use super::*;
    use crate::scram::Mechanism;

    #[test]
    fn a_newer_version_is_refused_by_both_names() {
        let directory = tempfile::tempdir().unwrap();
        let uri = format!("lmdb:{}/store", directory.path().display());
        let newer = |write: &mut dyn Write| {
            let mut version = Encoder::new();
            version.u32(VERSION + 1);
            version.bytes(b"and more")?;
            version.put(write, Table::Meta, VERSION_KEY)
        };
        Store::open(&uri).unwrap().write(newer).unwrap();
        for outcome in [Store::open(&uri), Store::open_read_only(&uri)] {
            let error = outcome.unwrap_err();
            assert_eq!(error.status(), Status::CORRUPT);
            assert!(error.text().contains("version 3"), "{error}");
            assert!(error.text().contains("knows 2: update it"), "{error}");
        }
    }

    #[test]
    fn tables_without_entries_are_no_store_yet() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("store");
        let uri = format!("lmdb:{}", path.display());
        let missing = Store::open_read_only(&uri).unwrap_err();
        drop(Lmdb::open(&path, false).unwrap()); // as far as a killed process got
        assert_eq!(Store::open_read_only(&uri).unwrap_err(), missing);
        drop(Store::open(&uri).unwrap());
        Store::open_read_only(&uri).unwrap();
    }

    #[test]
    fn entries_without_a_version_are_damage() {
        let directory = tempfile::tempdir().unwrap();
        let uri = format!("lmdb:{}/store", directory.path().display());
        let store = Store::open(&uri).unwrap();
        store.put_user(Mechanism::ScramSha256, b"alice", b"pencil", 4096).unwrap();
        let wipe = |write: &mut dyn Write| {
            write.delete(Table::Meta, VERSION_KEY)?;
            write.delete(Table::Meta, MOCK_SECRET_KEY)
        };
        assert!(store.write(wipe).unwrap());
        drop(store);
        for outcome in [Store::open(&uri), Store::open_read_only(&uri)] {
            assert_eq!(outcome.unwrap_err().status(), Status::CORRUPT);
        }
    }

    #[test]
    fn the_mock_secret_is_made_once() {
        let directory = tempfile::tempdir().unwrap();
        let uri = format!("lmdb:{}/store", directory.path().display());
        let secret = |store: Store| store.read(mock_secret).unwrap();
        let first = secret(Store::open(&uri).unwrap());
        assert_eq!(secret(Store::open(&uri).unwrap()), first);
        assert_ne!(secret(Store::open("memory:").unwrap()), first);
    }
}
