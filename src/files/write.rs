//! Writing a secret to a file so that nobody else ever sees it, nor anybody a half of it.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{
    AtFlags, CWD, FallocateFlags, FileType, Gid, Mode, OFlags, ResolveFlags, Stat, StatxAttributes,
    StatxFlags, Uid, fallocate, fchmod, fchown, fstat, fsync, openat, openat2, statat, statx,
};
use rustix::io::{Errno, retry_on_intr};
use rustix::process::geteuid;
use zeroize::Zeroizing;

use super::open::{mode, type_name};
use super::temporary::{Temporary, sweep};
use crate::paths::{io, refused};
use crate::{error::Error, status::Status};

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
    SecretFile::check(path, Access::default())?.replace(bytes)
}

/// A place where a secret can be put, looked at when this was made.
pub(crate) struct SecretFile {
    directory: Arc<OwnedFd>,
    path: PathBuf,
    access: Access,
}

/// Whose the file will be. Until it is complete it is the effective user's alone.
#[derive(Clone, Copy)]
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
        let (Some(_), Some(parent)) = (path.file_name(), path.parent()) else {
            let text = format!("{}: this path names no file", path.display());
            return Err(Error::new(Status::INVALID_ARGUMENT, text));
        };
        let parent = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let directory = retry_on_intr(|| openat(CWD, parent, flags, Mode::empty()))
            .map_err(|errno| io(parent, errno))?;
        let file = Self { directory: Arc::new(directory), path: path.to_owned(), access };
        file.check_replaced()?;
        sweep(&file.directory);
        file.rehearse().map_err(|errno| io(parent, errno))?;
        Ok(file)
    }

    /// Puts the bytes there, whatever was there before.
    ///
    /// # Errors
    ///
    /// As of [`check`](Self::check): things may have changed.
    pub(crate) fn replace(&self, bytes: &[u8]) -> Result<(), Error> {
        self.check_replaced()?;
        if self.holds(self.directory.as_fd(), self.name(), bytes) {
            return Ok(());
        }
        self.write(bytes).and_then(|file| file.replace(self.name())).map_err(|e| self.io(e))?;
        self.sync()
    }

    /// Puts the bytes where nothing is yet.
    ///
    /// # Errors
    ///
    /// `INVALID_ARGUMENT` where something is; others as of [`check`](Self::check).
    pub(crate) fn create(&self, bytes: &[u8]) -> Result<(), Error> {
        match self.write(bytes).and_then(|file| file.create(self.name())) {
            Ok(()) => self.sync(),
            Err(Errno::EXIST) => {
                let path = self.path.display();
                let text = format!("{path} is there already, and what it holds may be in use");
                Err(Error::new(Status::INVALID_ARGUMENT, text))
            }
            Err(errno) => Err(self.io(errno)),
        }
    }

    /// Puts the bytes in place of `before`, which were read there, if they still are what is there.
    ///
    /// # Errors
    ///
    /// As of [`check`](Self::check).
    pub(crate) fn swap(&self, before: &[u8], bytes: &[u8]) -> Result<Swap, Error> {
        self.check_replaced()?;
        let is_before = |directory: BorrowedFd<'_>, name: &Path| {
            matches!(read_same(directory, name, before), Ok(Some(_)))
        };
        let directory = self.directory.as_fd();
        match statat(directory, self.name(), AtFlags::SYMLINK_NOFOLLOW) {
            Err(Errno::NOENT) => return Ok(Swap::Missing),
            _ if !is_before(directory, self.name()) => return Ok(Swap::Changed),
            _ => {}
        }
        match self.write(bytes).and_then(|file| file.exchange(self.name(), is_before)) {
            Ok(true) => self.sync().map(|()| Swap::Done),
            Ok(false) => Ok(Swap::Changed),
            Err(Errno::NOENT) => Ok(Swap::Missing),
            Err(errno) => Err(self.io(errno)),
        }
    }

    /// Whether this is the path of the same file in the same directory.
    pub(crate) fn is_at(&self, path: &Path) -> bool {
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        let parent = statat(CWD, parent.unwrap_or(Path::new(".")), AtFlags::empty());
        let same = match (parent, fstat(&self.directory)) {
            (Ok(a), Ok(b)) => (a.st_dev, a.st_ino) == (b.st_dev, b.st_ino),
            _ => false,
        };
        same && path.file_name() == self.path.file_name()
    }

    /// Whether this is the file that is there.
    pub(crate) fn is(&self, file: impl AsFd) -> bool {
        match (fstat(file), statat(&self.directory, self.name(), AtFlags::empty())) {
            (Ok(a), Ok(b)) => (a.st_dev, a.st_ino) == (b.st_dev, b.st_ino),
            _ => false,
        }
    }

    fn name(&self) -> &Path {
        Path::new(self.path.file_name().unwrap_or_default())
    }

    /// Another user's file is not taken over: that user could not read it any more. And a device or a
    /// FIFO would be one no longer.
    fn check_replaced(&self) -> Result<(), Error> {
        let Self { directory, path, access } = self;
        let refuse = |text: &str| Err(io(path, text));
        let stat = match statat(directory, self.name(), AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => stat,
            Err(Errno::NOENT) => return Ok(()),
            Err(errno) => return Err(io(path, errno)),
        };
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile => {}
            FileType::Symlink => self.check_link()?,
            other => {
                let what = type_name(other);
                return refuse(&format!("it is {what}, which no file takes the place of"));
            }
        }
        let (owner, user) = (stat.st_uid, geteuid().as_raw());
        if owner != user && Some(owner) != access.owner {
            let text =
                format!("it belongs to user {owner}: write it as that user, or remove it first");
            return Err(refused(path, &text));
        }
        // An older kernel, or a sandbox, does not tell: then writing will.
        let flags = AtFlags::SYMLINK_NOFOLLOW;
        let Ok(stat) = statx(directory, self.name(), flags, StatxFlags::BASIC_STATS) else {
            return Ok(());
        };
        let is = |attribute| stat.stx_attributes.contains(attribute);
        if is(StatxAttributes::MOUNT_ROOT) {
            return refuse(
                "it is a mount point (as of docker -v FILE:FILE), which nothing takes the place of: \
                 mount its directory",
            );
        }
        if is(StatxAttributes::IMMUTABLE) || is(StatxAttributes::APPEND) {
            return refuse("it is marked as one that cannot be replaced: chattr -ia");
        }
        Ok(())
    }

    /// What a link leads to stays as it is, but for /dev/stdout the link itself has to.
    fn check_link(&self) -> Result<(), Error> {
        let (directory, path) = (&self.directory, &self.path);
        let flags = OFlags::PATH | OFlags::CLOEXEC;
        let resolve = ResolveFlags::NO_MAGICLINKS;
        let stat = match openat2(directory, self.name(), flags, Mode::empty(), resolve) {
            Ok(target) => fstat(target),
            Err(Errno::LOOP) => {
                let text = "it is a symbolic link to what a process has open, or to itself";
                return Err(io(path, text));
            }
            Err(Errno::NOSYS | Errno::PERM) => statat(directory, self.name(), AtFlags::empty()),
            Err(errno) => Err(errno),
        };
        match stat {
            Err(Errno::NOENT) => Ok(()),
            Ok(stat) => match FileType::from_raw_mode(stat.st_mode) {
                FileType::RegularFile => Ok(()),
                other => {
                    let what = type_name(other);
                    Err(io(path, format!("it is a symbolic link to {what}")))
                }
            },
            Err(errno) => Err(io(path, errno)),
        }
    }

    /// A read-only or full file system shows, and a directory without rights.
    fn rehearse(&self) -> Result<(), Errno> {
        if fstat(&self.directory)?.st_nlink == 0 {
            return Err(Errno::NOENT);
        }
        let temporary = Temporary::new(&self.directory)?;
        self.set_access(&temporary.file)?;
        let reserve = || fallocate(&temporary.file, FallocateFlags::empty(), 0, REHEARSED);
        match retry_on_intr(reserve) {
            // A file system that cannot reserve.
            Err(Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL) => Ok(()),
            outcome => outcome,
        }
    }

    /// The bytes on the disk, not in their place yet.
    fn write(&self, bytes: &[u8]) -> Result<Temporary, Errno> {
        let temporary = Temporary::new(&self.directory)?;
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
    fn holds(&self, directory: BorrowedFd<'_>, name: &Path, bytes: &[u8]) -> bool {
        let Access { mode: wanted, owner, group } = self.access;
        let Ok(Some(stat)) = read_same(directory, name, bytes) else { return false };
        mode(&stat) == wanted
            && stat.st_nlink == 1
            && stat.st_uid == owner.unwrap_or(geteuid().as_raw())
            && group.is_none_or(|group| stat.st_gid == group)
    }

    /// The name is in the directory's own bytes.
    fn sync(&self) -> Result<(), Error> {
        fsync(&self.directory).map_err(|errno| self.io(errno))
    }

    fn io(&self, errno: Errno) -> Error {
        io(&self.path, errno)
    }
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
