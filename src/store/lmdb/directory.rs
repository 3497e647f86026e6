//! The directory of a store: the user's own, and nobody else's.

use core::cell::Cell;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{
    AtFlags, FallocateFlags, FileType, Mode, OFlags, Stat, chmodat, fallocate, fchmod, fstat,
    fsync, mkdirat, openat, statat, unlinkat,
};
use rustix::io::{Errno, retry_on_intr};
use rustix::process::geteuid;

use super::group;
use crate::ancestors::Parent;
use crate::error::Error;
use crate::paths::{io, refused};

/// LMDB's own names.
pub(in crate::store) const DATA: &str = "data.mdb";
pub(super) const LOCK: &str = "lock.mdb";

/// What a reader is told where nobody has written.
pub(in crate::store) const NO_STORE: &str =
    "there is no store: open it for writing once, which makes it";

/// An open directory that was checked.
pub(super) struct Directory {
    fd: OwnedFd,
    path: PathBuf,
    /// Device and inode: what it is, whatever its path.
    pub(super) identity: (u64, u64),
    /// The group that had rights on it, or on a file in it.
    group: Cell<Option<Group>>,
}

/// A group that had rights where nobody else should, and is in truth the user's own.
#[derive(Clone, Copy)]
struct Group {
    id: u32,
    /// Whether it has them no more.
    is_out: bool,
}

impl Directory {
    /// Opens the directory; makes it, with mode 0700, where it is missing and `create` says so.
    pub(super) fn open(path: &Path, create: bool) -> Result<Self, Error> {
        // First of all: LMDB opens by name, so nobody may be able to turn the name elsewhere.
        let Some(Parent { fd: parent, name }) = Parent::open(path, group::is_ours)? else {
            let missing = "its parent directory is missing: make that first";
            return Err(io(path, if create { missing } else { NO_STORE }));
        };
        if create {
            match mkdirat(&parent, &name, Mode::RWXU) {
                Ok(()) | Err(Errno::EXIST) => {}
                Err(Errno::ROFS) => {} // it may be there
                Err(errno) => return Err(io(path, errno)),
            }
        }
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let fd = match retry_on_intr(|| openat(&parent, &name, flags, Mode::empty())) {
            Ok(fd) => fd,
            Err(Errno::LOOP) => {
                return Err(refused(path, "it is a symbolic link: name what it points to"));
            }
            Err(Errno::NOENT) => {
                return Err(io(path, NO_STORE));
            }
            Err(errno) => return Err(io(path, errno)),
        };
        let stat = fstat(&fd).map_err(|errno| io(path, errno))?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::Directory {
            return Err(io(path, "it is not a directory, which a store is"));
        }
        let identity = (stat.st_dev, stat.st_ino);
        let directory = Self { fd, path: path.to_owned(), identity, group: Cell::new(None) };
        directory.keep_for_us(path, &stat, "chmod 700", || fchmod(&directory.fd, Mode::RWXU))?;
        Ok(directory)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Checks a file of the directory, and gives what it is; None where it is missing. It is not
    /// opened: closing any descriptor of LMDB's lock file would drop the locks of this process.
    pub(super) fn check_file(&self, name: &str) -> Result<Option<Stat>, Error> {
        let path = self.path.join(name);
        let stat = match statat(&self.fd, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => stat,
            Err(Errno::NOENT) => return Ok(None),
            Err(errno) => return Err(io(&path, errno)),
        };
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return Err(refused(&path, "it is not a regular file, so nothing of a store"));
        }
        if stat.st_nlink > 1 {
            return Err(refused(
                &path,
                "it has other names (hard links): somebody keeps a hold of it",
            ));
        }
        // By name, which only this user can turn elsewhere, for the directory is kept already.
        let narrow = || chmodat(&self.fd, name, Mode::RUSR | Mode::WUSR, AtFlags::empty());
        self.keep_for_us(&path, &stat, "chmod 600", narrow)?;
        Ok(Some(stat))
    }

    /// Sees to it that what belongs to the effective user is nobody else's to use. The rights of a
    /// group that is the user's own are taken away: a Kubernetes volume gives them anew at each mount.
    fn keep_for_us(
        &self,
        path: &Path,
        stat: &Stat,
        mend: &str,
        narrow: impl FnOnce() -> Result<(), Errno>,
    ) -> Result<(), Error> {
        let (owner, user) = (stat.st_uid, geteuid().as_raw());
        if owner != user {
            let text = format!(
                "it belongs to user {owner}, and not to user {user}, as whom this process runs: run \
                 it as user {owner}, or name another directory"
            );
            return Err(refused(path, &text));
        }
        if stat.st_mode & 0o077 == 0 {
            return Ok(());
        }
        let id = stat.st_gid;
        if stat.st_mode & 0o007 != 0 || !group::is_ours(id) {
            let (mode, path_text) = (stat.st_mode & 0o7777, path.display());
            let who = if stat.st_mode & 0o007 == 0 {
                format!("group {id} has")
            } else {
                "others have".to_owned()
            };
            let text = format!(
                "{who} rights on it (mode {mode:04o}): check that nobody has changed it, then \
                 {mend} {path_text}"
            );
            return Err(refused(path, &text));
        }
        match narrow() {
            Ok(()) => self.group.set(Some(Group { id, is_out: true })),
            Err(Errno::ROFS) => self.group.set(Some(Group { id, is_out: false })),
            Err(errno) => return Err(io(path, errno)),
        }
        Ok(())
    }

    /// What the host's log should be told.
    pub(super) fn warning(&self) -> Option<String> {
        let Group { id, is_out } = self.group.get()?;
        let path = self.path.display();
        Some(if is_out {
            format!(
                "{path}: its group {id} had rights on it, which a Kubernetes volume with fsGroup gives \
                 at each mount; they were taken away"
            )
        } else {
            format!(
                "{path}: its group {id} has rights on it, and keeps them: the file system is read-only"
            )
        })
    }

    /// Opens a file of ours for reading and writing, and makes it where it is missing.
    pub(super) fn open_file(&self, name: &str) -> Result<OwnedFd, Errno> {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        retry_on_intr(|| openat(&self.fd, name, flags | OFlags::NONBLOCK, Mode::RUSR | Mode::WUSR))
    }

    /// Gives LMDB's lock file all its blocks, so that touching its map on a full disk is not a
    /// SIGBUS. Only while nobody else has the store open.
    pub(super) fn reserve_lock_file(&self, len: u64) -> Result<(), Error> {
        let reserve = || {
            let file = self.open_file(LOCK)?;
            match retry_on_intr(|| fallocate(&file, FallocateFlags::empty(), 0, len)) {
                // A file system that cannot reserve.
                Err(Errno::OPNOTSUPP | Errno::NOSYS) => Ok(()),
                outcome => outcome,
            }
        };
        reserve().map_err(|errno| io(&self.path.join(LOCK), errno))
    }

    /// Removes a file that was never more than begun.
    pub(super) fn remove(&self, name: &str) -> Result<(), Error> {
        unlinkat(&self.fd, name, AtFlags::empty()).map_err(|errno| io(&self.path.join(name), errno))
    }

    /// Makes the names of new files durable.
    pub(super) fn sync(&self) -> Result<(), Error> {
        fsync(&self.fd).map_err(|errno| io(&self.path, errno))
    }
}

impl AsFd for Directory {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}
