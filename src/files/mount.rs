//! Directories of secrets, and among them the volumes of Kubernetes.
//!
//! The kubelet writes each generation of a volume into a directory of its own and then swaps the
//! symbolic link `..data` to it; each file that a user sees is a link into `..data`. What is read below
//! one opened generation fits together, whatever happens to the link.

use std::ffi::OsString;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;
use std::path::{Component, Path, PathBuf};

use rustix::fs::{AtFlags, CWD, FileType, Stat, readlinkat, statat};
use rustix::io::{Errno, retry_on_intr};

use super::open::{check_owner, corrupt, is_read_only, mode, open_directory, read_whole};
use super::secret::{OpenSecret, Rule, Secret, open_secret_at};
use crate::paths::{io, refused};
use crate::{error::Error, status::Status};

/// A directory of secrets, which may be a Kubernetes volume.
pub(crate) struct Directory {
    directory: OwnedFd,
    path: PathBuf,
    stat: Stat,
    is_mount: bool,
}

/// The files of a directory at one time.
pub(crate) struct Generation<'a> {
    directory: &'a OwnedFd,
    path: &'a Path,
    rule: Rule,
}

impl Directory {
    /// Opens a directory, which may be a plain one, held to the strict rule.
    ///
    /// # Errors
    ///
    /// `IO`, `CORRUPT` (no directory), `PERMISSIONS` (a link).
    pub(crate) fn open(path: &Path) -> Result<Self, Error> {
        let opened = open_directory(CWD, path, path)?;
        let (directory, stat) = opened.ok_or_else(|| io(path, Errno::NOENT))?;
        Ok(Self { directory, path: path.to_owned(), stat, is_mount: false })
    }

    /// The volume that shows a file, and the file's name in it; None where the file's directory is no
    /// volume.
    pub(super) fn of_mounted_file(file: &Path) -> Result<Option<(Self, PathBuf)>, Error> {
        let Some((path, name)) = mount_and_name(file) else { return Ok(None) };
        // With the dot, since the way there may be by links, as it may be for every file.
        let opened = open_directory(CWD, &path.join("."), path)?;
        let (directory, stat) = opened.ok_or_else(|| io(path, Errno::NOENT))?;
        Ok(Some((Self { directory, path: path.to_owned(), stat, is_mount: true }, name)))
    }

    /// What `read` makes of the current generation; it is asked again where that has vanished
    /// meanwhile.
    ///
    /// # Errors
    ///
    /// What `read` fails with; `IO`, `CORRUPT` and `PERMISSIONS` of the directories.
    pub(crate) fn read<T>(
        &self,
        mut read: impl FnMut(&Generation<'_>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        for _ in 0..MAX_SWAPS {
            let Some(current) = self.current()? else {
                let (directory, path) = (&self.directory, self.path.as_path());
                return read(&Generation { directory, path, rule: Rule::Private });
            };
            let outcome = self.open_generation(&current).and_then(|directory| {
                let (directory, path) = (&directory, self.path.as_path());
                read(&Generation { directory, path, rule: Rule::Readable })
            });
            // The kubelet removes a generation once it has swapped the link: read the next one.
            if outcome.is_ok() || self.current()?.as_ref() == Some(&current) {
                return outcome;
            }
        }
        let text = format!("{}: it changes faster than it can be read", self.path.display());
        Err(Error::new(Status::IO, text))
    }

    /// The directory that `..data` points to; None for a plain directory, without such a link.
    fn current(&self) -> Result<Option<PathBuf>, Error> {
        let data = self.path.join(DATA);
        let not_a_mount = || corrupt(&data, "it is no symbolic link to a directory beside it");
        let target = match retry_on_intr(|| readlinkat(&self.directory, DATA, Vec::new())) {
            Ok(target) => PathBuf::from(OsString::from_vec(target.into_bytes())),
            Err(Errno::NOENT) if !self.is_mount => return Ok(None),
            Err(Errno::INVAL) => return Err(not_a_mount()),
            Err(errno) => return Err(io(&data, errno)),
        };
        let mut components = target.components();
        match (components.next(), components.next()) {
            (Some(Component::Normal(_)), None) => {}
            _ => return Err(not_a_mount()),
        }
        self.check_swapper(&data)?;
        Ok(Some(target))
    }

    /// Whoever can swap the link chooses the secret.
    fn check_swapper(&self, data: &Path) -> Result<(), Error> {
        check_owner(&self.path, &self.stat)?;
        // In a sticky directory only the owner of a name may change it, and that is looked at.
        let may_swap = others_write(&self.stat) && self.stat.st_mode & STICKY == 0;
        if may_swap && !is_read_only(&self.directory) {
            return Err(others_write_it(&self.path, &self.stat));
        }
        let link = statat(&self.directory, DATA, AtFlags::SYMLINK_NOFOLLOW);
        check_owner(data, &link.map_err(|errno| io(data, errno))?)
    }

    fn open_generation(&self, name: &Path) -> Result<OwnedFd, Error> {
        let path = self.path.join(DATA);
        let (directory, stat) =
            open_directory(&self.directory, name, &path)?.ok_or_else(|| io(&path, Errno::NOENT))?;
        check_generation(&path, &stat)?;
        Ok(directory)
    }
}

impl Generation<'_> {
    /// Reads a file, of `max` bytes at most; None where it is missing.
    ///
    /// # Errors
    ///
    /// `IO`, `CORRUPT` (no regular file, or longer), `PERMISSIONS`.
    pub(crate) fn read(&self, name: &str, max: usize) -> Result<Option<Secret>, Error> {
        let path = self.path.join(name);
        let Some(OpenSecret { file, warning }) = self.open(Path::new(name), &path)? else {
            return Ok(None);
        };
        Ok(Some(Secret { bytes: read_whole(&file, &path, max)?, warning }))
    }

    /// Opens a file, perhaps in directories below, which errors call `path`; None where it is missing.
    pub(super) fn open(&self, name: &Path, path: &Path) -> Result<Option<OpenSecret>, Error> {
        let (Some(last), Some(above)) = (name.file_name(), name.parent()) else {
            return Err(corrupt(path, "it names no file of the volume"));
        };
        let mut below: Option<OwnedFd> = None;
        for component in above.components() {
            let parent = below.as_ref().unwrap_or(self.directory);
            let opened = open_directory(parent, component.as_ref(), path)?;
            let Some((directory, stat)) = opened else { return Ok(None) };
            check_generation(path, &stat)?;
            below = Some(directory);
        }
        let parent = below.as_ref().unwrap_or(self.directory).as_fd();
        open_secret_at(parent, last.as_ref(), path, self.rule)
    }
}

/// Splits a path into a volume and a name in it where the way to the file leads through `..data`: by
/// that name, or by a link that the kubelet has made.
fn mount_and_name(file: &Path) -> Option<(&Path, PathBuf)> {
    file.ancestors().find_map(|step| {
        let (mount, name) = (step.parent()?, step.file_name()?);
        let below = file.strip_prefix(step).ok()?;
        if name == DATA {
            let stat = statat(CWD, step, AtFlags::SYMLINK_NOFOLLOW).ok()?;
            let is_link = FileType::from_raw_mode(stat.st_mode) == FileType::Symlink;
            return is_link.then(|| (mount, below.to_owned()));
        }
        let target = retry_on_intr(|| readlinkat(CWD, step, Vec::new())).ok()?;
        let target = PathBuf::from(OsString::from_vec(target.into_bytes()));
        // Joining with nothing would end the path with a slash.
        let rest =
            if below.as_os_str().is_empty() { name.into() } else { Path::new(name).join(below) };
        (target == Path::new(DATA).join(name)).then_some((mount, rest))
    })
}

/// Whoever may write to a directory chooses what it holds.
fn check_generation(path: &Path, stat: &Stat) -> Result<(), Error> {
    check_owner(path, stat)?;
    if others_write(stat) { Err(others_write_it(path, stat)) } else { Ok(()) }
}

fn others_write(stat: &Stat) -> bool {
    stat.st_mode & 0o022 != 0
}

fn others_write_it(path: &Path, stat: &Stat) -> Error {
    let (mode, path_text) = (mode(stat), path.display());
    let text =
        format!("others may write to this directory (mode {mode:04o}): chmod go-w {path_text}");
    refused(path, &text)
}

const DATA: &str = "..data";
const STICKY: u32 = 0o1000;

/// How often a directory may change while it is read; each one is a whole rotation of the volume.
const MAX_SWAPS: usize = 100;
