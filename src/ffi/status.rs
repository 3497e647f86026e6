//! Statuses, versions and the last error.

use core::ffi::c_char;

use super::boundary;
use crate::status::Status;

/// What a call came to: zero or more is a success, less is an error.
pub type scramtoken_status = i32;

macro_rules! assert_same {
    ($($constant:ident = $name:ident),* $(,)?) => {
        $(const _: () = assert!($constant == Status::$name.to_raw());)*
    };
}

/// Done. A server's step returns it if and only if the client is AUTHENTICATED, a client's when the
/// server has proved itself.
pub const SCRAMTOKEN_OK: scramtoken_status = 0;
/// Send the output, step again with the answer.
pub const SCRAMTOKEN_CONTINUE: scramtoken_status = 1;
/// Server: look the identity up, supply, step again.
pub const SCRAMTOKEN_NEED_CREDENTIAL: scramtoken_status = 2;

/// An argument is invalid: NULL, a wrong length, an empty name. The object is as before.
pub const SCRAMTOKEN_ERR_INVALID_ARGUMENT: scramtoken_status = -1;
/// A step after the end, a supply nobody asked for, a setting after the first step.
pub const SCRAMTOKEN_ERR_INVALID_STATE: scramtoken_status = -2;
/// A fault of the library's own.
pub const SCRAMTOKEN_ERR_INTERNAL: scramtoken_status = -3;
/// The login was cancelled.
pub const SCRAMTOKEN_ERR_CANCELLED: scramtoken_status = -4;
/// A store, a source or the system's random numbers cannot be read or written.
pub const SCRAMTOKEN_ERR_IO: scramtoken_status = -5;
/// A store or token file fails its own checks.
pub const SCRAMTOKEN_ERR_CORRUPT: scramtoken_status = -6;
/// A secret that others can read.
pub const SCRAMTOKEN_ERR_PERMISSIONS: scramtoken_status = -7;
/// Neither "SCRAM-SHA-256" nor "SCRAM-SHA-512".
pub const SCRAMTOKEN_ERR_UNSUPPORTED_MECHANISM: scramtoken_status = -8;

/// The peer's message breaks the grammar of RFC 5802, section 7.
pub const SCRAMTOKEN_ERR_MALFORMED: scramtoken_status = -20;
/// A message over SCRAMTOKEN_MAX_MESSAGE bytes.
pub const SCRAMTOKEN_ERR_TOO_LONG: scramtoken_status = -21;
/// Not exactly the nonce that was agreed.
pub const SCRAMTOKEN_ERR_NONCE: scramtoken_status = -22;
/// c= is not what the GS2 header promised, or channel binding was asked for.
pub const SCRAMTOKEN_ERR_CHANNEL_BINDING: scramtoken_status = -23;
/// An iteration count outside the accepted range, found before any hashing.
pub const SCRAMTOKEN_ERR_ITERATIONS: scramtoken_status = -24;
/// A mandatory extension (m=), or one given twice.
pub const SCRAMTOKEN_ERR_EXTENSION: scramtoken_status = -25;
/// The client may not act as the identity it asked for.
pub const SCRAMTOKEN_ERR_AUTHZID: scramtoken_status = -26;
/// Server: wrong password or HMAC, of a user or token that exists.
pub const SCRAMTOKEN_ERR_INVALID_PROOF: scramtoken_status = -27;
/// Client: the server does not know the credential.
pub const SCRAMTOKEN_ERR_SERVER_SIGNATURE: scramtoken_status = -28;
/// Client: the server sent e=.
pub const SCRAMTOKEN_ERR_SERVER_REFUSED: scramtoken_status = -29;
/// Server: no user of that name has a credential of the mechanism. The client cannot tell this from
/// INVALID_PROOF.
pub const SCRAMTOKEN_ERR_UNKNOWN_USER: scramtoken_status = -30;
/// Server: the store follows a cluster, has not heard of it for longer than its tokens are good for
/// (`scramtoken store follow --max-age`), and refuses them. The client cannot tell this from
/// INVALID_PROOF.
pub const SCRAMTOKEN_ERR_TOKENS_STALE: scramtoken_status = -31;

/// Kafka's DELEGATION_TOKEN_AUTH_DISABLED. This and the following are Kafka's error codes, negated
/// and moved by 1000.
pub const SCRAMTOKEN_ERR_TOKEN_AUTH_DISABLED: scramtoken_status = -1061;
/// Kafka's DELEGATION_TOKEN_NOT_FOUND. Of a server's login: the client cannot tell this from
/// INVALID_PROOF.
pub const SCRAMTOKEN_ERR_TOKEN_NOT_FOUND: scramtoken_status = -1062;
/// Kafka's DELEGATION_TOKEN_OWNER_MISMATCH.
pub const SCRAMTOKEN_ERR_TOKEN_OWNER_MISMATCH: scramtoken_status = -1063;
/// Kafka's DELEGATION_TOKEN_REQUEST_NOT_ALLOWED: the requester itself logged in with a token.
pub const SCRAMTOKEN_ERR_TOKEN_REQUEST_NOT_ALLOWED: scramtoken_status = -1064;
/// Kafka's DELEGATION_TOKEN_AUTHORIZATION_FAILED.
pub const SCRAMTOKEN_ERR_TOKEN_AUTHORIZATION_FAILED: scramtoken_status = -1065;
/// Kafka's DELEGATION_TOKEN_EXPIRED.
pub const SCRAMTOKEN_ERR_TOKEN_EXPIRED: scramtoken_status = -1066;
/// Kafka's INVALID_PRINCIPAL_TYPE.
pub const SCRAMTOKEN_ERR_INVALID_PRINCIPAL_TYPE: scramtoken_status = -1067;
/// Kafka's RESOURCE_NOT_FOUND, of a SCRAM user.
pub const SCRAMTOKEN_ERR_USER_NOT_FOUND: scramtoken_status = -1091;

/// The longest SCRAM message, in bytes, either way.
pub const SCRAMTOKEN_MAX_MESSAGE: usize = 4096;

const _: () = assert!(SCRAMTOKEN_MAX_MESSAGE == crate::MAX_MESSAGE);
assert_same! {
    SCRAMTOKEN_OK = OK,
    SCRAMTOKEN_CONTINUE = CONTINUE,
    SCRAMTOKEN_NEED_CREDENTIAL = NEED_CREDENTIAL,
    SCRAMTOKEN_ERR_INVALID_ARGUMENT = INVALID_ARGUMENT,
    SCRAMTOKEN_ERR_INVALID_STATE = INVALID_STATE,
    SCRAMTOKEN_ERR_INTERNAL = INTERNAL,
    SCRAMTOKEN_ERR_CANCELLED = CANCELLED,
    SCRAMTOKEN_ERR_IO = IO,
    SCRAMTOKEN_ERR_CORRUPT = CORRUPT,
    SCRAMTOKEN_ERR_PERMISSIONS = PERMISSIONS,
    SCRAMTOKEN_ERR_UNSUPPORTED_MECHANISM = UNSUPPORTED_MECHANISM,
    SCRAMTOKEN_ERR_MALFORMED = MALFORMED,
    SCRAMTOKEN_ERR_TOO_LONG = TOO_LONG,
    SCRAMTOKEN_ERR_NONCE = NONCE,
    SCRAMTOKEN_ERR_CHANNEL_BINDING = CHANNEL_BINDING,
    SCRAMTOKEN_ERR_ITERATIONS = ITERATIONS,
    SCRAMTOKEN_ERR_EXTENSION = EXTENSION,
    SCRAMTOKEN_ERR_AUTHZID = AUTHZID,
    SCRAMTOKEN_ERR_INVALID_PROOF = INVALID_PROOF,
    SCRAMTOKEN_ERR_SERVER_SIGNATURE = SERVER_SIGNATURE,
    SCRAMTOKEN_ERR_SERVER_REFUSED = SERVER_REFUSED,
    SCRAMTOKEN_ERR_UNKNOWN_USER = UNKNOWN_USER,
    SCRAMTOKEN_ERR_TOKENS_STALE = TOKENS_STALE,
    SCRAMTOKEN_ERR_TOKEN_AUTH_DISABLED = TOKEN_AUTH_DISABLED,
    SCRAMTOKEN_ERR_TOKEN_NOT_FOUND = TOKEN_NOT_FOUND,
    SCRAMTOKEN_ERR_TOKEN_OWNER_MISMATCH = TOKEN_OWNER_MISMATCH,
    SCRAMTOKEN_ERR_TOKEN_REQUEST_NOT_ALLOWED = TOKEN_REQUEST_NOT_ALLOWED,
    SCRAMTOKEN_ERR_TOKEN_AUTHORIZATION_FAILED = TOKEN_AUTHORIZATION_FAILED,
    SCRAMTOKEN_ERR_TOKEN_EXPIRED = TOKEN_EXPIRED,
    SCRAMTOKEN_ERR_INVALID_PRINCIPAL_TYPE = INVALID_PRINCIPAL_TYPE,
    SCRAMTOKEN_ERR_USER_NOT_FOUND = USER_NOT_FOUND,
}

/// The version of the API that this header declares, which `scramtoken_abi_version` gives in a library
/// that fits. Within one such version the API only grows, and so a program runs with the library that it
/// was made for and with every later one.
pub const SCRAMTOKEN_ABI_VERSION: u32 = 1;
/// The version of the library that this header came with: 0 in 0.1.0.
pub const SCRAMTOKEN_VERSION_MAJOR: u32 = 0;
/// The version of the library that this header came with: 1 in 0.1.0.
pub const SCRAMTOKEN_VERSION_MINOR: u32 = 1;
/// The version of the library that this header came with: the last 0 in 0.1.0.
pub const SCRAMTOKEN_VERSION_PATCH: u32 = 0;

/// # The library itself
///
/// The library's version, such as "0.1.0". Static. Thread-safe.
#[unsafe(no_mangle)]
pub extern "C" fn scramtoken_version() -> *const c_char {
    const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), "\0");
    VERSION.as_ptr().cast()
}

/// The version of this API: a program whose SCRAMTOKEN_ABI_VERSION is another one must not use the
/// library. Thread-safe.
#[unsafe(no_mangle)]
pub extern "C" fn scramtoken_abi_version() -> u32 {
    SCRAMTOKEN_ABI_VERSION
}

/// The name of a status without its prefix, such as "TOKEN_EXPIRED"; "UNKNOWN" for any other number,
/// never NULL. Static. Thread-safe.
#[unsafe(no_mangle)]
pub extern "C" fn scramtoken_status_name(status: scramtoken_status) -> *const c_char {
    Status::from_raw(status).name().as_ptr()
}

/// What went wrong in this thread's last failing call: one sentence without secrets, empty where
/// none has failed, never NULL. Valid until the thread's next failing call, or its end.
#[unsafe(no_mangle)]
pub extern "C" fn scramtoken_last_error() -> *const c_char {
    boundary::last_error()
}
