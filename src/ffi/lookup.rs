//! Lookups: how a server gets to know what is kept of a name, by a callback or by a supply.

use core::ffi::{c_char, c_void};

use parking_lot::Mutex;

use super::audit::mechanism_c_name;
use super::boundary::{bytes, call, lent};
use super::callback::{Callback, check_answer};
use super::credential::{credential, scramtoken_credential};
use super::status::scramtoken_status;
use crate::error::Error;
use crate::login::Pending;
use crate::scram::{AwaitClientFinal, IdentityKind, MadeUp, NeedCredential, Rejected};
use crate::status::Status;

/// What a name is looked up as: a SCRAM user.
pub const SCRAMTOKEN_IDENTITY_USER: i32 = 1;
/// What a name is looked up as: a delegation token's id.
pub const SCRAMTOKEN_IDENTITY_TOKEN: i32 = 2;
/// What a name is looked up as, with implicit tokens: a user first; where no mechanism has one of
/// that name, a token's id.
pub const SCRAMTOKEN_IDENTITY_EITHER: i32 = 3;

/// Where a lookup callback puts its answer. Valid within the callback.
pub struct scramtoken_lookup_reply(Mutex<Pending>);

/// Looks a name up and answers by exactly one scramtoken_lookup_reply_*. An error that it returns
/// becomes the step's; no reply at all, or a second one, is INVALID_STATE. None of these is ever a
/// yes. `mechanism` is static, `name` (UTF-8, no NUL, otherwise anything) valid within the callback,
/// `kind` one of SCRAMTOKEN_IDENTITY_*. May run on several threads at once and must not unwind.
pub type scramtoken_lookup_fn = Option<
    unsafe extern "C" fn(
        userdata: *mut c_void,
        mechanism: *const c_char,
        name: *const u8,
        name_len: usize,
        kind: i32,
        reply: *mut scramtoken_lookup_reply,
    ) -> scramtoken_status,
>;

pub(super) type LookupFn = unsafe extern "C" fn(
    *mut c_void,
    *const c_char,
    *const u8,
    usize,
    i32,
    *mut scramtoken_lookup_reply,
) -> scramtoken_status;

/// Takes a user for an answer.
///
/// # Safety
///
/// As for [`credential`].
pub(super) unsafe fn supply_user(
    pending: &mut Pending,
    supplied: *const scramtoken_credential,
) -> Result<Status, Error> {
    // SAFETY: the caller's promise.
    pending.supply_user(|mechanism| unsafe { credential(mechanism, supplied) })?;
    Ok(Status::OK)
}

/// Takes a token for an answer.
///
/// # Safety
///
/// As for [`credential`], and `owner` fits its length.
pub(super) unsafe fn supply_token(
    pending: &mut Pending,
    supplied: *const scramtoken_credential,
    owner: *const u8,
    owner_len: usize,
    expiry_ms: i64,
) -> Result<Status, Error> {
    // SAFETY: the caller's promise.
    let owner = unsafe { bytes("owner_name", owner, owner_len) };
    // SAFETY: the caller's promise.
    let credential = |mechanism| unsafe { credential(mechanism, supplied) };
    pending.supply_token(credential, owner, expiry_ms)?;
    Ok(Status::OK)
}

/// Asks the host's callback. Nothing is locked or borrowed exclusively while it runs.
pub(super) fn ask(
    callback: &Callback<LookupFn>,
    question: NeedCredential,
    made_up: MadeUp,
) -> Result<AwaitClientFinal, Rejected> {
    // The name stays where it is when the question moves.
    let (name, name_len) = (question.name().as_ptr(), question.name().len());
    let (mechanism, kind) = (question.mechanism(), question.kind());
    let mut reply = scramtoken_lookup_reply(Mutex::new(Pending::new(question, made_up)));
    // SAFETY: the function is the host's for this userdata, which its finalizer has not freed yet;
    // all pointers are valid for the call, the reply's through shared references alone.
    let status = Status::from_raw(unsafe {
        (callback.function())(
            callback.userdata(),
            mechanism_c_name(mechanism).as_ptr(),
            name,
            name_len,
            identity_kind(kind),
            &raw mut reply,
        )
    });
    reply.0.into_inner().settle(check_answer("lookup", status, false))
}

/// The number that a kind has in C.
pub(super) fn identity_kind(kind: IdentityKind) -> i32 {
    match kind {
        IdentityKind::User => SCRAMTOKEN_IDENTITY_USER,
        IdentityKind::Token => SCRAMTOKEN_IDENTITY_TOKEN,
        IdentityKind::Either => SCRAMTOKEN_IDENTITY_EITHER,
    }
}

/// Runs the body of a function on a reply.
///
/// # Safety
///
/// As for [`lent`].
unsafe fn on_reply(
    reply: *mut scramtoken_lookup_reply,
    body: impl FnOnce(&mut Pending) -> Result<Status, Error>,
) -> scramtoken_status {
    call(|| {
        // SAFETY: the caller's promise.
        let reply = unsafe { lent("reply", reply)? };
        body(&mut reply.0.lock())
    })
}

/// # Lookup: how a callback answers
///
/// The name is a user's. The credential is copied.
///
/// Errors: INVALID_ARGUMENT (then no answer was given), INVALID_STATE for a second answer.
///
/// # Safety
///
/// The reply is NULL or valid, the credential's pointers fit their lengths.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn scramtoken_lookup_reply_user(
    reply: *mut scramtoken_lookup_reply,
    credential: *const scramtoken_credential,
) -> scramtoken_status {
    // SAFETY: the caller's promise.
    unsafe { on_reply(reply, |pending| supply_user(pending, credential)) }
}

/// The name is a token's id. The owner's name ("alice", UTF-8 without NUL) and the credential are
/// copied; the token ends at `expiry_ms` (-1: never), judged by the server's clock once the
/// client has proved itself.
///
/// Errors: INVALID_ARGUMENT (then no answer was given), INVALID_STATE for a second answer.
///
/// # Safety
///
/// The reply is NULL or valid, pointers fit their lengths.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn scramtoken_lookup_reply_token(
    reply: *mut scramtoken_lookup_reply,
    credential: *const scramtoken_credential,
    owner_name: *const u8,
    owner_name_len: usize,
    expiry_ms: i64,
) -> scramtoken_status {
    // SAFETY: the caller's promise.
    unsafe {
        on_reply(reply, |pending| {
            supply_token(pending, credential, owner_name, owner_name_len, expiry_ms)
        })
    }
}

/// Nobody has that name. The login goes on with a made-up challenge and is refused at its end, with
/// UNKNOWN_USER or TOKEN_NOT_FOUND.
///
/// Errors: INVALID_ARGUMENT, INVALID_STATE for a second answer.
///
/// # Safety
///
/// The reply is NULL or valid.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn scramtoken_lookup_reply_unknown(
    reply: *mut scramtoken_lookup_reply,
) -> scramtoken_status {
    // SAFETY: the caller's promise.
    unsafe { on_reply(reply, |pending| pending.supply_unknown().map(|()| Status::OK)) }
}
