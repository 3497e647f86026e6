//! What is not there yet: files without a name, and what has one, `.scramtoken-RANDOM.tmp`, until it
//! gets its own.
//!
//! A temporary is locked (flock) while its maker lives. One that is not was left behind by a process
//! that was killed, and the next one that writes into the directory removes it. A program that is told
//! to end by a signal removes its own.

use core::mem;
use core::sync::atomic::{AtomicBool, Ordering};
use std::fs::File;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::{Mutex, MutexGuard};
use rustix::fs::{
    Access, AtFlags, CWD, Dir, FileType, FlockOperation, Mode, OFlags, RenameFlags, Stat, access,
    flock, fstat, fsync, linkat, mkdirat, openat, renameat, renameat_with, statat, unlinkat,
};
use rustix::io::{Errno, retry_on_intr};
use rustix::process::geteuid;

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
                lock(&file);
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
            lock(&file);
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
                let link = |name: &str| link(&self.file, &self.directory, Path::new(name));
                Named::make(&self.directory, Kind::File, link).map(|(name, ())| name)
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
                let directory = openat(&above, name, flags | OFlags::NOFOLLOW, Mode::empty())?;
                lock(&directory);
                Ok(directory)
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

/// A name that is removed unless it is published.
struct Named {
    directory: Arc<OwnedFd>,
    name: String,
    kind: Kind,
}

#[derive(Clone, Copy)]
enum Kind {
    File,
    Directory,
}

impl Named {
    fn make<T>(
        directory: &Arc<OwnedFd>,
        kind: Kind,
        make: impl FnOnce(&str) -> Result<T, Errno>,
    ) -> Result<(Self, T), Errno> {
        let random = crate::random::bytes().map(u64::from_ne_bytes).map_err(|_| Errno::IO)?;
        let name = format!("{PREFIX}{random:016x}{SUFFIX}");
        let held = held();
        let made = make(&name)?;
        if let Some(mut held) = held {
            held.push((Arc::clone(directory), name.clone(), kind));
        }
        Ok((Self { directory: Arc::clone(directory), name, kind }, made))
    }

    /// `rename` gives the name up for another.
    fn publish(
        self,
        rename: impl FnOnce(BorrowedFd<'_>, &str) -> Result<(), Errno>,
    ) -> Result<(), Errno> {
        let held = held();
        rename(self.directory.as_fd(), &self.name)?;
        forget(held, &self.name);
        Ok(())
    }
}

impl Drop for Named {
    fn drop(&mut self) {
        let held = held();
        // Whatever went wrong is told by who let go of it.
        let _ = remove(&self.directory, &self.name, self.kind);
        forget(held, &self.name);
    }
}

type Names = Vec<(Arc<OwnedFd>, String, Kind)>;

/// What has a name now, in a program whose signals remove it.
static NAMES: Mutex<Names> = Mutex::new(Vec::new());

/// Whether it is such a program. A library has no signals of its own, and no lock that a fork might
/// find held.
static REMOVED_AT_SIGNALS: AtomicBool = AtomicBool::new(false);

/// From now on [`remove_now`] will find what is temporary.
pub(crate) fn remove_at_signals() {
    REMOVED_AT_SIGNALS.store(true, Ordering::Release);
}

/// Removes what is temporary, in a program that is about to end by a signal: whoever would give another
/// thing a name, or one its place, waits for that end.
pub(crate) fn remove_now() {
    let names = NAMES.lock();
    for (directory, name, kind) in names.iter() {
        let _ = remove(directory, name, *kind);
    }
    mem::forget(names);
}

fn held() -> Option<MutexGuard<'static, Names>> {
    REMOVED_AT_SIGNALS.load(Ordering::Acquire).then(|| NAMES.lock())
}

fn forget(held: Option<MutexGuard<'static, Names>>, name: &str) {
    if let Some(mut held) = held {
        held.retain(|(_, other, _)| other != name);
    }
}

/// Removes what processes that were killed have left in a directory. Only where nobody else can give
/// something of ours such a name.
pub(super) fn sweep(directory: &OwnedFd) {
    let user = geteuid();
    let ours = |stat: &Stat| stat.st_uid == user.as_raw();
    let is_safe = |stat: &Stat| {
        let is_sticky = stat.st_mode & 0o1000 != 0;
        (ours(stat) || stat.st_uid == 0) && (is_sticky || stat.st_mode & 0o022 == 0)
    };
    if !fstat(directory).is_ok_and(|stat| is_safe(&stat)) {
        return;
    }
    let Ok(entries) = Dir::read_from(directory) else { return };
    for entry in entries.flatten() {
        let Ok(name) = entry.file_name().to_str() else { continue };
        if !name.starts_with(PREFIX) || !name.ends_with(SUFFIX) {
            continue;
        }
        let Ok(stat) = statat(directory, name, AtFlags::SYMLINK_NOFOLLOW) else { continue };
        let kind = match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile => Kind::File,
            FileType::Directory => Kind::Directory,
            _ => continue,
        };
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let Ok(file) = openat(directory, name, flags, Mode::empty()) else { continue };
        if ours(&stat) && flock(&file, FlockOperation::NonBlockingLockExclusive).is_ok() {
            let _ = remove(directory, name, kind);
        }
    }
}

fn remove(above: &OwnedFd, name: &str, kind: Kind) -> Result<(), Errno> {
    if matches!(kind, Kind::File) {
        return unlinkat(above, name, AtFlags::empty());
    }
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let directory = openat(above, name, flags, Mode::empty())?;
    // Another thread may put something into it yet.
    for _ in 0..MAX_REMOVALS {
        for entry in Dir::read_from(&directory)?.flatten() {
            let _ = unlinkat(&directory, entry.file_name(), AtFlags::empty());
        }
        match unlinkat(above, name, AtFlags::REMOVEDIR) {
            Err(Errno::NOTEMPTY | Errno::EXIST) => {}
            outcome => return outcome,
        }
    }
    Err(Errno::NOTEMPTY)
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

/// Nobody else has it yet; where a file system knows no locks, nothing is swept either.
fn lock(file: impl AsFd) {
    let _ = flock(file, FlockOperation::NonBlockingLockExclusive);
}

fn identity(stat: &Stat) -> (u64, u64) {
    (stat.st_dev, stat.st_ino)
}

const OWNER: Mode = Mode::RUSR.union(Mode::WUSR);
const OPEN_FILES: &str = "/proc/self/fd";
const PREFIX: &str = ".scramtoken-";
const SUFFIX: &str = ".tmp";
const MAX_EXCHANGES: usize = 100;
const MAX_REMOVALS: usize = 100;
