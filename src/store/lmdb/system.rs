//! The calls that the compiler cannot check: opening a memory map that other processes write, locks
//! that belong to an open file, what happens at a fork, and who is in a group.
#![allow(unsafe_code, reason = "every block argues why it is sound")]

use core::ffi::{CStr, c_char};
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::Path;

use heed::{Env, EnvFlags, EnvOpenOptions, WithoutTls};
use rustix::io::Errno;

/// How much address space the map takes, in bytes; not memory: the file grows as it is written, and
/// the map never has to. Where there is no room (`ulimit -v`, valgrind) the next one is tried.
#[cfg(target_pointer_width = "64")]
const MAP_SIZES: [usize; 3] = [64 << 30, 16 << 30, 1 << 30];
#[cfg(not(target_pointer_width = "64"))]
const MAP_SIZES: [usize; 2] = [1 << 30, 1 << 28];

/// How many transactions may read at once, in all processes.
pub(super) const MAX_READERS: u32 = 4096;

/// Room for some that a newer version adds.
const MAX_TABLES: u32 = 16;

/// Opens the LMDB environment in a directory, or makes one there.
pub(super) fn open_environment(path: &Path, flags: EnvFlags) -> heed::Result<Env<WithoutTls>> {
    let mut options = EnvOpenOptions::new().read_txn_without_tls();
    options.max_readers(MAX_READERS).max_dbs(MAX_TABLES);
    let mut open = |map_size| {
        options.map_size(map_size);
        // SAFETY: what LMDB asks of those who open its map is seen to by our callers: the directory
        // and its files are the user's alone, each process opens it once (`presence`), never after a
        // fork, and with NO_LOCK only where nobody can write. What is left is said in SECURITY.md:
        // another program of the same user may truncate the file, or damage LMDB's own pages.
        unsafe {
            options.flags(flags);
            options.open(path)
        }
    };
    let mut opened = Err(heed::Error::Io(Errno::NOMEM.into()));
    for map_size in MAP_SIZES {
        opened = open(map_size);
        if !matches!(&opened, Err(heed::Error::Io(error)) if is_no_room(error)) {
            break;
        }
    }
    opened
}

/// What mmap says where the address space has no room; under valgrind it is EINVAL.
fn is_no_room(error: &std::io::Error) -> bool {
    matches!(Errno::from_io_error(error), Some(Errno::NOMEM | Errno::INVAL))
}

/// Has every later fork of the process call `before`, and `after` on both sides. For want of memory it
/// does not, and nothing worse.
pub(super) fn around_forks(before: extern "C" fn(), after: extern "C" fn()) {
    // SAFETY: the functions are of this library, which is never unloaded, and an extern "C" function
    // does not unwind.
    unsafe { libc::pthread_atfork(Some(before), Some(after), Some(after)) };
}

/// What to do with a lock.
#[derive(Clone, Copy)]
pub(super) enum LockOf {
    /// One byte.
    Byte(i64),
    /// Every byte from this one on.
    From(i64),
}

/// Takes a write lock that belongs to the open file, and not to the process: another open file of the
/// same process conflicts, and closing one does not drop it.
///
/// # Errors
///
/// `AGAIN` where another open file has a lock there.
pub(super) fn lock(file: &OwnedFd, what: LockOf) -> Result<(), Errno> {
    control(file, libc::F_OFD_SETLK, &mut description(libc::F_WRLCK, what))
}

/// Gives locks of this open file back.
pub(super) fn unlock(file: &OwnedFd, what: LockOf) -> Result<(), Errno> {
    control(file, libc::F_OFD_SETLK, &mut description(libc::F_UNLCK, what))
}

/// Whether another open file has a lock there.
pub(super) fn is_locked(file: &OwnedFd, what: LockOf) -> Result<bool, Errno> {
    let mut lock = description(libc::F_WRLCK, what);
    control(file, libc::F_OFD_GETLK, &mut lock)?;
    Ok(i32::from(lock.l_type) != libc::F_UNLCK)
}

#[expect(clippy::cast_possible_truncation, reason = "the constants are 0, 1 and 2")]
fn description(kind: i32, what: LockOf) -> libc::flock {
    let (start, len) = match what {
        LockOf::Byte(start) => (start, 1),
        LockOf::From(start) => (start, 0),
    };
    // SAFETY: a C struct of integers, for which zeros are a value; l_pid must be zero.
    let mut lock: libc::flock = unsafe { core::mem::zeroed() };
    lock.l_type = kind as libc::c_short;
    lock.l_whence = libc::SEEK_SET as libc::c_short;
    lock.l_start = start;
    lock.l_len = len;
    lock
}

fn control(file: &OwnedFd, command: i32, lock: &mut libc::flock) -> Result<(), Errno> {
    // SAFETY: the descriptor is open for as long as it is borrowed, and all three commands take a
    // pointer to a struct flock, which they may write.
    let outcome = unsafe { libc::fcntl(file.as_raw_fd(), command, core::ptr::from_mut(lock)) };
    if outcome == 0 {
        return Ok(());
    }
    Err(Errno::from_io_error(&std::io::Error::last_os_error()).unwrap_or(Errno::IO))
}

/// A group of the system's database.
pub(super) struct GroupEntry {
    pub(super) name: Vec<u8>,
    /// Users that have it beside a primary group of their own.
    pub(super) members: Vec<Vec<u8>>,
}

/// What the system's database has of a group; the outer None where it cannot be asked, or where the
/// entry is too long to read.
pub(super) fn group_entry(gid: u32) -> Option<Option<GroupEntry>> {
    // SAFETY: a C struct of integers and pointers, for which zeros are a value.
    let mut entry: libc::group = unsafe { core::mem::zeroed() };
    // SAFETY: the function's own contract; `entry` outlives the call.
    let ask = |buffer: &mut [c_char], found: &mut *mut libc::group| unsafe {
        libc::getgrgid_r(gid, &raw mut entry, buffer.as_mut_ptr(), buffer.len(), found)
    };
    look_up(ask, |entry| {
        // SAFETY: a name is a C string, and the members are a list of such up to a NULL, all in the
        // buffer, which lives until this returns.
        unsafe {
            let mut members = Vec::new();
            let mut next = entry.gr_mem;
            while !next.is_null() && !(*next).is_null() {
                members.push(CStr::from_ptr(*next).to_bytes().to_owned());
                next = next.add(1);
            }
            GroupEntry { name: CStr::from_ptr(entry.gr_name).to_bytes().to_owned(), members }
        }
    })
}

/// A user's name, where the system's database has one.
pub(super) fn user_name(uid: u32) -> Option<Vec<u8>> {
    // SAFETY: a C struct of integers and pointers, for which zeros are a value.
    let mut entry: libc::passwd = unsafe { core::mem::zeroed() };
    // SAFETY: the function's own contract; `entry` outlives the call.
    let ask = |buffer: &mut [c_char], found: &mut *mut libc::passwd| unsafe {
        libc::getpwuid_r(uid, &raw mut entry, buffer.as_mut_ptr(), buffer.len(), found)
    };
    // SAFETY: a name is a C string in the buffer, which lives until this returns.
    look_up(ask, |entry| unsafe { CStr::from_ptr(entry.pw_name).to_bytes().to_owned() }).flatten()
}

/// Asks the database with as much room as the entry takes, up to a MiB.
fn look_up<E, T>(
    mut ask: impl FnMut(&mut [c_char], &mut *mut E) -> i32,
    read: impl FnOnce(&E) -> T,
) -> Option<Option<T>> {
    let mut buffer = vec![0; 1 << 10];
    loop {
        let mut found = core::ptr::null_mut();
        match ask(&mut buffer, &mut found) {
            libc::ERANGE if buffer.len() < 1 << 20 => buffer.resize(buffer.len() * 4, 0),
            libc::EINTR => {}
            // SAFETY: what was found lies in the caller's entry and in the buffer.
            0 => return Some(unsafe { found.as_ref() }.map(read)),
            // There is no database at all, as in a container of one program.
            libc::ENOENT | libc::ESRCH => return Some(None),
            _ => return None,
        }
    }
}
