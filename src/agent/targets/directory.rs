//! A directory as the kubelet keeps a Secret's mount, which the source `dir:` reads: each generation in
//! a directory of its own, to which the link `..data` is swapped.

use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::{
    AtFlags, CWD, Dir, FileType, Gid, Mode, OFlags, Uid, fchmod, fchown, fsync, mkdirat, openat,
    readlinkat, renameat, statat, symlinkat, unlinkat,
};
use rustix::io::Errno;

use super::{Delivered, Publication, ownership};
use crate::agent::config::Section;
use crate::files::{Access, SecretFile};
use crate::paths::{io, refused};
use crate::{error::Error, random};

#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::agent) struct Directory {
    path: PathBuf,
    access: Access,
}

type Field<'a> = (&'static str, &'a [u8]);

impl Directory {
    pub(super) fn from_section(section: &mut Section<'_>) -> Result<Self, Error> {
        Ok(Self { path: section.required_path("directory")?, access: ownership::access(section)? })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Nothing of it changes when a token is renewed.
    pub(super) fn deliver(&self, publication: &Publication) -> Result<Delivered, Error> {
        let token = &publication.token;
        let hmac = token.hmac_text();
        let fields: [Field<'_>; 2] =
            [("token-id", token.id.as_bytes()), ("token-hmac", hmac.as_bytes())];
        let mount = self.open()?;
        if self.is_there(&mount, &fields) {
            return Ok(Delivered::Unchanged);
        }
        for (name, _) in fields {
            self.check_link(&mount, name)?;
        }
        self.check_data(&mount)?;
        let generation = format!("{GENERATION}{:016x}", u64::from_ne_bytes(random::bytes()?));
        let written = self.write(&mount, &generation, &fields);
        let current = readlinkat(&mount, DATA, Vec::new()).ok();
        let current = current.as_ref().and_then(|name| name.to_str().ok());
        // Of this one where it failed, of all before it where it did not.
        sweep(&mount, current);
        written.map(|()| Delivered::Changed)
    }

    /// Opens the directory, which is made where it is missing.
    fn open(&self) -> Result<OwnedFd, Error> {
        let open = || {
            let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            openat(CWD, &self.path, flags, Mode::empty())
        };
        match open() {
            Err(Errno::NOENT) => {
                mkdirat(CWD, &self.path, Mode::RWXU).map_err(|errno| io(&self.path, errno))?;
                let directory = open().map_err(|errno| io(&self.path, errno))?;
                self.for_readers(directory)
            }
            other => other.map_err(|errno| io(&self.path, errno)),
        }
    }

    /// A directory is entered by whoever may read the files in it.
    fn for_readers(&self, directory: OwnedFd) -> Result<OwnedFd, Error> {
        let mode = (self.access.mode & 0o440) >> 2 | self.access.mode & 0o440 | 0o700;
        let Access { owner, group, .. } = self.access;
        let apply = || {
            if owner.is_some() || group.is_some() {
                let (owner, group) = (owner.map(Uid::from_raw), group.map(Gid::from_raw));
                fchown(&directory, owner, group)?;
            }
            fchmod(&directory, Mode::from_raw_mode(mode))
        };
        apply().map_err(|errno| io(&self.path, errno))?;
        Ok(directory)
    }

    /// Whether the current generation has exactly this, for these people.
    fn is_there(&self, mount: &OwnedFd, fields: &[Field<'_>]) -> bool {
        let Ok(generation) = readlinkat(mount, DATA, Vec::new()) else { return false };
        let Ok(generation) = generation.to_str() else { return false };
        if !generation.starts_with(GENERATION) {
            return false;
        }
        let directory = self.path.join(generation);
        fields.iter().all(|(name, bytes)| {
            has_link(mount, name)
                && SecretFile::is_current(&directory.join(name), self.access, bytes)
        })
    }

    /// What bears a field's name and is no link of ours was put there by somebody else.
    fn check_link(&self, mount: &OwnedFd, name: &str) -> Result<(), Error> {
        match statat(mount, name, AtFlags::SYMLINK_NOFOLLOW) {
            Err(Errno::NOENT) => Ok(()),
            Ok(stat) if FileType::from_raw_mode(stat.st_mode).is_symlink() => Ok(()),
            Ok(_) => {
                let path = self.path.join(name);
                Err(refused(&path, "it is no symbolic link, as the agent makes them: remove it"))
            }
            Err(errno) => Err(io(&self.path.join(name), errno)),
        }
    }

    fn check_data(&self, mount: &OwnedFd) -> Result<(), Error> {
        let is_foreign = readlinkat(mount, DATA, Vec::new())
            .is_ok_and(|target| !target.to_bytes().starts_with(GENERATION.as_bytes()));
        if is_foreign {
            let what = "another program keeps this directory (the kubelet does so with mounts): \
                        choose one of the agent's own";
            return Err(refused(&self.path.join(DATA), what));
        }
        self.check_link(mount, DATA)
    }

    fn write(&self, mount: &OwnedFd, generation: &str, fields: &[Field<'_>]) -> Result<(), Error> {
        let failed = |name: &str, errno: Errno| io(&self.path.join(name), errno);
        mkdirat(mount, generation, Mode::RWXU).map_err(|errno| failed(generation, errno))?;
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let directory = openat(mount, generation, flags, Mode::empty());
        let directory = directory.map_err(|errno| failed(generation, errno))?;
        fchmod(&directory, Mode::RWXU).map_err(|errno| failed(generation, errno))?;
        for (name, bytes) in fields {
            SecretFile::bring(&self.path.join(generation).join(name), self.access, bytes)?;
        }
        let directory = self.for_readers(directory)?;
        fsync(&directory).map_err(|errno| failed(generation, errno))?;
        let _ = unlinkat(mount, NEW_DATA, AtFlags::empty());
        symlinkat(generation, mount, NEW_DATA).map_err(|errno| failed(NEW_DATA, errno))?;
        renameat(mount, NEW_DATA, mount, DATA).map_err(|errno| failed(DATA, errno))?;
        for (name, _) in fields {
            if !has_link(mount, name) {
                let _ = unlinkat(mount, *name, AtFlags::empty());
                symlinkat(format!("{DATA}/{name}"), mount, *name)
                    .map_err(|errno| failed(name, errno))?;
            }
        }
        fsync(mount).map_err(|errno| io(&self.path, errno))
    }
}

/// Whether a field's name leads to the current generation.
fn has_link(mount: &OwnedFd, name: &str) -> bool {
    readlinkat(mount, name, Vec::new())
        .is_ok_and(|target| target.to_bytes() == format!("{DATA}/{name}").as_bytes())
}

/// Removes the generations that are not current. What cannot be removed now is the next time.
fn sweep(mount: &OwnedFd, current: Option<&str>) {
    let Ok(entries) = Dir::read_from(mount) else { return };
    for entry in entries.flatten() {
        let Ok(name) = entry.file_name().to_str() else { continue };
        if !name.starts_with(GENERATION) || Some(name) == current {
            continue;
        }
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        if let Ok(directory) = openat(mount, name, flags, Mode::empty()) {
            for file in Dir::read_from(&directory).into_iter().flatten().flatten() {
                let _ = unlinkat(&directory, file.file_name(), AtFlags::empty());
            }
        }
        let _ = unlinkat(mount, name, AtFlags::REMOVEDIR);
    }
}

const DATA: &str = "..data";
const NEW_DATA: &str = "..data_tmp";
const GENERATION: &str = "..scramtoken-";
