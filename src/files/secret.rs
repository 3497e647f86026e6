//! Reading a secret from a file that nobody else may read, or could have put there.

use std::fs::File;
use std::os::fd::AsFd;
use std::path::Path;

use rustix::fs::{CWD, Stat};
use rustix::io::Errno;
use rustix::process::geteuid;
use zeroize::Zeroizing;

use super::mount::Directory;
use super::open::{Links, check_owner, is_read_only, mode, open_file, read_whole};
use crate::error::Error;
use crate::paths::{io, refused};

/// What was read.
pub(crate) struct Secret {
    /// Zeroed on drop.
    pub(crate) bytes: Zeroizing<Vec<u8>>,
    /// A sentence for whoever looks after the file: others may read it.
    pub(crate) warning: Option<String>,
}

/// What others may do with a file.
#[derive(Clone, Copy)]
pub(super) enum Rule {
    /// Nothing.
    Private,
    /// Read it, as in a Kubernetes volume, whose default is 0644.
    Readable,
}

/// An open file, and what is to be said of it.
pub(super) struct OpenSecret {
    pub(super) file: File,
    pub(super) warning: Option<String>,
}

/// Reads a file that holds a secret, of `max` bytes at most: it belongs to the effective user or to
/// root, nobody else has any right on it, it is a regular file, no symbolic link, and has no second
/// name. In a Kubernetes volume, whose links are followed, others may read it, with a warning.
///
/// # Errors
///
/// `IO`, `CORRUPT` (no regular file, or longer), `PERMISSIONS`, with the path.
pub(crate) fn read_secret(path: &Path, max: usize) -> Result<Secret, Error> {
    let OpenSecret { file, warning } = open(path)?;
    Ok(Secret { bytes: read_whole(&file, path, max)?, warning })
}

/// Opens such a file, however long it is. The text is a warning.
///
/// # Errors
///
/// As of [`read_secret`].
pub(crate) fn open_secret(path: &Path) -> Result<(File, Option<String>), Error> {
    open(path).map(|OpenSecret { file, warning }| (file, warning))
}

/// Reads a file that Kafka's own tools read too, whoever else may, and through links: its rights are
/// no error but a warning.
///
/// # Errors
///
/// `IO`, `CORRUPT` (no regular file, or longer), with the path.
pub(crate) fn read_shared_secret(path: &Path, max: usize) -> Result<Secret, Error> {
    let Some((file, stat)) = open_file(CWD, path, path, Links::Follow)? else {
        return Err(io(path, Errno::NOENT));
    };
    let warning = others_may(&stat, 0o077).map(|can| {
        let (path_text, mend) = (path.display(), mend(&file, path, &stat));
        format!("{path_text}: others may {can} the secrets in it: {mend}")
    });
    Ok(Secret { bytes: read_whole(&file, path, max)?, warning })
}

fn open(path: &Path) -> Result<OpenSecret, Error> {
    let opened = match Directory::of_mounted_file(path)? {
        Some((mount, name)) => mount.read(|generation| generation.open(&name, path))?,
        None => open_secret_at(CWD, path, path, Rule::Private)?,
    };
    opened.ok_or_else(|| io(path, Errno::NOENT))
}

/// Opens the file `name` below `dir`, which errors call `path`, and checks that it is nobody else's;
/// None where it is missing.
pub(super) fn open_secret_at(
    dir: impl AsFd,
    name: &Path,
    path: &Path,
    rule: Rule,
) -> Result<Option<OpenSecret>, Error> {
    let Some((file, stat)) = open_file(dir, name, path, Links::Refuse)? else { return Ok(None) };
    check_owner(path, &stat)?;
    let warning = check_mode(&file, path, &stat, rule)?;
    check_links(path, &stat)?;
    Ok(Some(OpenSecret { file, warning }))
}

fn check_mode(file: &File, path: &Path, stat: &Stat, rule: Rule) -> Result<Option<String>, Error> {
    let mode = mode(stat);
    let (bits, mend) = match rule {
        Rule::Private => (0o077, mend(file, path, stat)),
        Rule::Readable => (0o022, default_mode().to_owned()),
    };
    if let Some(can) = others_may(stat, bits) {
        return Err(refused(path, &format!("others may {can} it (mode {mode:04o}): {mend}")));
    }
    // What the group alone may read is how a pod with an fsGroup gets at its secrets at all.
    Ok((mode & EVERY_USER_READS != 0).then(|| {
        format!(
            "{}: every user who gets at the volume may read the secret (mode {mode:04o}): {mend}",
            path.display()
        )
    }))
}

fn others_may(stat: &Stat, bits: u32) -> Option<&'static str> {
    match stat.st_mode & bits {
        0 => None,
        bits if bits & 0o022 != 0 => Some("write"),
        _ => Some("read"),
    }
}

/// How the rights of a file become right, by whoever reads this.
fn mend(file: &File, path: &Path, stat: &Stat) -> String {
    let (owner, user, path) = (stat.st_uid, geteuid().as_raw(), path.display());
    if is_read_only(file) {
        format!(
            "it is mounted read-only, so chmod cannot help; of a Kubernetes volume mount the whole and \
             no subPath, name the file in it, and {}",
            default_mode()
        )
    } else if user == owner || user == 0 {
        format!("chmod 600 {path}")
    } else {
        format!("as root: chown {user} {path} && chmod 600 {path}")
    }
}

/// What makes the files of a Kubernetes volume readable for its pod alone.
fn default_mode() -> &'static str {
    if geteuid().is_root() {
        "set the volume's defaultMode to 0400"
    } else {
        "set the volume's defaultMode to 0440 and the pod's securityContext.fsGroup"
    }
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

const EVERY_USER_READS: u32 = 0o004;
