//! Who has the store open: `presence.lock`, beside LMDB's own lock file.
//!
//! LMDB tells its readers apart by process id, and keeps locks that a process loses when it closes
//! any descriptor of the file. So two copies of this library in one process, or two processes that
//! have the same id in different pid namespaces, would pull the readers' table from under each
//! other's feet. Each opener therefore locks one byte of our file, the one at the offset of its
//! process id: whoever finds it locked is one of those two. The first byte is locked while a store
//! is being opened.

use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::process::getpid;

use super::directory::Directory;
use super::system::{LockOf, is_locked, lock, unlock};
use crate::fork::Process;
use crate::paths::io;
use crate::{error::Error, status::Status};

/// The file's name.
pub(super) const PRESENCE: &str = "presence.lock";

/// This process among those that have the store open, until it is dropped.
pub(super) struct Presence {
    file: OwnedFd,
    path: PathBuf,
    process: Process,
}

impl Presence {
    /// Waits until nobody else is opening the store. None on a read-only file system.
    pub(super) fn begin(directory: &Directory) -> Result<Option<Self>, Error> {
        directory.check_file(PRESENCE)?;
        let path = directory.path().join(PRESENCE);
        let file = match directory.open_file(PRESENCE) {
            Ok(file) => file,
            Err(Errno::ROFS) => return Ok(None),
            Err(errno) => return Err(io(&path, errno)),
        };
        let presence = Self { file, path, process: Process::current()? };
        let deadline = Instant::now() + PATIENCE;
        loop {
            match lock(&presence.file, OPENING) {
                Ok(()) => return Ok(Some(presence)),
                Err(Errno::AGAIN | Errno::ACCESS) if Instant::now() < deadline => {
                    thread::sleep(PAUSE);
                }
                Err(Errno::AGAIN | Errno::ACCESS) => {
                    let seconds = PATIENCE.as_secs();
                    let text = format!("another process has been opening it for {seconds} s");
                    return Err(io(directory.path(), text));
                }
                Err(errno) => return Err(io(&presence.path, errno)),
            }
        }
    }

    /// Whether nobody else has the store open.
    pub(super) fn is_alone(&self) -> Result<bool, Error> {
        is_locked(&self.file, EVERYBODY).map(|locked| !locked).map_err(|errno| self.io(errno))
    }

    /// Takes this process's place.
    pub(super) fn enter(&self) -> Result<(), Error> {
        let pid = getpid().as_raw_nonzero().get();
        match lock(&self.file, LockOf::Byte(pid.into())) {
            Ok(()) => Ok(()),
            Err(Errno::AGAIN | Errno::ACCESS) => {
                let path = self.path.parent().unwrap_or(&self.path).display();
                let text = format!(
                    "{path}: a process with this one's id ({pid}) has the store open already: either \
                     another copy of this library is loaded in this process (use one of them), or \
                     two containers share the store and not their process ids \
                     (shareProcessNamespace: true in a pod)"
                );
                Err(Error::new(Status::INVALID_STATE, text))
            }
            Err(errno) => Err(self.io(errno)),
        }
    }

    /// Lets the next one open the store.
    pub(super) fn opened(&self) -> Result<(), Error> {
        unlock(&self.file, OPENING).map_err(|errno| self.io(errno))
    }

    fn io(&self, errno: Errno) -> Error {
        io(&self.path, errno)
    }
}

impl Drop for Presence {
    fn drop(&mut self) {
        // A forked child has the same open file, whose locks are its parent's; and while there is
        // such a child, closing the file alone would not give them back.
        if self.process.is_current() {
            let _ = unlock(&self.file, LockOf::From(0)); // at worst they go with the process
        }
    }
}

const OPENING: LockOf = LockOf::Byte(0);
const EVERYBODY: LockOf = LockOf::From(1); // process ids begin at 1
const PATIENCE: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(5);
