//! Reading what anybody may know, such as the certificates of authorities.

use std::path::Path;

use rustix::fs::CWD;
use rustix::io::Errno;
use zeroize::Zeroizing;

use super::open::{Links, open_file, read_whole};
use crate::error::Error;
use crate::paths::io;

/// The bytes of a file that holds no secret, `max` at most. Links are followed, and rights are the
/// system's affair; but it is a regular file, so that nobody waits for it.
///
/// # Errors
///
/// `IO`, `CORRUPT` (no regular file, or longer), with the path.
pub(crate) fn read_public(path: &Path, max: usize) -> Result<Zeroizing<Vec<u8>>, Error> {
    match open_file(CWD, path, path, Links::Follow)? {
        Some((file, _)) => read_whole(&file, path, max),
        None => Err(io(path, Errno::NOENT)),
    }
}
