//! Writing a secret to a file so that nobody else ever sees it, nor anybody a half of it.

use std::ffi::OsStr;
use std::fs::File;
use std::io::Write;
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::{AtFlags, CWD, Mode, OFlags, fchmod, fsync, openat, renameat, statat, unlinkat};
use rustix::io::{Errno, retry_on_intr};
use rustix::process::geteuid;

use crate::paths::{io, refused};
use crate::{error::Error, status::Status};

/// Puts a secret into a file, in place of what the file held: whoever opens it finds the old bytes
/// or the new ones, whole, even where this process is killed. The file gets mode 0600 and belongs to
/// the effective user.
///
/// The bytes are written to a file beside it, `.scramtoken-RANDOM.tmp`, synced, and renamed; a writer
/// that is killed may leave that one behind, with mode 0600. A symbolic link is replaced and not
/// followed.
///
/// # Errors
///
/// `INVALID_ARGUMENT` for a path that names no file; `IO`; `PERMISSIONS` where what is there belongs
/// to another user, but for root.
pub fn write_secret_file(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let (Some(name), Some(parent)) = (path.file_name(), path.parent()) else {
        let text = format!("{}: this path names no file", path.display());
        return Err(Error::new(Status::INVALID_ARGUMENT, text));
    };
    let parent = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
    let dir = open_parent(parent)?;
    check_replaced(&dir, name, path)?;

    let temporary = temporary_name()?;
    let written = write_new(&dir, &temporary, bytes)
        .and_then(|()| renameat(&dir, &temporary, &dir, name).map_err(Into::into));
    if let Err(error) = written {
        // What went wrong is the error above, whether or not this goes well.
        let _ = unlinkat(&dir, &temporary, AtFlags::empty());
        return Err(Error::new(Status::IO, format!("{}: {error}", path.display())));
    }
    // The name is in the directory's own bytes.
    fsync(&dir).map_err(|errno| io(parent, errno))
}

fn open_parent(parent: &Path) -> Result<OwnedFd, Error> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    retry_on_intr(|| openat(CWD, parent, flags, Mode::empty())).map_err(|errno| io(parent, errno))
}

/// Another user's file is not taken over: that user could not read it any more.
fn check_replaced(dir: &OwnedFd, name: &OsStr, path: &Path) -> Result<(), Error> {
    let owner = match statat(dir, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) => stat.st_uid,
        Err(Errno::NOENT) => return Ok(()),
        Err(errno) => return Err(io(path, errno)),
    };
    if owner == 0 || owner == geteuid().as_raw() {
        return Ok(());
    }
    let text = format!("it belongs to user {owner}: write it as that user, or remove it first");
    Err(refused(path, &text))
}

fn temporary_name() -> Result<String, Error> {
    let random = u64::from_ne_bytes(crate::random::bytes()?);
    Ok(format!(".scramtoken-{random:016x}.tmp"))
}

fn write_new(dir: &OwnedFd, name: &str, bytes: &[u8]) -> std::io::Result<()> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mode = Mode::RUSR | Mode::WUSR;
    let file = retry_on_intr(|| openat(dir, name, flags, mode))?;
    // The umask may have taken the owner's rights.
    fchmod(&file, mode)?;
    let mut file = File::from(file);
    file.write_all(bytes)?;
    file.sync_all()
}
