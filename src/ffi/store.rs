//! `scramtoken_store`: where servers find credentials.

use core::ffi::{c_char, c_void};
use core::ops::ControlFlow;
use std::ffi::CString;

use super::audit::mechanism_c_name;
use super::boundary::{
    Object, bytes, c_string, call, check_out, hand_out, null, object, string, take_back,
};
use super::credential::{credential, scramtoken_credential};
use super::status::scramtoken_status;
use super::token_requests::principal;
use crate::error::Error;
use crate::scram::{Credential, Mechanism};
use crate::status::Status;
use crate::store::Store;
use crate::token::Token;

/// Where servers find credentials, SCRAM users and delegation tokens, shared by every process of a
/// host. Thread-safe. Each change is one transaction: whole and on disk when the call returns, or not
/// made. After a fork it works in the process that opened it alone (INVALID_STATE): open it anew.
pub struct scramtoken_store(pub(super) Store, Option<CString>);

impl Object for scramtoken_store {}

/// Told of a user, one for each name and mechanism; returns 0 to go on and anything else to stop. The
/// mechanism is static, the name (UTF-8, no NUL) valid within the call. The library may be called
/// from inside. Must not unwind.
pub type scramtoken_user_visit_fn = Option<
    unsafe extern "C" fn(
        userdata: *mut c_void,
        mechanism: *const c_char,
        name: *const u8,
        name_len: usize,
        iterations: u32,
    ) -> i32,
>;

/// # Store: where servers find credentials
///
/// Opens a store by its URI: "memory:", a new one of this process alone, or "lmdb:/path", a
/// directory that is made, with mode 0700, where it is missing (its parent must exist); below
/// /dev/shm it lives in shared memory alone. A path that this process has open is shared. To be freed
/// by scramtoken_store_free.
///
/// Errors: INVALID_ARGUMENT for another URI or a path that is not absolute; PERMISSIONS where the
/// directory or a file in it is another user's, a link, or others have rights on it, or where a
/// directory above it belongs to anybody but root and the effective user, or lets others write and is
/// not sticky; INVALID_STATE where a process of this one's id has it open (another copy of the
/// library, or a container without shared process ids), or opened it before this one was forked;
/// CORRUPT for a damaged store or one of a newer version; IO. Rights of a group that nobody else is in
/// are taken away, see scramtoken_store_warning.
///
/// # Safety
///
/// `uri` is NULL or NUL-terminated, `out` is NULL or may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn scramtoken_store_open(
    uri: *const c_char,
    out: *mut *mut scramtoken_store,
) -> scramtoken_status {
    // SAFETY: the caller's promise.
    unsafe { open(uri, out, Store::open) }
}

/// Opens a store that exists, without the right to change it: a call that would is INVALID_STATE. LMDB
/// still writes to its lock file, except for a backup on a read-only file system.
///
/// Errors: as of scramtoken_store_open; INVALID_ARGUMENT for "memory:", IO where there is no store.
///
/// # Safety
///
/// `uri` is NULL or NUL-terminated, `out` is NULL or may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn scramtoken_store_open_read_only(
    uri: *const c_char,
    out: *mut *mut scramtoken_store,
) -> scramtoken_status {
    // SAFETY: the caller's promise.
    unsafe { open(uri, out, Store::open_read_only) }
}

/// Opens a store in one of the two ways.
///
/// # Safety
///
/// `uri` is NULL or NUL-terminated, `out` is NULL or may be written.
unsafe fn open(
    uri: *const c_char,
    out: *mut *mut scramtoken_store,
    open: fn(&str) -> Result<Store, Error>,
) -> scramtoken_status {
    call(|| {
        check_out("out", out)?;
        // SAFETY: the caller's promise.
        let store = open(unsafe { string("uri", uri)? })?;
        let warning = store.warning().map(c_string);
        // SAFETY: not NULL, and the caller promises that it may be written.
        unsafe { hand_out(out, scramtoken_store(store, warning)) };
        Ok(Status::OK)
    })
}

/// Writes a user by password, with a random salt, in place of an earlier one of the mechanism. The
/// name is UTF-8 without NUL, of 1 to SCRAMTOKEN_MAX_MESSAGE bytes, the password not empty;
/// iterations are 4096 to 1,000,000, as clients accept them.
///
/// Errors: INVALID_ARGUMENT, UNSUPPORTED_MECHANISM, INVALID_STATE (opened for reading only, or before
/// a fork), IO, CORRUPT.
///
/// # Safety
///
/// The store is NULL or a living object, `mechanism` is NULL or NUL-terminated, pointers fit their
/// lengths.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn scramtoken_store_put_user(
    store: *const scramtoken_store,
    mechanism: *const c_char,
    name: *const u8,
    name_len: usize,
    password: *const u8,
    password_len: usize,
    iterations: u32,
) -> scramtoken_status {
    // SAFETY: the caller's promise.
    unsafe {
        on_user(store, mechanism, name, name_len, |store, mechanism, name| {
            let password = bytes("password", password, password_len)?;
            store.put_user(mechanism, name, password, iterations)
        })
    }
}

/// Writes a user by a credential that was derived before, of any iteration count from 1, in place of
/// an earlier one of the mechanism.
///
/// Errors: as of scramtoken_store_put_user.
///
/// # Safety
///
/// The store is NULL or a living object, `mechanism` is NULL or NUL-terminated, the name and the
/// credential's pointers fit their lengths.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn scramtoken_store_put_credential(
    store: *const scramtoken_store,
    mechanism: *const c_char,
    name: *const u8,
    name_len: usize,
    supplied: *const scramtoken_credential,
) -> scramtoken_status {
    // SAFETY: the caller's promise.
    unsafe {
        on_user(store, mechanism, name, name_len, |store, mechanism, name| {
            store.put_credential(name, &credential(mechanism, supplied)?)
        })
    }
}

/// Removes a user's credential of one mechanism.
///
/// Errors: USER_NOT_FOUND; as of scramtoken_store_put_user.
///
/// # Safety
///
/// The store is NULL or a living object, `mechanism` is NULL or NUL-terminated, the name fits its
/// length.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn scramtoken_store_delete_user(
    store: *const scramtoken_store,
    mechanism: *const c_char,
    name: *const u8,
    name_len: usize,
) -> scramtoken_status {
    // SAFETY: the caller's promise.
    unsafe {
        on_user(store, mechanism, name, name_len, |store, mechanism, name| {
            store.delete_user(mechanism, name)
        })
    }
}

/// Runs the body of a function on a user of a store.
///
/// # Safety
///
/// As for [`object`], [`string`] and [`bytes`].
unsafe fn on_user(
    store: *const scramtoken_store,
    mechanism: *const c_char,
    name: *const u8,
    name_len: usize,
    body: impl FnOnce(&Store, Mechanism, &[u8]) -> Result<(), Error>,
) -> scramtoken_status {
    call(|| {
        // SAFETY: the caller's promise.
        let (store, mechanism, name) = unsafe {
            (
                object("store", store)?,
                Mechanism::from_name(string("mechanism", mechanism)?)?,
                bytes("name", name, name_len)?,
            )
        };
        body(&store.0, mechanism, name)?;
        Ok(Status::OK)
    })
}

/// Writes a delegation token that another authority made, in place of an earlier one of its id: what a
/// host with an engine of its own (a database, a replicated log) feeds its stores by. All servers of the
/// store know it when the call returns.
///
/// `token_id` has 1 to 255 bytes of UTF-8 without blanks. `owner` is the principal that logins with the
/// token act as, such as "User:alice". It ends at `expiry_ms`, in milliseconds since 1970; -1: never.
/// What it logs in with is either its HMAC (base64 text), from which credentials of both mechanisms are
/// derived for some milliseconds and which is not kept; or, with a NULL HMAC, credentials that were
/// derived before, of which one may be NULL: the token then does not log in by that mechanism. All is
/// copied. Thread-safe.
///
/// Errors: INVALID_ARGUMENT, also for both an HMAC and credentials, or neither; INVALID_PRINCIPAL_TYPE for
/// an owner that is no User; INVALID_STATE (the store follows a cluster, or was opened for reading only,
/// or before a fork), IO, CORRUPT. The store is then as it was.
///
/// # Safety
///
/// The store is NULL or a living object, strings are NULL or C strings, the HMAC and the credentials'
/// pointers fit their lengths.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn scramtoken_store_put_token(
    store: *const scramtoken_store,
    token_id: *const c_char,
    owner: *const c_char,
    expiry_ms: i64,
    hmac: *const u8,
    hmac_len: usize,
    sha_256: *const scramtoken_credential,
    sha_512: *const scramtoken_credential,
) -> scramtoken_status {
    let has_hmac = !hmac.is_null();
    call(|| {
        // SAFETY: the caller's promise.
        let (store, id, owner, hmac) = unsafe {
            (
                object("store", store)?,
                string("token_id", token_id)?,
                principal("owner", owner)?,
                bytes("hmac", hmac, hmac_len)?,
            )
        };
        let mut credentials: Vec<Credential<'_>> = Vec::new();
        for (mechanism, supplied) in
            [(Mechanism::ScramSha256, sha_256), (Mechanism::ScramSha512, sha_512)]
        {
            if !supplied.is_null() {
                // SAFETY: not NULL, and the caller promises the rest.
                credentials.push(unsafe { credential(mechanism, supplied)? });
            }
        }
        // Checked alike, whatever it logs in with; an HMAC that came out empty is a fault of the caller's.
        let mut token = Token::new(id.as_bytes(), if has_hmac { hmac } else { b"none" })?;
        if !has_hmac {
            store.0.put_token_credentials(id, &owner, expiry_ms, &credentials)?;
        } else if credentials.is_empty() {
            (token.owner, token.expiry_ms) = (Some(owner.to_string()), Some(expiry_ms));
            store.0.put_token(&token)?;
        } else {
            let text = "the token has both an HMAC and credentials: give one of the two";
            return Err(Error::new(Status::INVALID_ARGUMENT, text));
        }
        Ok(Status::OK)
    })
}

/// Removes a delegation token, whoever made it: all servers of the store refuse it when the call returns.
/// Thread-safe.
///
/// Errors: TOKEN_NOT_FOUND where there is no such token; INVALID_ARGUMENT; INVALID_STATE as of
/// scramtoken_store_put_token; IO, CORRUPT.
///
/// # Safety
///
/// The store is NULL or a living object, `token_id` is NULL or a C string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn scramtoken_store_delete_token(
    store: *const scramtoken_store,
    token_id: *const c_char,
) -> scramtoken_status {
    call(|| {
        // SAFETY: the caller's promise.
        let (store, id) = unsafe { (object("store", store)?, string("token_id", token_id)?) };
        store.0.delete_token(id)?;
        Ok(Status::OK)
    })
}

/// Calls the visitor once for each user, in no order that means anything, until it returns anything
/// but 0 (the call is then OK). A user that comes or goes meanwhile is seen or not.
///
/// Errors: INVALID_ARGUMENT, INVALID_STATE (opened before a fork), IO, CORRUPT.
///
/// # Safety
///
/// The store is NULL or a living object; function and userdata belong together.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn scramtoken_store_visit_users(
    store: *const scramtoken_store,
    visit: scramtoken_user_visit_fn,
    userdata: *mut c_void,
) -> scramtoken_status {
    call(|| {
        // SAFETY: the caller's promise.
        let store = unsafe { object("store", store)? };
        let visit = visit.ok_or_else(|| null("visit"))?;
        store.0.visit_users(|user| {
            let mechanism = mechanism_c_name(user.mechanism).as_ptr();
            let (name, name_len) = (user.name.as_ptr(), user.name.len());
            // SAFETY: the function is the caller's for this userdata; the pointers are valid for
            // the call, and nothing is locked or borrowed exclusively while it runs.
            match unsafe { visit(userdata, mechanism, name, name_len, user.iterations) } {
                0 => ControlFlow::Continue(()),
                _ => ControlFlow::Break(()),
            }
        })?;
        Ok(Status::OK)
    })
}

/// A warning about the opening of this store, for the host's log: one sentence without secrets, empty
/// where there is none, never NULL. It says that a group had rights on the store's directory or files,
/// as a Kubernetes volume with fsGroup gives them at each mount, and that they were taken away. Only
/// the store that took them away has it. Valid until the store's free.
///
/// # Safety
///
/// The store is NULL or a living object.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn scramtoken_store_warning(store: *const scramtoken_store) -> *const c_char {
    // SAFETY: the caller's promise.
    match unsafe { store.as_ref() } {
        Some(scramtoken_store(_, Some(warning))) => warning.as_ptr(),
        _ => c"".as_ptr(),
    }
}

/// Frees a store; configs and managers that use it keep it alive. NULL is fine.
///
/// # Safety
///
/// The store is NULL or came from this library, and is not used again.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn scramtoken_store_free(store: *mut scramtoken_store) {
    // SAFETY: the caller's promise.
    unsafe { take_back(store) };
}
