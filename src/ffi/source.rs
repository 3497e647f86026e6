//! `scramtoken_source`: where clients find their current credential.

use core::ffi::{c_char, c_void};
use std::sync::Arc;

use parking_lot::Mutex;

use super::boundary::{Object, bytes, call, check_out, hand_out, lent, object, string, take_back};
use super::callback::{Callback, check_answer, scramtoken_finalizer_fn};
use super::status::scramtoken_status;
use super::token::scramtoken_token;
use crate::error::Error;
use crate::scram::ClientCredential;
use crate::source::{CurrentCredential, Source};
use crate::status::Status;
use crate::token::Token;

/// Where clients find their current credential, a delegation token or a password. For as many
/// clients and threads as share it; they also share its cache of derived keys (64 entries).
pub struct scramtoken_source(pub(super) Arc<Source>);

impl Object for scramtoken_source {}

/// Where a source callback puts its answer. Valid within the callback.
pub struct scramtoken_source_reply(Mutex<Reply>);

#[derive(Default)]
struct Reply {
    answer: Option<CurrentCredential>,
    answered_twice: bool,
}

/// Asked at each login; answers by exactly one scramtoken_source_reply_*. An error that it returns
/// becomes the step's; no reply at all, or a second one, is INVALID_STATE. May run on several threads
/// at once and must not unwind.
pub type scramtoken_source_fn = Option<
    unsafe extern "C" fn(
        userdata: *mut c_void,
        reply: *mut scramtoken_source_reply,
    ) -> scramtoken_status,
>;

type SourceFn =
    unsafe extern "C" fn(*mut c_void, *mut scramtoken_source_reply) -> scramtoken_status;

/// Asks the host's callback. Nothing is locked or borrowed exclusively while it runs.
fn ask(callback: &Callback<SourceFn>) -> Result<CurrentCredential, Error> {
    let mut reply = scramtoken_source_reply(Mutex::default());
    // SAFETY: the function is the host's for this userdata, which its finalizer has not freed yet;
    // the reply is valid for the call, through shared references alone.
    let status =
        Status::from_raw(unsafe { (callback.function())(callback.userdata(), &raw mut reply) });
    let Reply { answer, answered_twice } = reply.0.into_inner();
    check_answer("source", status, answered_twice)?;
    answer.ok_or_else(|| Error::new(Status::INVALID_STATE, "the source callback gave no answer"))
}

/// # Source: where clients find their current credential
///
/// Opens a source by its URI:
///
/// - "file:/path": a JSON object, {"token_id": "...", "hmac": "..."} and, where known, owner,
///   mechanism, issue_timestamp_ms, expiry_timestamp_ms, max_timestamp_ms (null: unknown), or
///   {"username": "...", "password": "..."}; or the properties file of a Kafka client, whose
///   sasl.jaas.config names ScramLoginModule with username, password and perhaps tokenauth.
/// - "dir:/path": a directory with the files token-id and token-hmac, or username and password, such
///   as a Kubernetes Secret's mount; one line end at the end of a file is none of its text.
/// - "env:": KAFKA_TOKEN_ID and KAFKA_TOKEN_HMAC, as getenv(3) has them at the login; like any
///   getenv, that must not meet another thread's setenv.
///
/// Paths are absolute and taken as they stand. Nothing is read here: each login reads anew, so that a
/// rotated token is seen by the next one. A file has at most 64 KiB, belongs to the effective user
/// or root, has no rights for anybody else, is no symbolic link and has no second name; in a mount
/// with ..data others may read it, and the login has a warning (scramtoken_client_warning). A source
/// that is damaged, or holds both a token and a password, is CORRUPT; one that cannot be read is IO;
/// one that others may get at is PERMISSIONS.
///
/// While a file or directory is IO or CORRUPT, logins use what it last gave: a password, or a token
/// until its expiry. The first of them has a warning. PERMISSIONS always fails the login.
///
/// To be freed by scramtoken_source_free.
///
/// Errors: INVALID_ARGUMENT; IO (no random numbers).
///
/// # Safety
///
/// `uri` is NULL or NUL-terminated, `out` is NULL or may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn scramtoken_source_open(
    uri: *const c_char,
    out: *mut *mut scramtoken_source,
) -> scramtoken_status {
    call(|| {
        check_out("out", out)?;
        // SAFETY: the caller's promise.
        let uri = unsafe { string("uri", uri)? };
        let source = Source::open(uri, crate::random::bytes()?)?;
        // SAFETY: not NULL, and the caller promises that it may be written.
        unsafe { hand_out(out, scramtoken_source(Arc::new(source))) };
        Ok(Status::OK)
    })
}

/// Makes a source that asks this callback at each login. To be freed by scramtoken_source_free.
///
/// Errors: INVALID_ARGUMENT, IO (no random numbers); the finalizer then does not run.
///
/// # Safety
///
/// `out` is NULL or may be written; function, userdata and finalizer belong together.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn scramtoken_source_from_callback(
    callback: scramtoken_source_fn,
    userdata: *mut c_void,
    finalizer: scramtoken_finalizer_fn,
    out: *mut *mut scramtoken_source,
) -> scramtoken_status {
    call(|| {
        check_out("out", out)?;
        let random = crate::random::bytes()?;
        // From here on nothing fails, so that the finalizer does not run on a failure.
        let callback = Callback::new("callback", callback, userdata, finalizer)?;
        let source = Source::from_callback(move || ask(&callback), random);
        // SAFETY: not NULL, and the caller promises that it may be written.
        unsafe { hand_out(out, scramtoken_source(Arc::new(source))) };
        Ok(Status::OK)
    })
}

/// Takes an answer.
///
/// # Safety
///
/// As for [`lent`].
unsafe fn answer(
    reply: *mut scramtoken_source_reply,
    answer: impl FnOnce() -> Result<CurrentCredential, Error>,
) -> scramtoken_status {
    call(|| {
        // SAFETY: the caller's promise.
        let mut reply = unsafe { lent("reply", reply)? }.0.lock();
        if reply.answer.is_some() {
            reply.answered_twice = true;
            let text = "the source callback has answered already: only one answer counts";
            return Err(Error::new(Status::INVALID_STATE, text));
        }
        reply.answer = Some(answer()?);
        Ok(Status::OK)
    })
}

/// The current credential is this delegation token: its id (UTF-8, no NUL) and its HMAC as base64
/// text. It ends at `expiry_ms` (-1: unknown); one that has expired is not sent. All is copied.
///
/// Errors: INVALID_ARGUMENT (then no answer was given), INVALID_STATE for a second answer.
///
/// # Safety
///
/// The reply is NULL or valid, pointers fit their lengths.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn scramtoken_source_reply_token(
    reply: *mut scramtoken_source_reply,
    token_id: *const u8,
    token_id_len: usize,
    hmac: *const u8,
    hmac_len: usize,
    expiry_ms: i64,
) -> scramtoken_status {
    // SAFETY: the caller's promise.
    unsafe {
        answer(reply, || {
            let token_id = bytes("token_id", token_id, token_id_len)?;
            let mut token = Token::new(token_id, bytes("hmac", hmac, hmac_len)?)?;
            token.expiry_ms = Some(expiry_ms).filter(|expiry_ms| *expiry_ms != -1);
            Ok(CurrentCredential::Token(token))
        })
    }
}

/// The current credential is this user name (UTF-8, no NUL) and password; neither is empty. Both are
/// copied.
///
/// Errors: INVALID_ARGUMENT (then no answer was given), INVALID_STATE for a second answer.
///
/// # Safety
///
/// The reply is NULL or valid, pointers fit their lengths.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn scramtoken_source_reply_password(
    reply: *mut scramtoken_source_reply,
    username: *const u8,
    username_len: usize,
    password: *const u8,
    password_len: usize,
) -> scramtoken_status {
    // SAFETY: the caller's promise.
    unsafe {
        answer(reply, || {
            let username = bytes("username", username, username_len)?;
            let password = bytes("password", password, password_len)?;
            ClientCredential::password(username, password).map(CurrentCredential::Password)
        })
    }
}

/// The current token, read as for a login, expired or not. To be freed by scramtoken_token_free.
///
/// Errors: TOKEN_NOT_FOUND when the source holds a password; IO, CORRUPT, PERMISSIONS; whatever the
/// callback fails with; INVALID_ARGUMENT.
///
/// # Safety
///
/// The source is NULL or a living object, `out` is NULL or may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn scramtoken_source_token(
    source: *const scramtoken_source,
    out: *mut *mut scramtoken_token,
) -> scramtoken_status {
    call(|| {
        check_out("out", out)?;
        // SAFETY: the caller's promise.
        let source = unsafe { object("source", source)? };
        let token = source.0.token(crate::clock::now_ms())?;
        // SAFETY: not NULL, and the caller promises that it may be written.
        unsafe { hand_out(out, scramtoken_token::new(&token)) };
        Ok(Status::OK)
    })
}

/// Frees a source; clients that use it keep it alive. NULL is fine.
///
/// # Safety
///
/// The source is NULL or came from this library, and is not used again.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn scramtoken_source_free(source: *mut scramtoken_source) {
    // SAFETY: the caller's promise.
    unsafe { take_back(source) };
}
