//! `scramtoken_credential`: what a server keeps of a password.

use super::boundary::{bytes, lent};
use crate::error::Error;
use crate::scram::{Credential, Mechanism};

/// What a server keeps of a password, or of a token's HMAC (RFC 5802, section 3). Copied by whoever
/// takes it.
#[repr(C)]
pub struct scramtoken_credential {
    /// 1 to 1024 bytes.
    pub salt: *const u8,
    /// Length of the salt, in bytes.
    pub salt_len: usize,
    /// H(ClientKey): 32 bytes for SCRAM-SHA-256, 64 for SCRAM-SHA-512.
    pub stored_key: *const u8,
    /// Length of the stored key, in bytes.
    pub stored_key_len: usize,
    /// As long as the stored key.
    pub server_key: *const u8,
    /// Length of the server key, in bytes.
    pub server_key_len: usize,
    /// How often PBKDF2 iterates: any count from 1.
    pub iterations: u32,
}

/// Reads a credential of the caller's.
///
/// # Safety
///
/// `credential` is NULL or points to a credential whose pointers fit their lengths, and that nobody
/// writes for as long as the result lives.
pub(super) unsafe fn credential<'a>(
    mechanism: Mechanism,
    credential: *const scramtoken_credential,
) -> Result<Credential<'a>, Error> {
    // SAFETY: the caller's promise covers the struct and what it points to.
    let (salt, iterations, stored_key, server_key) = unsafe {
        let credential = lent("credential", credential)?;
        (
            bytes("credential.salt", credential.salt, credential.salt_len)?,
            credential.iterations,
            bytes("credential.stored_key", credential.stored_key, credential.stored_key_len)?,
            bytes("credential.server_key", credential.server_key, credential.server_key_len)?,
        )
    };
    Credential::new(mechanism, salt, iterations, stored_key, server_key)
}
