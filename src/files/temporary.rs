//! What is not in its place yet: files without a name where a file system has such, and others, which
//! have a temporary one.

use core::mem;
use std::fs::File;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{
    Access, AtFlags, CWD, Mode, OFlags, RenameFlags, Stat, access, fstat, fsync, linkat, mkdirat,
    openat, renameat, renameat_with, statat, unlinkat,
};
use rustix::io::{Errno, retry_on_intr};

use super::leftovers::{Kind, Named, held, lock, sweep};
use crate::error::Error;
use crate::paths::io;

/// A new file, mode 0600, that is not in its place yet: without a name where the file system has such
/// files.
pub(super) struct Temporary {
    directory: Arc<OwnedFd>,
    pub(super) file: File,
    name: Option<Named>,
}

impl Temporary {
    pub(super) fn new(directory: &Arc<OwnedFd>) -> Result<Self, Errno> {
        // Without /proc there might be no way to give it a name.
        if access(OPEN_FILES, Access::EXISTS).is_err() {
            return Self::named(directory);
        }
        let flags = OFlags::RDWR | OFlags::TMPFILE | OFlags::CLOEXEC;
        match retry_on_intr(|| openat(directory, c".", flags, OWNER)) {
            Ok(file) => {
                let (directory, file) = (Arc::clone(directory), File::from(file));
                // Before it has a name that another one might sweep away.
                let _ = lock(&file);
                Ok(Self { directory, file, name: None })
            }
            Err(Errno::OPNOTSUPP | Errno::ISDIR | Errno::INVAL | Errno::NOSYS) => {
                Self::named(directory)
            }
            Err(errno) => Err(errno),
        }
    }

    /// One with a name from the beginning.
    fn named(directory: &Arc<OwnedFd>) -> Result<Self, Errno> {
        let (name, file) = Named::make(directory, Kind::File, |name| {
            let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW;
            let file = retry_on_intr(|| openat(directory, name, flags | OFlags::CLOEXEC, OWNER))?;
            Ok(File::from(file))
        })?;
        Ok(Self { directory: Arc::clone(directory), file, name: Some(name) })
    }

    /// Puts it where nothing is yet.
    pub(super) fn create(self, name: &Path) -> Result<(), Errno> {
        match self.name {
            None => link(&self.file, &self.directory, name),
            Some(temporary) => temporary.publish(|directory, from| {
                match renameat_with(directory, from, directory, name, RenameFlags::NOREPLACE) {
                    // A file system that cannot: NFS, say.
                    Err(Errno::INVAL | Errno::NOSYS) => {
                        linkat(directory, from, directory, name, AtFlags::empty())?;
                        unlinkat(directory, from, AtFlags::empty())
                    }
                    outcome => outcome,
                }
            }),
        }
    }

    /// Puts it in the place of whatever is there.
    pub(super) fn replace(self, name: &Path) -> Result<(), Errno> {
        self.into_name()?.publish(|directory, from| renameat(directory, from, directory, name))
    }

    /// Puts it in the place of what `is_expected` says yes to, and gives whether it did; whatever else
    /// is there, stays.
    pub(super) fn exchange(
        self,
        name: &Path,
        is_expected: impl Fn(BorrowedFd<'_>, &Path) -> bool,
    ) -> Result<bool, Errno> {
        let ours = identity(&fstat(&self.file)?);
        let temporary = self.into_name()?;
        let _held = held();
        let directory = temporary.directory.as_fd();
        let from = Path::new(&temporary.name);
        let swap = || renameat_with(directory, from, directory, name, RenameFlags::EXCHANGE);
        match swap() {
            Ok(()) => {}
            // A file system that cannot: what was looked at just now has to do.
            Err(Errno::INVAL | Errno::NOSYS) => {
                if !is_expected(directory, name) {
                    return Ok(false);
                }
                return renameat(directory, from, directory, name).map(|()| true);
            }
            Err(errno) => return Err(errno),
        }
        if is_expected(directory, from) {
            return Ok(true);
        }
        // Somebody else's, which goes back. If yet another was put in the place of ours meanwhile, that
        // one is the last, and goes back in its turn.
        let identity =
            |name| statat(directory, name, AtFlags::SYMLINK_NOFOLLOW).map(|s| identity(&s));
        let (mut placed, mut taken) = (ours, identity(from)?);
        for _ in 0..MAX_EXCHANGES {
            swap()?;
            let before = mem::replace(&mut placed, taken);
            taken = identity(from)?;
            if taken == before {
                break;
            }
        }
        Ok(false)
    }

    /// With a name, for what cannot be done without.
    fn into_name(self) -> Result<Named, Errno> {
        match self.name {
            Some(name) => Ok(name),
            None => {
                let link = |name: &str| {
                    link(&self.file, &self.directory, Path::new(name)).map(|()| &self.file)
                };
                Named::make(&self.directory, Kind::File, link).map(|(name, _)| name)
            }
        }
    }
}

/// A new directory, mode 0700, that is not in its place yet.
pub(crate) struct TemporaryDirectory {
    name: Named,
    path: PathBuf,
    /// Locked for as long as this lives.
    _directory: OwnedFd,
}

impl TemporaryDirectory {
    /// Makes one in `parent`.
    ///
    /// # Errors
    ///
    /// `IO`.
    pub(crate) fn new(parent: &Path) -> Result<Self, Error> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let open = || -> Result<(Named, OwnedFd), Errno> {
            let above = Arc::new(retry_on_intr(|| openat(CWD, parent, flags, Mode::empty()))?);
            sweep(&above);
            Named::make(&above, Kind::Directory, |name| {
                mkdirat(&above, name, Mode::RWXU)?;
                match openat(&above, name, flags | OFlags::NOFOLLOW, Mode::empty()) {
                    Err(Errno::NOENT) => Err(Errno::AGAIN), // swept away
                    opened => opened,
                }
            })
        };
        let (name, directory) = open().map_err(|errno| io(parent, errno))?;
        let path = parent.join(&name.name);
        Ok(Self { name, path, _directory: directory })
    }

    /// Where it is for now.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Puts it beside itself under this name, where nothing is yet; gives whether that was so.
    ///
    /// # Errors
    ///
    /// `IO`.
    pub(crate) fn create(self, name: &Path) -> Result<bool, Error> {
        let above = Arc::clone(&self.name.directory);
        let created = self.name.publish(|above, from| {
            match renameat_with(above, from, above, name, RenameFlags::NOREPLACE) {
                // A file system that cannot: NFS, say. One that is empty may be replaced.
                Err(Errno::INVAL | Errno::NOSYS) => {
                    mkdirat(above, name, Mode::RWXU)?;
                    renameat(above, from, above, name).inspect_err(|_| {
                        let _ = unlinkat(above, name, AtFlags::REMOVEDIR);
                    })
                }
                outcome => outcome,
            }
        });
        match created.and_then(|()| fsync(&above)) {
            Ok(()) => Ok(true),
            Err(Errno::EXIST) => Ok(false),
            Err(errno) => Err(io(name, errno)),
        }
    }
}

/// Gives an unnamed file a name, where nothing is yet.
fn link(file: &File, directory: &OwnedFd, name: &Path) -> Result<(), Errno> {
    // By the descriptor itself newer kernels let everybody, older ones let root.
    match linkat(file, c"", directory, name, AtFlags::EMPTY_PATH) {
        Err(Errno::NOENT | Errno::PERM | Errno::INVAL) => {
            let path = format!("{OPEN_FILES}/{}", file.as_raw_fd());
            linkat(CWD, path, directory, name, AtFlags::SYMLINK_FOLLOW)
        }
        outcome => outcome,
    }
}

fn identity(stat: &Stat) -> (u64, u64) {
    (stat.st_dev, stat.st_ino)
}

const OWNER: Mode = Mode::RUSR.union(Mode::WUSR);
const OPEN_FILES: &str = "/proc/self/fd";
const MAX_EXCHANGES: usize = 100;

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write;

    use super::*;

    type Make = fn(&Arc<OwnedFd>) -> Result<Temporary, Errno>;

    /// Where file systems have files without a name, and where they do not.
    const BOTH: [Make; 2] = [Temporary::new, Temporary::named];
    const NAME: &str = "name";

    struct Scratch {
        path: tempfile::TempDir,
        directory: Arc<OwnedFd>,
    }

    impl Scratch {
        fn new() -> Self {
            let path = tempfile::tempdir().unwrap();
            let directory = Arc::new(OwnedFd::from(File::open(path.path()).unwrap()));
            Self { path, directory }
        }

        fn temporary(&self, make: Make) -> Temporary {
            let temporary = make(&self.directory).unwrap();
            (&temporary.file).write_all(b"ours").unwrap();
            temporary
        }

        fn put(&self, text: &str) {
            let new = self.path.path().join("new");
            fs::write(&new, text).unwrap();
            fs::rename(new, self.path.path().join(NAME)).unwrap();
        }

        /// All that is there.
        fn files(&self) -> Vec<(String, String)> {
            let entries = fs::read_dir(&self.path).unwrap().map(|entry| entry.unwrap());
            entries
                .map(|entry| {
                    let text = fs::read_to_string(entry.path()).unwrap();
                    (entry.file_name().into_string().unwrap(), text)
                })
                .collect()
        }

        fn check(&self, text: &str) {
            assert_eq!(self.files(), [(NAME.to_owned(), text.to_owned())]);
        }
    }

    #[test]
    fn nothing_is_replaced_by_what_is_to_be_new() {
        for make in BOTH {
            let scratch = Scratch::new();
            drop(scratch.temporary(make));
            assert_eq!(scratch.files(), []);
            scratch.temporary(make).create(NAME.as_ref()).unwrap();
            scratch.check("ours");
            scratch.put("theirs");
            let outcome = scratch.temporary(make).create(NAME.as_ref());
            assert_eq!(outcome, Err(Errno::EXIST));
            scratch.check("theirs");
            scratch.temporary(make).replace(NAME.as_ref()).unwrap();
            scratch.check("ours");
        }
    }

    #[test]
    fn only_what_is_expected_is_exchanged() {
        for make in BOTH {
            let scratch = Scratch::new();
            let exchange = |is_expected: &dyn Fn() -> bool| {
                scratch.temporary(make).exchange(NAME.as_ref(), |_, _| is_expected())
            };
            assert_eq!(exchange(&|| true), Err(Errno::NOENT));
            assert_eq!(scratch.files(), []);
            scratch.put("theirs");
            assert_eq!(exchange(&|| false), Ok(false));
            scratch.check("theirs");
            assert_eq!(exchange(&|| true), Ok(true));
            scratch.check("ours");

            // Another one in the short time in which ours was there.
            scratch.put("theirs");
            let interfere = || {
                scratch.check_held("ours", "theirs");
                scratch.put("later");
                false
            };
            assert_eq!(exchange(&interfere), Ok(false));
            scratch.check("later");
            // Removed in that time: it stays away.
            let remove = || {
                fs::remove_file(scratch.path.path().join(NAME)).unwrap();
                false
            };
            assert_eq!(exchange(&remove), Err(Errno::NOENT));
            assert_eq!(scratch.files(), []);
        }
    }

    impl Scratch {
        /// Amid an exchange.
        fn check_held(&self, here: &str, taken: &str) {
            let mut texts: Vec<_> = self.files().into_iter().map(|(_, text)| text).collect();
            texts.sort();
            assert_eq!(texts, [here, taken]);
        }
    }

    #[test]
    fn a_directory_is_new_or_not_made() {
        let scratch = Scratch::new();
        let parent = scratch.path.path();
        let make = || {
            let made = TemporaryDirectory::new(parent).unwrap();
            fs::write(made.path().join("file"), "text").unwrap();
            made
        };
        let names = || fs::read_dir(parent).unwrap().count();
        drop(make());
        assert_eq!(names(), 0);
        assert!(make().create("made".as_ref()).unwrap());
        assert!(!make().create("made".as_ref()).unwrap());
        fs::create_dir(parent.join("empty")).unwrap();
        assert!(!make().create("empty".as_ref()).unwrap());
        assert_eq!(names(), 2);
        assert_eq!(fs::read_to_string(parent.join("made/file")).unwrap(), "text");
    }
}
