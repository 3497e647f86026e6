//! Reading files of certificates and keys.

use std::fs::File;
use std::io::{Error, Read};
use std::path::Path;

use zeroize::Zeroizing;

/// More than any store of certificates has.
const MAX_BYTES: u64 = 4 * 1024 * 1024;

/// A file, whole: it may hold a key.
pub(crate) fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, Error> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len().min(MAX_BYTES);
    // Room for it all at once: a vector that grows leaves copies behind.
    let capacity = usize::try_from(length).unwrap_or_default() + 1;
    let mut bytes = Zeroizing::new(Vec::with_capacity(capacity));
    let read = file.by_ref().take(MAX_BYTES + 1).read_to_end(&mut bytes)?;
    if u64::try_from(read).is_ok_and(|read| read > MAX_BYTES) {
        return Err(Error::other(format!("it has more than {MAX_BYTES} bytes")));
    }
    Ok(bytes)
}
