//! The directories that a path leads through. Whoever may rename in one of them can put something else
//! in the path's place, so they are judged as sshd's StrictModes judges those of a key file.

use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;
use std::path::{Component, Path, PathBuf};

use rustix::fs::{CWD, FileType, Mode, OFlags, Stat, fstat, openat, readlinkat};
use rustix::io::{Errno, retry_on_intr};
use rustix::process::geteuid;

use crate::error::Error;
use crate::paths::{io, refused};

/// Where a path's last component lies. Nobody but root and the effective user can put something else
/// there, for as long as both leave the directories as they are.
pub(crate) struct Parent {
    /// To look things up in, and no more (`O_PATH`).
    pub(crate) fd: OwnedFd,
    /// The last component.
    pub(crate) name: OsString,
}

impl Parent {
    /// Walks down an absolute path to its last component, which need not be there. Each directory on
    /// the way, and each symbolic link, belongs to root or the effective user; others may write to it
    /// only where it is sticky, as /tmp is, or where `is_ours` knows its group. None where a directory
    /// is missing.
    ///
    /// # Errors
    ///
    /// `PERMISSIONS`; `IO`.
    pub(crate) fn open(path: &Path, is_ours: impl Fn(u32) -> bool) -> Result<Option<Self>, Error> {
        let last = path.components().next_back().map_or(OsStr::new("."), Component::as_os_str);
        let name = if last == "/" { OsStr::new(".") } else { last }.to_owned();
        let mut walk = Walk::begin(path, &is_ours)?;
        walk.to_come = components(path.parent().unwrap_or(path));
        while let Some(component) = walk.to_come.pop_front() {
            match walk.enter(&component) {
                Ok(()) => {}
                Err(Failure::Missing) => return Ok(None),
                Err(Failure::Error(error)) => return Err(error),
            }
        }
        Ok(Some(Self { fd: walk.at, name }))
    }
}

struct Walk<'a> {
    /// What all of it is for.
    target: &'a Path,
    is_ours: &'a dyn Fn(u32) -> bool,
    user: u32,
    at: OwnedFd,
    /// The path of `at`, without symbolic links.
    path: PathBuf,
    to_come: VecDeque<OsString>,
    links: u32,
}

enum Failure {
    Missing,
    Error(Error),
}

impl<'a> Walk<'a> {
    fn begin(target: &'a Path, is_ours: &'a dyn Fn(u32) -> bool) -> Result<Self, Error> {
        let path = PathBuf::from("/");
        let at = open(CWD, path.as_os_str()).map_err(|errno| io(&path, errno))?;
        let user = geteuid().as_raw();
        let walk = Self { target, is_ours, user, at, path, to_come: VecDeque::new(), links: 0 };
        walk.judge(&walk.path, &walk.at)?;
        Ok(walk)
    }

    fn enter(&mut self, component: &OsStr) -> Result<(), Failure> {
        let mut path = self.path.clone();
        if component == "/" {
            path = PathBuf::from("/");
        } else if component == ".." {
            path.pop();
        } else {
            path.push(component);
        }
        let fail = |errno| Failure::Error(io(&path, errno));
        let next = match open(&self.at, component) {
            Ok(next) => next,
            Err(Errno::NOENT) => return Err(Failure::Missing),
            Err(errno) => return Err(fail(errno)),
        };
        match self.judge(&path, &next).map_err(Failure::Error)? {
            FileType::Directory => (self.at, self.path) = (next, path),
            FileType::Symlink => {
                self.links += 1;
                if self.links > MAX_LINKS {
                    return Err(fail(Errno::LOOP));
                }
                let to = readlinkat(&next, "", Vec::new()).map_err(fail)?;
                let mut to_come = components(Path::new(&OsString::from_vec(to.into_bytes())));
                to_come.append(&mut self.to_come);
                self.to_come = to_come;
            }
            _ => return Err(fail(Errno::NOTDIR)),
        }
        Ok(())
    }

    /// Whether nobody else can rename what lies in a directory, or turn a link elsewhere; what it is.
    fn judge(&self, path: &Path, fd: &OwnedFd) -> Result<FileType, Error> {
        let Stat { st_mode: mode, st_uid: owner, st_gid: group, .. } =
            fstat(fd).map_err(|errno| io(path, errno))?;
        let kind = FileType::from_raw_mode(mode);
        if owner != 0 && owner != self.user {
            let who = format!("it belongs to user {owner}");
            let mend =
                format!("keep it below directories that belong to root or user {}", self.user);
            return Err(self.refused(path, &who, &mend));
        }
        if kind != FileType::Directory || mode & STICKY != 0 {
            return Ok(kind);
        }
        let shown = mode & 0o7777;
        let mend = format!("chmod go-w {}", path.display());
        if mode & 0o002 != 0 {
            let who = format!("everybody may write to it (mode {shown:04o})");
            return Err(self.refused(path, &who, &mend));
        }
        if mode & 0o020 != 0 && !(self.is_ours)(group) {
            let who = format!("its group {group} may write to it (mode {shown:04o})");
            return Err(self.refused(path, &who, &mend));
        }
        Ok(kind)
    }

    fn refused(&self, path: &Path, who: &str, mend: &str) -> Error {
        let target = self.target.display();
        let text = format!("{who}, who could put something else in the place of {target}: {mend}");
        refused(path, &text)
    }
}

/// To be judged and looked up in; of a symbolic link the link itself.
fn open(at: impl AsFd, name: &OsStr) -> Result<OwnedFd, Errno> {
    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let open = |flags| retry_on_intr(|| openat(&at, name, flags, Mode::empty()));
    match open(flags | OFlags::DIRECTORY) {
        // which mounts what is mounted on demand
        Err(Errno::NOTDIR) => open(flags),
        outcome => outcome,
    }
}

fn components(path: &Path) -> VecDeque<OsString> {
    path.components().map(|component| component.as_os_str().to_owned()).collect()
}

const STICKY: u32 = 0o1000;
/// As many as the kernel follows.
const MAX_LINKS: u32 = 40;
