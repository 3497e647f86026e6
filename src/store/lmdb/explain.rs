//! LMDB's errors as sentences that say what to do.

use std::path::Path;

use heed::MdbError;
use rustix::io::Errno;

use super::system::MAX_READERS;
use crate::{error::Error, status::Status};

/// What went wrong with the store in that directory.
pub(super) fn explain(path: &Path, error: heed::Error) -> Error {
    let (status, text) = match error {
        heed::Error::Mdb(error) => explain_lmdb(error),
        heed::Error::Io(error) => match Errno::from_io_error(&error) {
            Some(errno) => explain_errno(errno),
            None => (Status::IO, error.to_string()),
        },
        other => (Status::INTERNAL, other.to_string()),
    };
    Error::new(status, format!("{}: {text}", path.display()))
}

fn explain_lmdb(error: MdbError) -> (Status, String) {
    let (status, text) = match error {
        MdbError::MapFull => (
            Status::IO,
            "the store is as large as it can get; nothing was changed: sweep it, or begin another",
        ),
        MdbError::ReadersFull => {
            let text = format!("{MAX_READERS} transactions are reading it, and no more can: wait");
            return (Status::IO, text);
        }
        MdbError::TxnFull => {
            (Status::IO, "the change is too large for one transaction: make it in parts")
        }
        // The last ones are about keys and tables that nobody wrote, or a root that was not found.
        MdbError::Corrupted
        | MdbError::PageNotFound
        | MdbError::Invalid
        | MdbError::Problem
        | MdbError::Incompatible
        | MdbError::CursorFull
        | MdbError::PageFull
        | MdbError::BadValSize
        | MdbError::BadDbi
        | MdbError::BadTxn => {
            (Status::CORRUPT, "its file is damaged, or not a store's: restore a backup")
        }
        MdbError::NotFound => (
            Status::CORRUPT,
            "it is LMDB's, but not a store: it lacks tables, or a newer scramtoken made it",
        ),
        MdbError::VersionMismatch => (
            Status::CORRUPT,
            "its files were made by another version of LMDB: use the scramtoken that made them, or \
             end every process that has the store open and remove lock.mdb",
        ),
        MdbError::MapResized => (
            Status::IO,
            "it has outgrown the address space that this process had for it: raise ulimit -v",
        ),
        MdbError::Panic => (
            Status::IO,
            "an earlier change could not be written to the end: free the store in this process and \
             open it again",
        ),
        other => return (Status::INTERNAL, format!("LMDB: {other}")),
    };
    (status, text.to_owned())
}

fn explain_errno(errno: Errno) -> (Status, String) {
    let (status, text) = match errno {
        Errno::NOSPC | Errno::DQUOT => {
            (Status::IO, "no space is left on its file system; nothing was changed: make room")
        }
        // What LMDB makes of a write that got a part of the way.
        Errno::IO => (
            Status::IO,
            "no space is left on its file system, or its disk fails; nothing was changed",
        ),
        Errno::ROFS => (Status::IO, "its file system is read-only"),
        Errno::ACCESS | Errno::PERM => (Status::PERMISSIONS, "this process may not open its files"),
        Errno::NOMEM => (
            Status::IO,
            "there is no room for its map (1 GiB of address space or more, not of memory): raise \
             ulimit -v",
        ),
        errno => return (Status::IO, errno.to_string()),
    };
    (status, text.to_owned())
}
