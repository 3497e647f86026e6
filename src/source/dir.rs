//! `dir:`: a directory with a file for each field, such as a Kubernetes Secret's mount.
//!
//! The kubelet writes each generation of a Secret into a directory of its own and then swaps the
//! symbolic link `..data` to it. Both files are read below one opened directory, so they are of one
//! generation whatever happens to the link.

use std::ffi::OsString;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStringExt;
use std::path::{Component, Path, PathBuf};

use rustix::fs::{CWD, fstat, readlinkat};
use rustix::io::{Errno, retry_on_intr};
use zeroize::Zeroizing;

use super::credential::{CurrentCredential, Field, Reading, Warning, corrupt, password, token};
use super::read::{Rule, check_owner, open_directory, read_secret_at};
use crate::paths::io;
use crate::{byte_order_mark, error::Error, status::Status};

/// Reads the directory anew.
pub(super) fn read(path: &Path) -> Result<Reading, Error> {
    let mount = open_directory(CWD, path, path)?.ok_or_else(|| io(path, Errno::NOENT))?;
    for _ in 0..MAX_SWAPS {
        let Some(generation) = current_generation(&mount, path)? else {
            return read_fields(&mount, path, Rule::Private);
        };
        let reading = read_generation(&mount, &generation, path);
        // The kubelet removes a generation once it has swapped the link: read the next one.
        if reading.is_ok() || current_generation(&mount, path)?.as_ref() == Some(&generation) {
            return reading;
        }
    }
    let text = format!("{}: it changes faster than it can be read", path.display());
    Err(Error::new(Status::IO, text))
}

/// The directory that `..data` points to; None where there is no such link.
fn current_generation(mount: &OwnedFd, path: &Path) -> Result<Option<PathBuf>, Error> {
    let target = match retry_on_intr(|| readlinkat(mount, DATA, Vec::new())) {
        Ok(target) => PathBuf::from(OsString::from_vec(target.into_bytes())),
        Err(Errno::NOENT) => return Ok(None),
        Err(Errno::INVAL) => return Err(not_a_mount(path)),
        Err(errno) => return Err(io(&path.join(DATA), errno)),
    };
    let mut components = target.components();
    match (components.next(), components.next()) {
        (Some(Component::Normal(_)), None) => Ok(Some(target)),
        _ => Err(not_a_mount(path)),
    }
}

fn not_a_mount(path: &Path) -> Error {
    let data = path.join(DATA);
    corrupt(format!("{}: it is no symbolic link to a directory beside it", data.display()))
}

fn read_generation(mount: &OwnedFd, generation: &Path, path: &Path) -> Result<Reading, Error> {
    let data = path.join(DATA);
    let directory =
        open_directory(mount, generation, &data)?.ok_or_else(|| io(&data, Errno::NOENT))?;
    check_owner(&data, &fstat(&directory).map_err(|errno| io(&data, errno))?)?;
    read_fields(&directory, path, Rule::Readable)
}

fn read_fields(directory: &OwnedFd, path: &Path, rule: Rule) -> Result<Reading, Error> {
    let mut exposed = None;
    let mut field = |name: &'static str| -> Result<_, Error> {
        let Some(file) = read_secret_at(directory, Path::new(name), &path.join(name), rule)? else {
            return Ok(None);
        };
        exposed = file.exposed.or(exposed);
        Ok(Some((name, file.bytes)))
    };
    let token_fields = (field("token-id")?, field("token-hmac")?);
    let password_fields = (field("username")?, field("password")?);
    let credential = credential(token_fields, password_fields)
        .map_err(|error| corrupt(format!("{}: {error}", path.display())))?;
    let warning = exposed.map(|mode| {
        Warning::Exposed(format!(
            "{}: every user who gets at the mount may read the secret (mode {mode:04o}): set the \
             volume's defaultMode to 0400",
            path.display()
        ))
    });
    Ok(Reading { credential, warning })
}

type File = Option<(&'static str, Zeroizing<Vec<u8>>)>;

fn credential(
    token_fields: (File, File),
    password_fields: (File, File),
) -> Result<CurrentCredential, Error> {
    match (&token_fields, &password_fields) {
        ((Some(id), Some(hmac)), (None, None)) => {
            token(text(id)?, text(hmac)?).map(CurrentCredential::Token)
        }
        ((None, None), (Some(username), Some(secret))) => password(text(username)?, text(secret)?),
        ((None, None), (None, None)) => {
            Err(corrupt("neither token-id and token-hmac nor username and password are there"))
        }
        ((Some(_), None), (None, None)) => Err(corrupt("token-id is there without token-hmac")),
        ((None, Some(_)), (None, None)) => Err(corrupt("token-hmac is there without token-id")),
        ((None, None), (Some(_), None)) => Err(corrupt("username is there without password")),
        ((None, None), (None, Some(_))) => Err(corrupt("password is there without username")),
        _ => Err(corrupt("fields of a token and of a password are there: keep one of the two")),
    }
}

/// A file's text, without a byte order mark at its beginning, and without the one line end that
/// editors and `echo` leave at its end.
fn text<'a>(file: &'a (&'static str, Zeroizing<Vec<u8>>)) -> Result<Field<'a>, Error> {
    let name = file.0;
    let bytes =
        byte_order_mark::skip(&file.1).map_err(|error| corrupt(format!("{name}: {error}")))?;
    let line = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    let value =
        if line.len() < bytes.len() { line.strip_suffix(b"\r").unwrap_or(line) } else { line };
    Ok(Field { name, value })
}

const DATA: &str = "..data";

/// How often a directory may change while it is read; each one is a whole rotation of the Secret.
const MAX_SWAPS: usize = 100;
