//! Opening a file without waiting for it, and what it has to be.

use std::fs::File;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use rustix::fs::{FileType, Mode, OFlags, Stat, StatVfsMountFlags, fstat, fstatvfs, openat};
use rustix::io::{Errno, read, retry_on_intr};
use rustix::process::geteuid;
use zeroize::Zeroizing;

use crate::paths::{io, refused};
use crate::{error::Error, status::Status};

/// What is done about a symbolic link at the last step of a path.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Links {
    Follow,
    Refuse,
}

/// Opens the regular file `name` below `dir`, which errors call `path`; None where it is missing.
pub(super) fn open_file(
    dir: impl AsFd,
    name: &Path,
    path: &Path,
    links: Links,
) -> Result<Option<(File, Stat)>, Error> {
    // Not blocking: a FIFO would wait for its writer, and a device for whatever it waits for.
    let flags = OFlags::NONBLOCK | OFlags::NOCTTY;
    let Some(file) = open(dir, name, path, flags, links)? else { return Ok(None) };
    // Of what was opened, and not of what has the name by now.
    let stat = fstat(&file).map_err(|errno| io(path, errno))?;
    check_type(path, &stat, FileType::RegularFile)?;
    Ok(Some((File::from(file), stat)))
}

/// Opens the directory `name` below `dir`, which errors call `path`; None where it is missing.
pub(super) fn open_directory(
    dir: impl AsFd,
    name: &Path,
    path: &Path,
) -> Result<Option<(OwnedFd, Stat)>, Error> {
    let flags = OFlags::NONBLOCK;
    let Some(directory) = open(dir, name, path, flags, Links::Refuse)? else { return Ok(None) };
    let stat = fstat(&directory).map_err(|errno| io(path, errno))?;
    check_type(path, &stat, FileType::Directory)?;
    Ok(Some((directory, stat)))
}

fn open(
    dir: impl AsFd,
    name: &Path,
    path: &Path,
    flags: OFlags,
    links: Links,
) -> Result<Option<OwnedFd>, Error> {
    let follow = if links == Links::Refuse { OFlags::NOFOLLOW } else { OFlags::empty() };
    let flags = flags | follow | OFlags::RDONLY | OFlags::CLOEXEC;
    match retry_on_intr(|| openat(&dir, name, flags, Mode::empty())) {
        Ok(file) => Ok(Some(file)),
        Err(Errno::NOENT) => Ok(None),
        Err(Errno::LOOP) if links == Links::Refuse => {
            Err(refused(path, "it is a symbolic link: name what it points to"))
        }
        Err(errno) => Err(io(path, errno)),
    }
}

fn check_type(path: &Path, stat: &Stat, wanted: FileType) -> Result<(), Error> {
    let is = FileType::from_raw_mode(stat.st_mode);
    if is == wanted {
        return Ok(());
    }
    let (is, wanted) = (type_name(is), type_name(wanted));
    Err(corrupt(path, &format!("it is {is}, and {wanted} is wanted")))
}

pub(super) fn type_name(file_type: FileType) -> &'static str {
    match file_type {
        FileType::RegularFile => "a regular file",
        FileType::Directory => "a directory",
        FileType::Fifo => "a FIFO",
        FileType::Socket => "a socket",
        FileType::CharacterDevice | FileType::BlockDevice => "a device",
        FileType::Symlink => "a symbolic link",
        FileType::Unknown => "something else",
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

/// Whether nothing can be changed there, not even a mode.
pub(super) fn is_read_only(file: impl AsFd) -> bool {
    fstatvfs(file).is_ok_and(|vfs| vfs.f_flag.contains(StatVfsMountFlags::RDONLY))
}

/// The whole file, of `max` bytes at most, in a buffer that never moves: one that grows leaves copies
/// of a secret behind.
pub(super) fn read_whole(
    file: &File,
    path: &Path,
    max: usize,
) -> Result<Zeroizing<Vec<u8>>, Error> {
    let said = fstat(file).map_err(|errno| io(path, errno))?.st_size;
    // Some file systems say 0 of every file.
    let said = usize::try_from(said).unwrap_or(usize::MAX).max(LEAST_ROOM).min(max);
    let mut bytes = Zeroizing::new(vec![0; said + 1]);
    let mut len = 0;
    while let Some(rest) = bytes.get_mut(len..).filter(|rest| !rest.is_empty()) {
        match retry_on_intr(|| read(file, &mut *rest)).map_err(|errno| io(path, errno))? {
            0 => break,
            more => len += more,
        }
    }
    if len > said {
        let text = match said {
            said if said == max => format!("it has more than {max} bytes"),
            _ => "it grew while it was read".to_owned(),
        };
        return Err(corrupt(path, &text));
    }
    bytes.truncate(len);
    Ok(bytes)
}

pub(super) fn corrupt(path: &Path, text: &str) -> Error {
    Error::new(Status::CORRUPT, format!("{}: {text}", path.display()))
}

pub(super) fn mode(stat: &Stat) -> u32 {
    stat.st_mode & 0o7777
}

const LEAST_ROOM: usize = 64 * 1024;
