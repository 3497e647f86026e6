//! What is asked of a token manager: to make, renew, expire, describe and sweep tokens.

use core::ffi::{c_char, c_void};
use core::ops::ControlFlow;

use zeroize::Zeroizing;

use super::boundary::{bytes, call, check_out, hand_out, null, object, string};
use super::lookup::{SCRAMTOKEN_IDENTITY_TOKEN, SCRAMTOKEN_IDENTITY_USER};
use super::status::scramtoken_status;
use super::token::scramtoken_token;
use super::token_manager::{Authority, scramtoken_token_manager};
use crate::authority::{NewToken, Requester};
use crate::error::Error;
use crate::status::Status;
use crate::token::Principal;

/// Is given a token that scramtoken_token_describe found; returns 0 to go on and anything else to
/// stop (the call is then OK). The token lives as long as the callback, from which the library may
/// be called. Must not unwind.
pub type scramtoken_token_visit_fn =
    Option<unsafe extern "C" fn(userdata: *mut c_void, token: *const scramtoken_token) -> i32>;

/// Runs an operation for a requester.
///
/// # Safety
///
/// As for [`object`] and [`string`].
unsafe fn operate(
    manager: *const scramtoken_token_manager,
    requester: *const c_char,
    authenticated_by: i32,
    body: impl FnOnce(&Authority, Requester) -> Result<(), Error>,
) -> scramtoken_status {
    call(|| {
        // SAFETY: the caller's promise.
        let (manager, principal) =
            unsafe { (object("manager", manager)?, principal("requester", requester)?) };
        let by_token = match authenticated_by {
            SCRAMTOKEN_IDENTITY_USER => false,
            SCRAMTOKEN_IDENTITY_TOKEN => true,
            other => {
                let text = format!(
                    "authenticated_by is {other}, and neither SCRAMTOKEN_IDENTITY_USER nor _TOKEN"
                );
                return Err(Error::new(Status::INVALID_ARGUMENT, text));
            }
        };
        body(&manager.0.current(), Requester { principal, by_token })?;
        Ok(Status::OK)
    })
}

/// Reads a principal of the caller's.
///
/// # Safety
///
/// As for [`string`].
pub(super) unsafe fn principal(what: &str, text: *const c_char) -> Result<Principal, Error> {
    // SAFETY: the caller's promise.
    unsafe { string(what, text)? }
        .parse()
        .map_err(|error: Error| Error::new(error.status(), format!("{what}: {error}")))
}

/// Reads an array of principals; NULL stands for none where the length is 0.
///
/// # Safety
///
/// `array` is NULL or points to `len` pointers that are NULL or C strings.
unsafe fn principals(
    what: &str,
    array: *const *const c_char,
    len: usize,
) -> Result<Vec<Principal>, Error> {
    if len == 0 {
        return Ok(Vec::new());
    }
    if array.is_null() {
        return Err(null(what));
    }
    if len > MAX_PRINCIPALS {
        let text = format!("{what} has {len} principals, and at most {MAX_PRINCIPALS} are taken");
        return Err(Error::new(Status::INVALID_ARGUMENT, text));
    }
    // SAFETY: not NULL, not too long, and the caller promises the rest.
    unsafe { core::slice::from_raw_parts(array, len).iter().map(|text| principal(what, *text)) }
        .collect()
}

/// The most renewers of a token and the most owners in one description.
const MAX_PRINCIPALS: usize = 1000;

/// # Tokens: to make, renew, expire, describe and sweep them
///
/// Makes a token: signed, its credentials derived, stored durably. `requester` is a principal such
/// as "User:alice", and `authenticated_by` how it logged in: SCRAMTOKEN_IDENTITY_USER, or
/// SCRAMTOKEN_IDENTITY_TOKEN (a verdict's is_token), which may not. The owner is whom logins with
/// the token act as: NULL for the requester itself; another is for the authorizer to allow
/// (KIP-373). Renewers may renew it as its owner may. `max_lifetime_ms` is cut to the manager's
/// maximum, which 0 and less stand for. The token is to be freed by scramtoken_token_free.
///
/// Errors: INVALID_ARGUMENT (a principal that is not type:name, more than 1000 renewers); then in
/// this order TOKEN_REQUEST_NOT_ALLOWED, TOKEN_AUTHORIZATION_FAILED, INVALID_PRINCIPAL_TYPE (a
/// renewer that is no User), TOKEN_AUTH_DISABLED (no secret key), INVALID_PRINCIPAL_TYPE (an owner
/// that is no User); INVALID_STATE (the signing key was removed by another manager, the store follows
/// a cluster, or the clock is before 1970), IO, CORRUPT.
///
/// # Safety
///
/// The manager is NULL or a living object, strings are NULL or C strings, `renewers` fits its
/// length, `out` is NULL or may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn scramtoken_token_create(
    manager: *const scramtoken_token_manager,
    requester: *const c_char,
    authenticated_by: i32,
    owner: *const c_char,
    renewers: *const *const c_char,
    renewers_len: usize,
    max_lifetime_ms: i64,
    out: *mut *mut scramtoken_token,
) -> scramtoken_status {
    // SAFETY: the caller's promise, here and below.
    unsafe {
        operate(manager, requester, authenticated_by, |manager, requester| {
            check_out("out", out)?;
            let owner = (!owner.is_null()).then(|| principal("owner", owner)).transpose()?;
            let renewers = principals("renewers", renewers, renewers_len)?;
            let new = NewToken { owner, renewers, max_lifetime_ms };
            let now_ms = manager.clock.now_ms();
            let token = manager.manager.create(&requester, &new, now_ms, crate::random::bytes)?;
            hand_out(out, scramtoken_token::new(&token));
            Ok(())
        })
    }
}

/// Gives the token of this HMAC (base64 text) more time: the manager's expiry time from now, or
/// `period_ms` where that is above 0 and less, and never past the token's max. Writes the new
/// expiry to `expiry_ms` (NULL: not asked for).
///
/// Errors: INVALID_ARGUMENT; then in this order TOKEN_REQUEST_NOT_ALLOWED, TOKEN_AUTH_DISABLED,
/// TOKEN_NOT_FOUND, TOKEN_EXPIRED, TOKEN_OWNER_MISMATCH (neither owner nor renewer); INVALID_STATE
/// (the store follows a cluster, say), IO, CORRUPT.
///
/// # Safety
///
/// The manager is NULL or a living object, `requester` is NULL or a C string, the HMAC fits its
/// length, `expiry_ms` is NULL or may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn scramtoken_token_renew(
    manager: *const scramtoken_token_manager,
    requester: *const c_char,
    authenticated_by: i32,
    hmac: *const u8,
    hmac_len: usize,
    period_ms: i64,
    expiry_ms: *mut i64,
) -> scramtoken_status {
    // SAFETY: the caller's promise.
    unsafe {
        operate(manager, requester, authenticated_by, |manager, requester| {
            // Copied, for it may be of a token that the clock's callback frees.
            let hmac = Zeroizing::new(bytes("hmac", hmac, hmac_len)?.to_vec());
            let now_ms = manager.clock.now_ms();
            write_expiry(expiry_ms, manager.manager.renew(&requester, &hmac, period_ms, now_ms)?);
            Ok(())
        })
    }
}

/// Lets the token of this HMAC (base64 text) end after `period_ms`, or at its max where that is
/// earlier; a period below 0 removes it at once, expired or not. Writes the new expiry to
/// `expiry_ms` (NULL: not asked for). Sessions that are open go on until theirs end; new logins are
/// refused from then on.
///
/// Errors: INVALID_ARGUMENT; then in this order TOKEN_REQUEST_NOT_ALLOWED, TOKEN_AUTH_DISABLED,
/// TOKEN_NOT_FOUND, TOKEN_OWNER_MISMATCH (neither owner nor renewer), TOKEN_EXPIRED; INVALID_STATE
/// (the store follows a cluster, say), IO, CORRUPT.
///
/// # Safety
///
/// As scramtoken_token_renew.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn scramtoken_token_expire(
    manager: *const scramtoken_token_manager,
    requester: *const c_char,
    authenticated_by: i32,
    hmac: *const u8,
    hmac_len: usize,
    period_ms: i64,
    expiry_ms: *mut i64,
) -> scramtoken_status {
    // SAFETY: the caller's promise.
    unsafe {
        operate(manager, requester, authenticated_by, |manager, requester| {
            // Copied, for it may be of a token that the clock's callback frees.
            let hmac = Zeroizing::new(bytes("hmac", hmac, hmac_len)?.to_vec());
            let now_ms = manager.clock.now_ms();
            write_expiry(expiry_ms, manager.manager.expire(&requester, &hmac, period_ms, now_ms)?);
            Ok(())
        })
    }
}

/// # Safety
///
/// `out` is NULL or may be written.
unsafe fn write_expiry(out: *mut i64, expiry_ms: i64) {
    if !out.is_null() {
        // SAFETY: not NULL, and the caller's promise.
        unsafe { out.write(expiry_ms) };
    }
}

/// Hands the tokens that the requester may see to `visit`, one by one: those that it owns, asked
/// for or may renew, and those that the authorizer lets it see. Of these, where `owners` is not
/// NULL, those that one of the owners owns, asked for or may renew: an empty list shows nothing.
/// NULL: every owner. Expired tokens are shown until they are swept. What changes meanwhile may be
/// seen or not.
///
/// Errors: INVALID_ARGUMENT (more than 1000 owners); then in this order TOKEN_REQUEST_NOT_ALLOWED,
/// TOKEN_AUTH_DISABLED; IO, CORRUPT.
///
/// # Safety
///
/// The manager is NULL or a living object, `requester` is NULL or a C string, `owners` is NULL or
/// fits its length; visit and userdata belong together.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn scramtoken_token_describe(
    manager: *const scramtoken_token_manager,
    requester: *const c_char,
    authenticated_by: i32,
    owners: *const *const c_char,
    owners_len: usize,
    visit: scramtoken_token_visit_fn,
    userdata: *mut c_void,
) -> scramtoken_status {
    // SAFETY: the caller's promise, here and below.
    unsafe {
        operate(manager, requester, authenticated_by, |manager, requester| {
            let visit = visit.ok_or_else(|| null("visit"))?;
            if owners.is_null() && owners_len > 0 {
                return Err(null("owners"));
            }
            let listed = principals("owners", owners, owners_len)?;
            let owners = (!owners.is_null()).then_some(listed.as_slice());
            manager.manager.describe(&requester, owners, |token| {
                let token = scramtoken_token::lent(&token);
                match visit(userdata, &raw const token) {
                    0 => ControlFlow::Continue(()),
                    _ => ControlFlow::Break(()),
                }
            })
        })
    }
}

/// Removes expired tokens from the store, and what is left of removed secret keys; writes how many
/// to `removed` (NULL: not asked for). Logins refuse them before that already, so when it runs
/// matters for the store's size alone: once an hour is what Kafka does.
///
/// Errors: INVALID_ARGUMENT, TOKEN_AUTH_DISABLED, INVALID_STATE (the store follows a cluster), IO, CORRUPT;
/// what was removed before an error stays removed.
///
/// # Safety
///
/// The manager is NULL or a living object, `removed` is NULL or may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn scramtoken_token_sweep(
    manager: *const scramtoken_token_manager,
    removed: *mut usize,
) -> scramtoken_status {
    call(|| {
        // SAFETY: the caller's promise.
        let manager = unsafe { object("manager", manager)? }.0.current();
        let swept = manager.manager.sweep(manager.clock.now_ms())?;
        if !removed.is_null() {
            // SAFETY: not NULL, and the caller promises that it may be written.
            unsafe { removed.write(usize::try_from(swept).unwrap_or(usize::MAX)) };
        }
        Ok(Status::OK)
    })
}
