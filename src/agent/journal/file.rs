//! The journal in a file of mode 0600, with a lock that keeps other agents off it.

use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, OFlags, flock};
use zeroize::Zeroizing;

use super::{Contents, parse};
use crate::files::{open_secret, write_secret_file};
use crate::paths::io;
use crate::{error::Error, status::Status};

#[derive(Debug)]
pub(in crate::agent) struct JournalFile {
    path: PathBuf,
    /// Held for as long as this lives.
    _lock: File,
}

impl JournalFile {
    pub(super) fn open(path: &Path) -> Result<(Self, Contents), Error> {
        let lock = lock(path)?;
        let contents = match open_secret(path) {
            Ok((file, _)) => read(path, file)?,
            Err(_) if !is_there(path) => Contents::default(),
            Err(error) => return Err(error),
        };
        Ok((Self { path: path.to_owned(), _lock: lock }, contents))
    }

    pub(super) fn write(&self, bytes: &[u8]) -> Result<(), Error> {
        write_secret_file(&self.path, bytes)
    }
}

fn is_there(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}

/// The journal itself is replaced all the time; the lock is a file that stays.
fn lock(path: &Path) -> Result<File, Error> {
    let mut name = OsString::from(path);
    name.push(".lock");
    let name = PathBuf::from(name);
    let flags = i32::try_from((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits()).unwrap_or_default();
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false).mode(0o600).custom_flags(flags);
    let file = options.open(&name).map_err(|error| io(&name, error))?;
    flock(&file, FlockOperation::NonBlockingLockExclusive).map_err(|_| {
        let text = format!(
            "{}: another agent works with this journal: give each agent one of its own",
            path.display()
        );
        Error::new(Status::INVALID_STATE, text)
    })?;
    Ok(file)
}

fn read(path: &Path, file: File) -> Result<Contents, Error> {
    let len = file.metadata().map_err(|error| io(path, error))?.len();
    let capacity = usize::try_from(len.min(MAX_BYTES)).unwrap_or_default() + 1;
    // Whole from the beginning: growing would leave copies of secrets behind.
    let mut text = Zeroizing::new(String::with_capacity(capacity));
    let read = file.take(MAX_BYTES).read_to_string(&mut text);
    let contents = read.ok().and_then(|_| parse(&text));
    contents.ok_or_else(|| {
        let text = format!(
            "{0}: it is damaged, or of another version: move it away (mv {0} {0}.bad) and the agent \
             begins anew; the tokens in it end by themselves",
            path.display()
        );
        Error::new(Status::CORRUPT, text)
    })
}

/// Ten thousand tokens with theirs before and after them.
const MAX_BYTES: u64 = 32 * 1024 * 1024;
