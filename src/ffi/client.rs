//! `scramtoken_client`: one login, client side.

use core::ffi::c_char;
use std::sync::Arc;

use super::boundary::{
    HasError, LastText, Object, bytes, call, call_on, check_out, hand_out, object, string,
    take_back, was_freed,
};
use super::key_cache::scramtoken_key_cache;
use super::source::scramtoken_source;
use super::status::scramtoken_status;
use crate::error::Error;
use crate::login::Client;
use crate::scram::{Authzid, ClientCredential, IterationLimits, Mechanism, Nonce};
use crate::status::Status;

/// One login, client side (RFC 5802). For one thread at a time, but for scramtoken_client_cancel.
/// Any failing step ends the login.
///
/// ```c
/// scramtoken_client_new("SCRAM-SHA-512", &client);
/// scramtoken_client_set_password(client, name, name_len, password, password_len);
/// const uint8_t *in = NULL, *out;
/// size_t in_len = 0, out_len;
/// while ((status = scramtoken_client_step(client, in, in_len, &out, &out_len)) ==
///        SCRAMTOKEN_CONTINUE)
///   exchange(out, out_len, &in, &in_len); // send to the server, receive its answer
/// // SCRAMTOKEN_OK: logged in, and the server has proved itself
/// scramtoken_client_free(client);
/// ```
pub struct scramtoken_client {
    login: Client,
    error: LastText,
    warning: LastText,
}

impl Object for scramtoken_client {}

impl HasError for scramtoken_client {
    fn error(&self) -> &LastText {
        &self.error
    }
}

/// Runs the body of a function on a client.
///
/// # Safety
///
/// As for [`object`].
unsafe fn on_client(
    client: *const scramtoken_client,
    body: impl FnOnce(&Arc<scramtoken_client>) -> Result<Status, Error>,
) -> scramtoken_status {
    // SAFETY: the caller's promise.
    unsafe { call_on("client", client, body) }
}

/// Runs the body of a setter.
///
/// # Safety
///
/// As for [`object`].
unsafe fn set_up(
    client: *const scramtoken_client,
    body: impl FnOnce(&Client) -> Result<(), Error>,
) -> scramtoken_status {
    // SAFETY: the caller's promise.
    unsafe { on_client(client, |client| body(&client.login).map(|()| Status::OK)) }
}

/// # Client: one login, client side
///
/// Makes a client for one login by "SCRAM-SHA-256" or "SCRAM-SHA-512". To be freed by
/// scramtoken_client_free.
///
/// Errors: INVALID_ARGUMENT, UNSUPPORTED_MECHANISM.
///
/// # Safety
///
/// `mechanism` is NULL or NUL-terminated, `out` is NULL or may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn scramtoken_client_new(
    mechanism: *const c_char,
    out: *mut *mut scramtoken_client,
) -> scramtoken_status {
    call(|| {
        check_out("out", out)?;
        // SAFETY: the caller's promise.
        let mechanism = Mechanism::from_name(unsafe { string("mechanism", mechanism)? })?;
        let client = scramtoken_client {
            login: Client::new(mechanism),
            error: LastText::default(),
            warning: LastText::default(),
        };
        // SAFETY: not NULL, and the caller promises that it may be written.
        unsafe { hand_out(out, client) };
        Ok(Status::OK)
    })
}

/// Logs in as a SCRAM user. Both are copied; the password is hashed as it is (no SASLprep, like
/// Kafka) and zeroed with the client. The name is UTF-8 without NUL; neither may be empty.
///
/// Errors: INVALID_ARGUMENT; INVALID_STATE after the first step.
///
/// # Safety
///
/// Pointers fit their lengths.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn scramtoken_client_set_password(
    client: *mut scramtoken_client,
    username: *const u8,
    username_len: usize,
    password: *const u8,
    password_len: usize,
) -> scramtoken_status {
    // SAFETY: the caller's promise.
    unsafe {
        set_up(client, |login| {
            let username = bytes("username", username, username_len)?;
            let password = bytes("password", password, password_len)?;
            login.set_credential(ClientCredential::password(username, password)?)
        })
    }
}

/// Logs in with a delegation token (KIP-48): its id, and its HMAC as base64 text. Sends
/// tokenauth=true. Both are copied; the HMAC is zeroed with the client.
///
/// Errors: INVALID_ARGUMENT; INVALID_STATE after the first step.
///
/// # Safety
///
/// Pointers fit their lengths.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn scramtoken_client_set_token(
    client: *mut scramtoken_client,
    token_id: *const u8,
    token_id_len: usize,
    hmac: *const u8,
    hmac_len: usize,
) -> scramtoken_status {
    // SAFETY: the caller's promise.
    unsafe {
        set_up(client, |login| {
            let token_id = bytes("token_id", token_id, token_id_len)?;
            let hmac = bytes("hmac", hmac, hmac_len)?;
            login.set_credential(ClientCredential::token(token_id, hmac)?)
        })
    }
}

/// Logs in with the credential that this source has at the first step, in place of one that was set;
/// and with the source's key cache, unless the client is given one. The client keeps the source
/// alive. A token that is known to have expired is TOKEN_EXPIRED, and nothing is sent.
///
/// Errors: INVALID_ARGUMENT; INVALID_STATE after the first step.
///
/// # Safety
///
/// Both are NULL or living objects.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn scramtoken_client_set_source(
    client: *mut scramtoken_client,
    source: *const scramtoken_source,
) -> scramtoken_status {
    // SAFETY: the caller's promise.
    unsafe { set_up(client, |login| login.set_source(&object("source", source)?.0)) }
}

/// Keeps derived keys in this cache, and takes them from it. The client keeps the cache alive.
///
/// Errors: INVALID_ARGUMENT; INVALID_STATE after the first step.
///
/// # Safety
///
/// Both are NULL or living objects.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn scramtoken_client_set_key_cache(
    client: *mut scramtoken_client,
    cache: *const scramtoken_key_cache,
) -> scramtoken_status {
    // SAFETY: the caller's promise.
    unsafe { set_up(client, |login| login.set_key_cache(&object("cache", cache)?.0)) }
}

/// Asks to act as this identity: UTF-8 without NUL, not empty. Kafka accepts only the user name
/// itself or, for a token, its id.
///
/// Errors: INVALID_ARGUMENT; INVALID_STATE after the first step.
///
/// # Safety
///
/// The pointer fits its length.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn scramtoken_client_set_authzid(
    client: *mut scramtoken_client,
    authzid: *const u8,
    authzid_len: usize,
) -> scramtoken_status {
    // SAFETY: the caller's promise.
    unsafe {
        set_up(client, |login| {
            login.set_authzid(Authzid::new(bytes("authzid", authzid, authzid_len)?)?)
        })
    }
}

/// Which iteration counts to hash for the server: `1 <= min <= max`; 4096 to 1,000,000 unless set.
///
/// Errors: INVALID_ARGUMENT; INVALID_STATE after the first step.
///
/// # Safety
///
/// The client is NULL or a living object.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn scramtoken_client_set_iteration_limits(
    client: *mut scramtoken_client,
    min: u32,
    max: u32,
) -> scramtoken_status {
    // SAFETY: the caller's promise.
    unsafe { set_up(client, |login| login.set_iteration_limits(IterationLimits::new(min, max)?)) }
}

/// For tests only: this nonce in place of a random one. Printable ASCII without a comma, not empty.
///
/// Errors: INVALID_ARGUMENT; INVALID_STATE after the first step.
///
/// # Safety
///
/// The pointer fits its length.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn scramtoken_client_set_nonce(
    client: *mut scramtoken_client,
    nonce: *const u8,
    nonce_len: usize,
) -> scramtoken_status {
    // SAFETY: the caller's promise.
    unsafe {
        set_up(client, |login| {
            login.set_nonce(Nonce::from_text(bytes("nonce", nonce, nonce_len)?)?)
        })
    }
}

/// Takes the server's message and gives the client's. The first call has no input. Returns CONTINUE
/// (send the output), OK (the server has proved itself; the output is empty) or an error, which ends
/// the login. The output is valid until the next step or the free. The second step hashes, for
/// milliseconds at 4096 iterations, unless a key cache knows the challenge.
///
/// Errors: MALFORMED, TOO_LONG, NONCE, ITERATIONS, EXTENSION, SERVER_SIGNATURE, SERVER_REFUSED,
/// CANCELLED, IO (no random numbers), INVALID_STATE after the end; of a source, at the first step: IO,
/// CORRUPT, PERMISSIONS, TOKEN_EXPIRED, or what its callback failed with, and INVALID_STATE where that
/// freed the client. INVALID_ARGUMENT for this call's own arguments, and INVALID_STATE for want of a
/// credential, leave the login as it was.
///
/// # Safety
///
/// `in` fits its length, the outputs are NULL or may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn scramtoken_client_step(
    client: *mut scramtoken_client,
    r#in: *const u8,
    in_len: usize,
    out: *mut *const u8,
    out_len: *mut usize,
) -> scramtoken_status {
    // SAFETY: the caller's promise; the outputs are checked for NULL before they are written.
    unsafe {
        on_client(client, |client| {
            check_out("out", out)?;
            check_out("out_len", out_len)?;
            let stepped = client.login.step(bytes("in", r#in, in_len)?);
            if let Some(text) = client.login.take_warning() {
                client.warning.set(&text);
            }
            let progress = stepped?;
            if was_freed(client) {
                let text = "the client was freed within its source's callback";
                return Err(Error::new(Status::INVALID_STATE, text));
            }
            // The message lives in the login's state: until the next step or the free.
            client.login.with_message(|message| {
                out.write(message.as_ptr());
                out_len.write(message.len());
            });
            Ok(progress.into())
        })
    }
}

/// Cancels the login, from any thread: the step that is hashing, or else the next one, returns
/// CANCELLED, and the login is over. NULL is fine.
///
/// # Safety
///
/// The client is NULL or a living object, and not freed meanwhile.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn scramtoken_client_cancel(client: *const scramtoken_client) {
    // SAFETY: the caller's promise; nothing ever borrows a client exclusively.
    if let Some(client) = unsafe { client.as_ref() } {
        client.login.cancel();
    }
}

/// What went wrong in the client's last failing call: one sentence without secrets, empty where none
/// has failed, never NULL. Valid until its next failing call or its free.
///
/// # Safety
///
/// The client is NULL or a living object.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn scramtoken_client_error(
    client: *const scramtoken_client,
) -> *const c_char {
    // SAFETY: the caller's promise.
    match unsafe { client.as_ref() } {
        Some(client) => client.error.as_ptr(),
        None => c"".as_ptr(),
    }
}

/// A warning about the client's source, for the host's log: one sentence without secrets, empty where
/// there is none, never NULL. It is there after the first step. Each warning is given once per source,
/// to the first client that runs into it: the source is damaged and its last good credential serves
/// (given again if that happens after a good reading), or everybody may read a mounted secret. Valid
/// until the client's free.
///
/// # Safety
///
/// The client is NULL or a living object.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn scramtoken_client_warning(
    client: *const scramtoken_client,
) -> *const c_char {
    // SAFETY: the caller's promise.
    match unsafe { client.as_ref() } {
        Some(client) => client.warning.as_ptr(),
        None => c"".as_ptr(),
    }
}

/// Frees a client and zeroes its secrets. NULL is fine.
///
/// # Safety
///
/// The client is NULL or came from scramtoken_client_new, and is not used again.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn scramtoken_client_free(client: *mut scramtoken_client) {
    // SAFETY: the caller's promise.
    unsafe { take_back(client) };
}
