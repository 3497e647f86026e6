//! A copy of a store that is in use.

use std::fs::File;
use std::path::Path;

use rustix::fs::{CWD, Mode, OFlags, fsync, openat};
use rustix::io::Errno;

use super::lmdb::{self, Lmdb};
use super::{Store, schema};
use crate::ancestors::Parent;
use crate::error::Error;
use crate::files::TemporaryDirectory;
use crate::paths::io;

impl Store {
    /// Copies one snapshot of the store into a new directory, which is a store itself. Others may
    /// use the store meanwhile. What is at `path` is there whole, or not at all. Nothing that was
    /// deleted is in the copy.
    ///
    /// # Errors
    ///
    /// `IO`, also where something is at `path` already; `PERMISSIONS` where others could put another
    /// directory in its place; `INVALID_ARGUMENT` for a store in memory; `CORRUPT`, `INVALID_STATE`
    /// (opened before a fork).
    pub fn backup(&self, path: &Path) -> Result<(), Error> {
        let path = &std::path::absolute(path).map_err(|error| io(path, error))?;
        let parent = path.parent().unwrap_or(path);
        if Parent::open(path, lmdb::is_our_group)?.is_none() {
            return Err(io(parent, Errno::NOENT));
        }
        let Some(name) = path.file_name().filter(|_| path.symlink_metadata().is_err()) else {
            return Err(exists(path));
        };
        let copy = TemporaryDirectory::new(parent)?;
        self.copy_into(copy.path())?;
        if copy.create(Path::new(name))? { Ok(()) } else { Err(exists(path)) }
    }

    fn copy_into(&self, directory: &Path) -> Result<(), Error> {
        let data = directory.join(lmdb::DATA);
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        let file = openat(CWD, &data, flags, Mode::RUSR | Mode::WUSR);
        let mut file = File::from(file.map_err(|errno| io(&data, errno))?);
        self.0.backend.copy_to(&mut file)?;
        // Marked by a store of its own, whose commit also makes all of it durable.
        let (copy, _) = Lmdb::open(directory, false)?;
        copy.write(schema::mark_backup)?;
        drop(copy);
        fsync(&file).map_err(|errno| io(&data, errno))?;
        for name in lmdb::LOCKS {
            let path = directory.join(name);
            std::fs::remove_file(&path).map_err(|error| io(&path, error))?;
        }
        sync_directory(directory)
    }
}

fn sync_directory(path: &Path) -> Result<(), Error> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let sync = || fsync(openat(CWD, path, flags, Mode::empty())?);
    sync().map_err(|errno| io(path, errno))
}

fn exists(path: &Path) -> Error {
    io(path, "there is something already: name a directory that a backup is to make")
}
