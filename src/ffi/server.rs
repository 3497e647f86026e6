//! `scramtoken_server`: one login, server side.

use super::boundary::{
    HasError, LastText, Object, bytes, call, call_on, call_on_lent, check_out, hand_out, lent,
    object, string, take_back, was_freed,
};
use super::credential::scramtoken_credential;
use super::lookup::{identity_kind, supply_token, supply_user};
use super::server_config::scramtoken_server_config;
use super::status::scramtoken_status;
use super::verdict::scramtoken_verdict;
use crate::error::Error;
use crate::login::{Server, ServerProgress, StepError};
use crate::scram::{MAX_MESSAGE, Mechanism, Nonce};
use crate::status::Status;
use core::ffi::c_char;

/// One login, server side (RFC 5802). For one thread at a time. Any failing step ends the login.
///
/// ```c
/// scramtoken_server_new(config, "SCRAM-SHA-512", &server);
/// const uint8_t *in;
/// size_t in_len, out_len;
/// do {
///   const uint8_t *out = NULL;
///   receive(&in, &in_len); // from the client
///   status = scramtoken_server_step(server, in, in_len, &out, &out_len);
///   if (status == SCRAMTOKEN_NEED_CREDENTIAL) { // neither store nor lookup callback
///     supply(server); // scramtoken_server_identity, then one of scramtoken_server_supply_*
///     status = scramtoken_server_step(server, NULL, 0, &out, &out_len);
///   }
///   if (out != NULL) send_back(out, out_len); // with an error: the e= of a refusal
/// } while (status == SCRAMTOKEN_CONTINUE);
/// // SCRAMTOKEN_OK: authenticated, and scramtoken_server_verdict says as whom
/// scramtoken_server_free(server);
/// ```
pub struct scramtoken_server {
    login: Server,
    error: LastText,
}

impl Object for scramtoken_server {}

impl HasError for scramtoken_server {
    fn error(&self) -> &LastText {
        &self.error
    }
}

/// Runs the body of a function on a server; the body runs no code of the host's.
///
/// # Safety
///
/// As for [`lent`].
unsafe fn on_server(
    server: *const scramtoken_server,
    body: impl FnOnce(&scramtoken_server) -> Result<Status, Error>,
) -> scramtoken_status {
    // SAFETY: the caller's promise.
    unsafe { call_on_lent("server", server, body) }
}

/// # Server: one login, server side
///
/// Makes a server for one login by "SCRAM-SHA-256" or "SCRAM-SHA-512", with the config as it is now.
/// To be freed by scramtoken_server_free.
///
/// Errors: INVALID_ARGUMENT, UNSUPPORTED_MECHANISM.
///
/// # Safety
///
/// The config is NULL or a living object, `mechanism` is NULL or NUL-terminated, `out` is NULL or may
/// be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn scramtoken_server_new(
    config: *const scramtoken_server_config,
    mechanism: *const c_char,
    out: *mut *mut scramtoken_server,
) -> scramtoken_status {
    call(|| {
        check_out("out", out)?;
        // SAFETY: the caller's promise.
        let (config, mechanism) =
            unsafe { (object("config", config)?, string("mechanism", mechanism)?) };
        let server = scramtoken_server {
            login: Server::new(config.0.current(), Mechanism::from_name(mechanism)?),
            error: LastText::default(),
        };
        // SAFETY: not NULL, and the caller promises that it may be written.
        unsafe { hand_out(out, server) };
        Ok(Status::OK)
    })
}

/// For tests only: this nonce as the server's own part, in place of a random one. Printable ASCII
/// without a comma, not empty.
///
/// Errors: INVALID_ARGUMENT; INVALID_STATE after the first step.
///
/// # Safety
///
/// The server is NULL or a living object, the nonce fits its length.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn scramtoken_server_set_nonce(
    server: *mut scramtoken_server,
    nonce: *const u8,
    nonce_len: usize,
) -> scramtoken_status {
    // SAFETY: the caller's promise.
    unsafe {
        on_server(server, |server| {
            server.login.set_nonce(Nonce::from_text(bytes("nonce", nonce, nonce_len)?)?)?;
            Ok(Status::OK)
        })
    }
}

/// Takes the client's message and gives the server's. Returns CONTINUE (send the output),
/// NEED_CREDENTIAL (the output is empty: look the identity up, supply, step with no input), OK (the
/// client is authenticated; send the output) or an error, which ends the login; the output, where
/// there is one, is then the e= to send. Outputs are valid until the next step or the free.
///
/// Errors: MALFORMED, TOO_LONG, NONCE, CHANNEL_BINDING, EXTENSION, AUTHZID; UNKNOWN_USER,
/// TOKEN_NOT_FOUND, INVALID_PROOF, TOKEN_EXPIRED and TOKENS_STALE, all of which send the same e=; IO (no
/// random numbers); what the lookup callback returned, or INVALID_STATE when it did not answer once; of a store
/// IO, CORRUPT, INVALID_STATE. INVALID_STATE also where a callback of the step freed the server, and then
/// there is no output. INVALID_STATE after the end, within a callback of a step or for want of a supply,
/// and INVALID_ARGUMENT, leave the login as it was.
///
/// # Safety
///
/// The server is NULL or a living object, `in` fits its length, outputs are NULL or may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn scramtoken_server_step(
    server: *mut scramtoken_server,
    r#in: *const u8,
    in_len: usize,
    out: *mut *const u8,
    out_len: *mut usize,
) -> scramtoken_status {
    // SAFETY: the caller's promise; the outputs are checked for NULL before they are written.
    let give = |message: &[u8]| unsafe {
        // It lives in the login's state, until the next step or the free, or for ever.
        out.write(message.as_ptr());
        out_len.write(message.len());
    };
    let refuse = |StepError { error, answer }| {
        if !answer.is_empty() {
            give(answer);
        }
        error
    };
    // SAFETY: the caller's promise.
    unsafe {
        if server.as_ref().is_some_and(|server| server.login.calls_back()) {
            call_on("server", server, |server| {
                check_out("out", out)?;
                check_out("out_len", out_len)?;
                let input = bytes("in", r#in, in_len)?;
                let copied;
                let input = if server.login.has_host_clock() {
                    // It may be the message of a client that the clock's callback frees. A message
                    // that is too long is cut, and still too long.
                    copied = input.get(..=MAX_MESSAGE).unwrap_or(input).to_vec();
                    copied.as_slice()
                } else {
                    input
                };
                let progress = server.login.step(input).map_err(refuse)?;
                if was_freed(server) {
                    let text = "the server was freed within a callback of its step";
                    return Err(Error::new(Status::INVALID_STATE, text));
                }
                server.login.with_message(give);
                Ok(progress.into())
            })
        } else {
            on_server(server, |server| {
                check_out("out", out)?;
                check_out("out_len", out_len)?;
                let input = bytes("in", r#in, in_len)?;
                let read = |progress: ServerProgress, message: &[u8]| {
                    give(message);
                    progress.into()
                };
                server.login.step_and_read(input, read).map_err(refuse)
            })
        }
    }
}

/// After NEED_CREDENTIAL: whom to look up (UTF-8, no NUL, otherwise anything; valid until the next
/// step), and as what (SCRAMTOKEN_IDENTITY_*).
///
/// Errors: INVALID_ARGUMENT; INVALID_STATE when nobody is asked for. scramtoken_last_error
/// alone has their texts.
///
/// # Safety
///
/// The server is NULL or a living object, outputs are NULL or may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn scramtoken_server_identity(
    server: *const scramtoken_server,
    name: *mut *const u8,
    name_len: *mut usize,
    kind: *mut i32,
) -> scramtoken_status {
    call(|| {
        check_out("name", name)?;
        check_out("name_len", name_len)?;
        check_out("kind", kind)?;
        // SAFETY: the caller's promise; the outputs are not NULL.
        unsafe {
            lent("server", server)?.login.with_question(|question| {
                name.write(question.name().as_ptr());
                name_len.write(question.name().len());
                kind.write(identity_kind(question.kind()));
            })?;
        }
        Ok(Status::OK)
    })
}

/// After NEED_CREDENTIAL: the name is a user's. The credential is copied.
///
/// Errors: INVALID_ARGUMENT, also when only a token would do (supply again); INVALID_STATE when
/// nobody is asked for.
///
/// # Safety
///
/// The server is NULL or a living object, the credential's pointers fit their lengths.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn scramtoken_server_supply_user(
    server: *mut scramtoken_server,
    credential: *const scramtoken_credential,
) -> scramtoken_status {
    // SAFETY: the caller's promise.
    unsafe {
        on_server(server, |server| server.login.supply(|pending| supply_user(pending, credential)))
    }
}

/// After NEED_CREDENTIAL: the name is a token's id. The owner's name ("alice", UTF-8 without NUL) and
/// the credential are copied; the token ends at `expiry_ms` (-1: never), judged by the config's clock
/// once the client has proved itself.
///
/// Errors: INVALID_ARGUMENT, also when only a user would do (supply again); INVALID_STATE when nobody
/// is asked for.
///
/// # Safety
///
/// The server is NULL or a living object, pointers fit their lengths.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn scramtoken_server_supply_token(
    server: *mut scramtoken_server,
    credential: *const scramtoken_credential,
    owner_name: *const u8,
    owner_name_len: usize,
    expiry_ms: i64,
) -> scramtoken_status {
    // SAFETY: the caller's promise.
    unsafe {
        on_server(server, |server| {
            server.login.supply(|pending| {
                supply_token(pending, credential, owner_name, owner_name_len, expiry_ms)
            })
        })
    }
}

/// After NEED_CREDENTIAL: nobody has that name. The login goes on with a made-up challenge and is
/// refused at its end, with UNKNOWN_USER or TOKEN_NOT_FOUND.
///
/// Errors: INVALID_ARGUMENT; INVALID_STATE when nobody is asked for.
///
/// # Safety
///
/// The server is NULL or a living object.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn scramtoken_server_supply_unknown(
    server: *mut scramtoken_server,
) -> scramtoken_status {
    // SAFETY: the caller's promise.
    unsafe { on_server(server, |server| server.login.supply_unknown().map(|()| Status::OK)) }
}

/// What the login came to, at any time: undecided within the callbacks of a step, but for the audit's,
/// which is told of a decision.
///
/// Errors: INVALID_ARGUMENT; scramtoken_last_error alone has its text.
///
/// # Safety
///
/// The server is NULL or a living object, `out` is NULL or may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn scramtoken_server_verdict(
    server: *const scramtoken_server,
    out: *mut scramtoken_verdict,
) -> scramtoken_status {
    call(|| {
        check_out("out", out)?;
        // SAFETY: the caller's promise; the output is not NULL.
        unsafe {
            lent("server", server)?.login.with_verdict(|verdict| out.write(verdict.into()));
        }
        Ok(Status::OK)
    })
}

/// What went wrong in the server's last failing call, other than of scramtoken_server_identity and
/// scramtoken_server_verdict: one sentence without secrets, for the server's own log; empty where none
/// has failed, never NULL. Valid until its next such call or its free.
///
/// # Safety
///
/// The server is NULL or a living object.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn scramtoken_server_error(
    server: *const scramtoken_server,
) -> *const c_char {
    // SAFETY: the caller's promise.
    match unsafe { server.as_ref() } {
        Some(server) => server.error.as_ptr(),
        None => c"".as_ptr(),
    }
}

/// Frees a server and zeroes its keys. NULL is fine.
///
/// # Safety
///
/// The server is NULL or came from scramtoken_server_new, and is not used again.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn scramtoken_server_free(server: *mut scramtoken_server) {
    // SAFETY: the caller's promise.
    unsafe { take_back(server) };
}
