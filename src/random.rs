//! Random numbers from the system, for the doors to hand inward.

use crate::{error::Error, status::Status};

/// `N` bytes from getrandom(2), anew at each call, so that forked processes never share them.
pub(crate) fn bytes<const N: usize>() -> Result<[u8; N], Error> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| {
        Error::new(Status::IO, format!("the system gives no random numbers: {error}"))
    })?;
    Ok(bytes)
}
