//! Who has the store open: `presence.lock`, beside LMDB's own lock file.
//!
//! LMDB tells its readers apart by process id, and keeps locks that a process loses when it closes
//! any descriptor of the file. So two copies of this library in one process, or two processes that
//! have the same id in different pid namespaces, would pull the readers' table from under each
//! other's feet. Each opener therefore locks one byte of our file, the one at the offset of its
//! process id: whoever finds it locked is one of those two. The first byte is locked while a store
//! is being opened. One more, past every process id, is locked by the process that follows a cluster
//! into the store.

use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use rustix::fs::{CWD, Mode, OFlags, openat};
use rustix::io::{Errno, retry_on_intr};
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

    /// Takes the one follower's place, by an open file of its own.
    pub(super) fn lock_follower(&self) -> Result<FollowerLock, Error> {
        let flags = OFlags::RDWR | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let file = retry_on_intr(|| openat(CWD, &self.path, flags, Mode::empty()));
        let file = file.map_err(|errno| self.io(errno))?;
        match lock(&file, FOLLOWER) {
            Ok(()) => Ok(FollowerLock(file)),
            Err(Errno::AGAIN | Errno::ACCESS) => {
                let path = self.path.parent().unwrap_or(&self.path).display();
                let text = format!(
                    "{path}: another process follows a cluster into this store already: one for each \
                     store is enough"
                );
                Err(Error::new(Status::INVALID_STATE, text))
            }
            Err(errno) => Err(self.io(errno)),
        }
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

/// The place of a store's one follower, until it is dropped or the process ends.
#[derive(Debug)]
pub(crate) struct FollowerLock(
    #[expect(dead_code, reason = "its lock goes when it is closed")] OwnedFd,
);

const OPENING: LockOf = LockOf::Byte(0);
const FOLLOWER: LockOf = LockOf::Byte(1 << 30); // process ids end at 1 << 22
const EVERYBODY: LockOf = LockOf::From(1); // process ids begin at 1
const PATIENCE: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(5);
