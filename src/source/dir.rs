//! `dir:`: a directory with a file for each field, such as a Kubernetes Secret's mount.

use std::path::Path;

use zeroize::Zeroizing;

use super::MAX_FILE;
use super::credential::{CurrentCredential, Field, Reading, Warning, corrupt, password, token};
use crate::files::{Directory, Generation};
use crate::{byte_order_mark, error::Error};

/// Reads the directory anew: both files are of one generation.
pub(super) fn read(path: &Path) -> Result<Reading, Error> {
    Directory::open(path)?.read(|generation| read_fields(generation, path))
}

fn read_fields(generation: &Generation<'_>, path: &Path) -> Result<Reading, Error> {
    let mut warning = None;
    let mut field = |name: &'static str| -> Result<_, Error> {
        let Some(file) = generation.read(name, MAX_FILE)? else { return Ok(None) };
        warning = file.warning.or(warning.take());
        Ok(Some((name, file.bytes)))
    };
    let token_fields = (field("token-id")?, field("token-hmac")?);
    let password_fields = (field("username")?, field("password")?);
    let credential = credential(token_fields, password_fields)
        .map_err(|error| corrupt(format!("{}: {error}", path.display())))?;
    Ok(Reading { credential, warning: warning.map(Warning::Exposed) })
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
