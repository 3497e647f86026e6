//! Paths in URIs, and errors about what they name: the path, then what is wrong with it.

use core::fmt;
use std::path::{Path, PathBuf};

use crate::{error::Error, status::Status};

/// A URI's path, without a slash at its end, behind which the system would follow a symbolic link.
/// `usage` is the error for a path that is not absolute.
pub(crate) fn absolute(path: &str, usage: &'static str) -> Result<PathBuf, Error> {
    if !path.starts_with('/') || path.contains('\0') {
        return Err(Error::new(Status::INVALID_ARGUMENT, usage));
    }
    Ok(Path::new(path).components().collect())
}

/// Others could read or change it.
pub(crate) fn refused(path: &Path, text: &str) -> Error {
    Error::new(Status::PERMISSIONS, format!("{}: {text}", path.display()))
}

/// It cannot be read or written; what the system says, or a sentence.
pub(crate) fn io(path: &Path, why: impl fmt::Display) -> Error {
    Error::new(Status::IO, format!("{}: {why}", path.display()))
}
