//! Writing a secret to a file so that nobody else ever sees it, nor anybody a half of it.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{
    AtFlags, CWD, FallocateFlags, FileType, Gid, Mode, OFlags, Stat, Uid, fallocate, fchmod,
    fchown, fstat, fsync, openat, statat,
};
use rustix::io::{Errno, retry_on_intr};
use rustix::process::geteuid;
use zeroize::Zeroizing;

use super::leftovers::sweep;
use super::open::mode;
use super::place::{Place, parent};
use super::temporary::Temporary;
use crate::error::Error;
use crate::paths::io;
use crate::status::Status;

/// Puts a secret into a file, in place of what the file held: whoever opens it finds the old bytes
/// or the new ones, whole, even where this process is killed. The file gets mode 0600 and belongs to
/// the effective user. One that holds exactly these bytes already, with these rights, is left
/// untouched.
///
/// The bytes are written to a file without a name, synced, and put in their place. Where a file system
/// has no such files, a writer that is killed may leave `.scramtoken-RANDOM.tmp` behind, with mode 0600,
/// until the next one. A symbolic link to a regular file is replaced and not followed.
///
/// # Errors
///
/// `INVALID_ARGUMENT` for a path that names no file; `IO`, also where what is there is no regular file (a
/// device, a FIFO, a directory, a mount point, or a link to one) and stays as it is; `PERMISSIONS` where
/// it belongs to another user.
pub fn write_secret_file(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    // Not rehearsed: it is the performance at once.
    SecretFile { path: path.to_owned(), access: Access::default() }.replace(bytes)
}

/// A file for a secret, which was looked at when this was made.
pub(crate) struct SecretFile {
    path: PathBuf,
    access: Access,
}

/// Whose the file will be. Until it is complete it is the effective user's alone.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Access {
    pub(crate) mode: u32,
    /// The effective user unless given.
    pub(crate) owner: Option<u32>,
    /// That of new files unless given.
    pub(crate) group: Option<u32>,
}

impl Default for Access {
    fn default() -> Self {
        Self { mode: 0o600, owner: None, group: None }
    }
}

/// What came of changing a file that was read before.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Swap {
    Done,
    /// It holds something else by now, and was left alone.
    Changed,
    /// It is gone, and was not made anew.
    Missing,
}

impl SecretFile {
    /// Looks at all that can be known before the bytes are: what is there is nothing, or a regular file
    /// of one's own; and a file can be made beside it, with these rights and of some size.
    ///
    /// # Errors
    ///
    /// As of [`write_secret_file`].
    pub(crate) fn check(path: &Path, access: Access) -> Result<Self, Error> {
        let file = Self { path: path.to_owned(), access };
        let place = file.place()?;
        file.rehearse(&place).map_err(|errno| io(parent(path), errno))?;
        Ok(file)
    }

    /// Puts the bytes where they are not yet with these rights: of a file that is as it should be nothing
    /// is touched, and nothing beside it. Whether it was written.
    ///
    /// # Errors
    ///
    /// As of [`write_secret_file`].
    #[cfg(feature = "cli")]
    pub(crate) fn bring(path: &Path, access: Access, bytes: &[u8]) -> Result<bool, Error> {
        let file = Self { path: path.to_owned(), access };
        let place = file.place()?;
        if file.holds(&place, bytes) {
            return Ok(false);
        }
        file.replace(bytes)?;
        Ok(true)
    }

    /// Whether a file holds these bytes already, with these rights.
    #[cfg(feature = "cli")]
    pub(crate) fn is_current(path: &Path, access: Access, bytes: &[u8]) -> bool {
        let file = Self { path: path.to_owned(), access };
        file.place().is_ok_and(|place| file.holds(&place, bytes))
    }

    /// Puts the bytes there, whatever was there before.
    ///
    /// # Errors
    ///
    /// As of [`check`](Self::check): things may have changed.
    pub(crate) fn replace(&self, bytes: &[u8]) -> Result<(), Error> {
        let place = self.place()?;
        if self.holds(&place, bytes) {
            return Ok(());
        }
        let replaced = self.write(&place, bytes).and_then(|file| file.replace(place.name()));
        replaced.and_then(|()| sync(&place)).map_err(|errno| place.io(errno))
    }

    /// Puts the bytes where nothing is yet.
    ///
    /// # Errors
    ///
    /// `INVALID_ARGUMENT` where something is; others as of [`check`](Self::check).
    pub(crate) fn create(&self, bytes: &[u8]) -> Result<(), Error> {
        let place = self.place()?;
        let created = self.write(&place, bytes).and_then(|file| file.create(place.name()));
        created.and_then(|()| sync(&place)).map_err(|errno| match errno {
            Errno::EXIST => {
                let path = self.path.display();
                let text = format!("{path} is there already, and what it holds may be in use");
                Error::new(Status::INVALID_ARGUMENT, text)
            }
            errno => place.io(errno),
        })
    }

    /// Puts the bytes in place of `before`, which were read there, if they still are what is there.
    ///
    /// # Errors
    ///
    /// As of [`check`](Self::check).
    pub(crate) fn swap(&self, before: &[u8], bytes: &[u8]) -> Result<Swap, Error> {
        let place = self.place()?;
        let is_before = |directory: BorrowedFd<'_>, name: &Path| {
            matches!(read_same(directory, name, before), Ok(Some(_)))
        };
        if place.is_empty() {
            return Ok(Swap::Missing);
        }
        if !is_before(place.borrow(), place.name()) {
            return Ok(Swap::Changed);
        }
        let file = self.write(&place, bytes).map_err(|errno| place.io(errno))?;
        match file.exchange(place.name(), is_before) {
            Ok(true) => sync(&place).map(|()| Swap::Done).map_err(|errno| place.io(errno)),
            Ok(false) => Ok(Swap::Changed),
            Err(Errno::NOENT) => Ok(Swap::Missing),
            Err(errno) => Err(place.io(errno)),
        }
    }

    /// Whether this is the path of the same file in the same directory.
    pub(crate) fn is_at(&self, path: &Path) -> bool {
        path.file_name() == self.path.file_name()
            && is_same(stat(parent(path)), stat(parent(&self.path)))
    }

    /// Whether this is the file that is there.
    pub(crate) fn is(&self, file: impl AsFd) -> bool {
        is_same(fstat(file), stat(&self.path))
    }

    /// Opened and checked anew each time, since what is at a path may change.
    fn place(&self) -> Result<Place, Error> {
        let place = Place::open(&self.path)?;
        place.check(self.access.owner)?;
        Ok(place)
    }

    /// A read-only or full file system shows, and a directory without rights.
    fn rehearse(&self, place: &Place) -> Result<(), Errno> {
        if fstat(&place.directory)?.st_nlink == 0 {
            return Err(Errno::NOENT);
        }
        let temporary = Temporary::new(&place.directory)?;
        self.set_access(&temporary.file)?;
        let reserve = || fallocate(&temporary.file, FallocateFlags::empty(), 0, REHEARSED);
        match retry_on_intr(reserve) {
            // A file system that cannot reserve.
            Err(Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL) => Ok(()),
            outcome => outcome,
        }
    }

    /// The bytes on the disk, not in their place yet.
    fn write(&self, place: &Place, bytes: &[u8]) -> Result<Temporary, Errno> {
        sweep(&place.directory);
        let temporary = Temporary::new(&place.directory)?;
        let mut file = &temporary.file;
        file.write_all(bytes).map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))?;
        self.set_access(file)?;
        retry_on_intr(|| fsync(file))?;
        Ok(temporary)
    }

    /// The owner first: rights for others come last.
    fn set_access(&self, file: &File) -> Result<(), Errno> {
        let Access { mode, owner, group } = self.access;
        if owner.is_some() || group.is_some() {
            fchown(file, owner.map(Uid::from_raw), group.map(Gid::from_raw))?;
        }
        // Also without others: the umask may have taken the owner's.
        fchmod(file, Mode::from_raw_mode(mode))
    }

    /// Whether the file is what [`write`](Self::write) would make it.
    fn holds(&self, place: &Place, bytes: &[u8]) -> bool {
        let Access { mode: wanted, owner, group } = self.access;
        let Ok(Some(stat)) = read_same(place.borrow(), place.name(), bytes) else { return false };
        mode(&stat) == wanted
            && stat.st_nlink == 1
            && stat.st_uid == owner.unwrap_or(geteuid().as_raw())
            && group.is_none_or(|group| stat.st_gid == group)
    }
}

/// The name is in the directory's own bytes.
fn sync(place: &Place) -> Result<(), Errno> {
    retry_on_intr(|| fsync(&place.directory))
}

fn stat(path: &Path) -> Result<Stat, Errno> {
    statat(CWD, path, AtFlags::empty())
}

fn is_same(one: Result<Stat, Errno>, other: Result<Stat, Errno>) -> bool {
    matches!((one, other), (Ok(a), Ok(b)) if (a.st_dev, a.st_ino) == (b.st_dev, b.st_ino))
}

/// What the regular file is, if it holds exactly these bytes.
fn read_same(directory: BorrowedFd<'_>, name: &Path, bytes: &[u8]) -> Result<Option<Stat>, Errno> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = File::from(retry_on_intr(|| openat(directory, name, flags, Mode::empty()))?);
    let stat = fstat(&file)?;
    let is_file = FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile;
    if !is_file || usize::try_from(stat.st_size) != Ok(bytes.len()) {
        return Ok(None);
    }
    let mut held = Zeroizing::new(vec![0; bytes.len()]);
    match (&file).read_exact(&mut held) {
        Ok(()) => Ok((*held == bytes).then_some(stat)),
        Err(_) => Ok(None),
    }
}

/// How much room a file system must have: more than a token or a key takes.
const REHEARSED: u64 = 64 * 1024;
