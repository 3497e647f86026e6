//! Where a file is to be written, and what is there so far.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{
    AtFlags, CWD, FileType, Mode, OFlags, ResolveFlags, StatxAttributes, StatxFlags, fstat, openat,
    openat2, readlinkat, statat, statx,
};
use rustix::io::{Errno, retry_on_intr};
use rustix::process::geteuid;

use super::open::type_name;
use crate::paths::{io, refused};
use crate::{error::Error, status::Status};

/// An open directory, and a name in it.
pub(super) struct Place {
    pub(super) directory: Arc<OwnedFd>,
    path: PathBuf,
}

impl Place {
    /// # Errors
    ///
    /// `INVALID_ARGUMENT` for a path that names no file; `IO`.
    pub(super) fn open(path: &Path) -> Result<Self, Error> {
        if path.file_name().is_none() {
            let text = format!("{}: this path names no file", path.display());
            return Err(Error::new(Status::INVALID_ARGUMENT, text));
        }
        let parent = parent(path);
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let directory = retry_on_intr(|| openat(CWD, parent, flags, Mode::empty()))
            .map_err(|errno| io(parent, errno))?;
        Ok(Self { directory: Arc::new(directory), path: path.to_owned() })
    }

    pub(super) fn name(&self) -> &Path {
        Path::new(self.path.file_name().unwrap_or_default())
    }

    /// Refuses what is not to be replaced. Another user's file is not taken over: that user could not
    /// read it any more. And a device or a FIFO would be one no longer.
    ///
    /// # Errors
    ///
    /// `IO`, `PERMISSIONS`.
    pub(super) fn check(&self, other_owner: Option<u32>) -> Result<(), Error> {
        let Self { directory, path } = self;
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
        if owner != user && Some(owner) != other_owner {
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

    /// A link is replaced and not followed, but not every link may be: not /dev/stdout, whatever that
    /// is, and none that whoever makes a volume looks after.
    fn check_link(&self) -> Result<(), Error> {
        let (directory, path) = (&self.directory, &self.path);
        let target = retry_on_intr(|| readlinkat(directory, self.name(), Vec::new()));
        if target.is_ok_and(|target| target.to_bytes().starts_with(b"..data/")) {
            return Err(io(
                path,
                "it is a symbolic link of a volume, which only its maker changes",
            ));
        }
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

    /// Whether anything is there.
    pub(super) fn is_empty(&self) -> bool {
        let stat = statat(&self.directory, self.name(), AtFlags::SYMLINK_NOFOLLOW);
        matches!(stat, Err(Errno::NOENT))
    }

    pub(super) fn borrow(&self) -> BorrowedFd<'_> {
        self.directory.as_fd()
    }

    pub(super) fn io(&self, errno: Errno) -> Error {
        io(&self.path, errno)
    }
}

/// The directory that a path's name is in.
pub(super) fn parent(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}
