//! Reading a secret from a file that nobody else may read, or could have put there.

use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use rustix::fs::{CWD, FileType, Mode, OFlags, Stat, fstat, openat};
use rustix::io::{Errno, read, retry_on_intr};
use rustix::process::geteuid;
use zeroize::Zeroizing;

use super::credential::corrupt;
use crate::error::Error;
use crate::paths::{io, refused};

/// The largest secret file, in bytes.
pub(super) const MAX_FILE: usize = 64 * 1024;

/// What others may do with a file.
#[derive(Clone, Copy)]
pub(super) enum Rule {
    /// Nothing.
    Private,
    /// Read it, as in a Kubernetes mount, whose default is 0644.
    Readable,
}

/// The bytes of a file, zeroed on drop.
pub(super) struct SecretFile {
    pub(super) bytes: Zeroizing<Vec<u8>>,
    /// Its mode, where every user may read it.
    pub(super) exposed: Option<u32>,
}

/// Reads a file under the strict rule.
pub(crate) fn read_secret_file(path: &Path) -> Result<Zeroizing<Vec<u8>>, Error> {
    match read_secret_at(CWD, path, path, Rule::Private)? {
        Some(file) => Ok(file.bytes),
        None => Err(io(path, Errno::NOENT)),
    }
}

/// Opens a file under the strict rule, however long it is.
#[cfg(feature = "cli")]
pub(crate) fn open_secret_file(path: &Path) -> Result<OwnedFd, Error> {
    match open_secret_at(CWD, path, path, Rule::Private)? {
        Some((file, _)) => Ok(file),
        None => Err(io(path, Errno::NOENT)),
    }
}

/// Reads the file `name` below `dir`, which errors call `path`; None where it is missing.
pub(super) fn read_secret_at(
    dir: impl AsFd,
    name: &Path,
    path: &Path,
    rule: Rule,
) -> Result<Option<SecretFile>, Error> {
    let Some((file, stat)) = open_secret_at(dir, name, path, rule)? else { return Ok(None) };
    let bytes = read_whole(&file, path)?;
    let exposed = (stat.st_mode & EVERY_USER_READS != 0).then_some(mode(&stat));
    Ok(Some(SecretFile { bytes, exposed }))
}

/// Opens the file `name` below `dir`, which errors call `path`, and checks that it is nobody else's;
/// None where it is missing.
fn open_secret_at(
    dir: impl AsFd,
    name: &Path,
    path: &Path,
    rule: Rule,
) -> Result<Option<(OwnedFd, Stat)>, Error> {
    // Not blocking: a FIFO would wait for its writer.
    let Some(file) = open(dir, name, path, OFlags::NONBLOCK | OFlags::NOCTTY)? else {
        return Ok(None);
    };
    // Of what was opened, and not of what has the name by now.
    let stat = fstat(&file).map_err(|errno| io(path, errno))?;
    check_type(path, &stat, FileType::RegularFile)?;
    check_owner(path, &stat)?;
    check_mode(path, &stat, rule)?;
    check_links(path, &stat)?;
    Ok(Some((file, stat)))
}

/// Opens the directory `name` below `dir`, which errors call `path`; None where it is missing.
pub(super) fn open_directory(
    dir: impl AsFd,
    name: &Path,
    path: &Path,
) -> Result<Option<OwnedFd>, Error> {
    let Some(directory) = open(dir, name, path, OFlags::empty())? else { return Ok(None) };
    let stat = fstat(&directory).map_err(|errno| io(path, errno))?;
    check_type(path, &stat, FileType::Directory)?;
    Ok(Some(directory))
}

fn open(dir: impl AsFd, name: &Path, path: &Path, flags: OFlags) -> Result<Option<OwnedFd>, Error> {
    let flags = flags | OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    match retry_on_intr(|| openat(&dir, name, flags, Mode::empty())) {
        Ok(file) => Ok(Some(file)),
        Err(Errno::NOENT) => Ok(None),
        Err(Errno::LOOP) => Err(refused(path, "it is a symbolic link: name what it points to")),
        Err(errno) => Err(io(path, errno)),
    }
}

fn check_type(path: &Path, stat: &Stat, wanted: FileType) -> Result<(), Error> {
    let is = FileType::from_raw_mode(stat.st_mode);
    if is == wanted {
        return Ok(());
    }
    let (is, wanted) = (type_name(is), type_name(wanted));
    Err(corrupt(format!("{}: it is {is}, and {wanted} is wanted", path.display())))
}

fn type_name(file_type: FileType) -> &'static str {
    match file_type {
        FileType::RegularFile => "a regular file",
        FileType::Directory => "a directory",
        FileType::Fifo => "a FIFO",
        FileType::Socket => "a socket",
        FileType::CharacterDevice | FileType::BlockDevice => "a device",
        FileType::Symlink | FileType::Unknown => "something else",
    }
}

/// What another user owns, that user may change at any time.
pub(super) fn check_owner(path: &Path, stat: &Stat) -> Result<(), Error> {
    let (owner, user) = (stat.st_uid, geteuid().as_raw());
    if owner == user || owner == 0 {
        return Ok(());
    }
    let text = format!(
        "it belongs to user {owner}, and neither to user {user}, who reads it, nor to root: \
         chown {user} {}",
        path.display()
    );
    Err(refused(path, &text))
}

fn check_mode(path: &Path, stat: &Stat, rule: Rule) -> Result<(), Error> {
    let (bits, mend) = match rule {
        Rule::Private => (0o077, format!("chmod 600 {}", path.display())),
        Rule::Readable => (0o022, "set the volume's defaultMode to 0400".to_owned()),
    };
    if stat.st_mode & bits != 0 {
        let can = if stat.st_mode & bits & 0o022 != 0 { "write" } else { "read" };
        let mode = mode(stat);
        return Err(refused(path, &format!("others may {can} it (mode {mode:04o}): {mend}")));
    }
    Ok(())
}

/// Whoever made another name of a file keeps the secret when this name goes.
fn check_links(path: &Path, stat: &Stat) -> Result<(), Error> {
    // None at all: the file was replaced since it was opened.
    if stat.st_nlink > 1 {
        let links = stat.st_nlink;
        let text = format!("it has {links} names (hard links): replace it by a copy");
        return Err(refused(path, &text));
    }
    Ok(())
}

fn read_whole(file: &OwnedFd, path: &Path) -> Result<Zeroizing<Vec<u8>>, Error> {
    // Whole from the beginning: growing would leave copies behind.
    let mut bytes = Zeroizing::new(vec![0; MAX_FILE + 1]);
    let mut len = 0;
    while let Some(rest) = bytes.get_mut(len..).filter(|rest| !rest.is_empty()) {
        match retry_on_intr(|| read(file, &mut *rest)).map_err(|errno| io(path, errno))? {
            0 => break,
            more => len += more,
        }
    }
    if len > MAX_FILE {
        let text = format!("{}: it has more than {MAX_FILE} bytes", path.display());
        return Err(corrupt(text));
    }
    bytes.truncate(len);
    Ok(bytes)
}

fn mode(stat: &Stat) -> u32 {
    stat.st_mode & 0o7777
}

const EVERY_USER_READS: u32 = 0o004;
