//! Temporary names, `.scramtoken-RANDOM.tmp`, and that none of them stays.
//!
//! What has such a name is locked (flock) while its maker lives. What is not was left behind by a process
//! that was killed, and whoever next writes into the directory removes it. A program that is told to end
//! by a signal removes its own.

use core::mem;
use core::sync::atomic::{AtomicBool, Ordering};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use parking_lot::{Mutex, MutexGuard};
use rustix::fs::{
    AtFlags, Dir, FileType, FlockOperation, Mode, OFlags, Stat, flock, fstat, openat, statat,
    unlinkat,
};
use rustix::io::Errno;
use rustix::process::geteuid;

/// A name that is removed unless it is published.
pub(super) struct Named {
    pub(super) directory: Arc<OwnedFd>,
    pub(super) name: String,
    kind: Kind,
}

#[derive(Clone, Copy)]
pub(super) enum Kind {
    File,
    Directory,
}

impl Named {
    /// `make` makes something of the name that it is given, and opens it.
    pub(super) fn make<T: AsFd>(
        directory: &Arc<OwnedFd>,
        kind: Kind,
        make: impl Fn(&str) -> Result<T, Errno>,
    ) -> Result<(Self, T), Errno> {
        for _ in 0..MAX_TRIES {
            let random = crate::random::bytes().map(u64::from_ne_bytes).map_err(|_| Errno::IO)?;
            let name = format!("{PREFIX}{random:016x}{SUFFIX}");
            let held = held();
            let made = make(&name).and_then(|made| {
                claim(directory, &name, &made)?;
                Ok(made)
            });
            match made {
                Ok(made) => {
                    if let Some(mut held) = held {
                        held.push((Arc::clone(directory), name.clone(), kind));
                    }
                    return Ok((Self { directory: Arc::clone(directory), name, kind }, made));
                }
                // Another one has swept it away before it was locked.
                Err(Errno::AGAIN) => {}
                Err(errno) => {
                    let _ = remove(directory, &name, kind);
                    return Err(errno);
                }
            }
        }
        Err(Errno::AGAIN)
    }

    /// `rename` gives the name up for another.
    pub(super) fn publish(
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

pub(super) fn held() -> Option<MutexGuard<'static, Names>> {
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
        if ours(&stat) && lock(&file).is_ok() {
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

/// Locks what was just made. Where a file system knows no locks, nothing is swept either.
fn claim(directory: &OwnedFd, name: &str, made: impl AsFd) -> Result<(), Errno> {
    if lock(&made) == Err(Errno::AGAIN) {
        return Err(Errno::AGAIN);
    }
    let (made, named) = (fstat(made)?, statat(directory, name, AtFlags::SYMLINK_NOFOLLOW));
    match named {
        Ok(named) if (named.st_dev, named.st_ino) == (made.st_dev, made.st_ino) => Ok(()),
        Ok(_) | Err(Errno::NOENT) => Err(Errno::AGAIN),
        Err(errno) => Err(errno),
    }
}

pub(super) fn lock(file: impl AsFd) -> Result<(), Errno> {
    flock(file, FlockOperation::NonBlockingLockExclusive)
}

const PREFIX: &str = ".scramtoken-";
const SUFFIX: &str = ".tmp";
const MAX_REMOVALS: usize = 100;
const MAX_TRIES: usize = 100;
