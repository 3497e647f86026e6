//! Deriving what a server keeps.

use core::ffi::c_char;

use super::boundary::{bytes, call, check_out, string};
use super::status::scramtoken_status;
use crate::error::Error;
use crate::scram::{Mechanism, StoredKeys};
use crate::status::Status;

/// # Derivation: what a server keeps of a password
///
/// Derives what a server keeps for a password, or for a token's HMAC (its base64 text), into the
/// caller's two buffers of `key_len` bytes each: 32 for SCRAM-SHA-256, 64 for SCRAM-SHA-512.
/// The salt has 1 to 1024 bytes, iterations count from 1 (RFC 7677 asks for 4096). Thread-safe.
///
/// Errors: INVALID_ARGUMENT, UNSUPPORTED_MECHANISM; the buffers are then untouched.
///
/// # Safety
///
/// Pointers fit their lengths; the two outputs do not overlap.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn scramtoken_derive(
    mechanism: *const c_char,
    password: *const u8,
    password_len: usize,
    salt: *const u8,
    salt_len: usize,
    iterations: u32,
    stored_key: *mut u8,
    server_key: *mut u8,
    key_len: usize,
) -> scramtoken_status {
    call(|| {
        // SAFETY: the caller's promise.
        let (mechanism, password, salt) = unsafe {
            (
                Mechanism::from_name(string("mechanism", mechanism)?)?,
                bytes("password", password, password_len)?,
                bytes("salt", salt, salt_len)?,
            )
        };
        check_out("stored_key", stored_key)?;
        check_out("server_key", server_key)?;
        if key_len != mechanism.key_len() {
            let (name, has) = (mechanism.name(), mechanism.key_len());
            return Err(Error::new(
                Status::INVALID_ARGUMENT,
                format!("key_len is {key_len}, and keys of {name} have {has} bytes"),
            ));
        }
        let keys = StoredKeys::derive(mechanism, password, salt, iterations)?;
        // SAFETY: both are not NULL and have key_len bytes by the caller's promise; the keys have
        // the mechanism's length, which is key_len.
        unsafe {
            stored_key.copy_from_nonoverlapping(keys.stored_key().as_ptr(), key_len);
            server_key.copy_from_nonoverlapping(keys.server_key().as_ptr(), key_len);
        }
        Ok(Status::OK)
    })
}
