//! `scramtoken_token`: what there is to know of a delegation token.

use core::ffi::c_char;
use core::ptr;
use std::ffi::CString;

use zeroize::Zeroizing;

use super::boundary::{Object, c_string, take_back};
use crate::token::Token;

/// A delegation token (KIP-48), as it was when it was asked for. Thread-safe. Its strings are UTF-8,
/// live as long as it does, and are NULL where unknown; times are -1 where unknown. The HMAC is
/// zeroed with it.
pub struct scramtoken_token {
    id: CString,
    hmac: Option<Zeroizing<CString>>,
    owner: Option<CString>,
    requester: Option<CString>,
    renewers: Vec<CString>,
    issue_ms: i64,
    expiry_ms: i64,
    max_ms: i64,
    is_lent: bool,
}

impl Object for scramtoken_token {}

impl scramtoken_token {
    /// One for the caller to own.
    pub(super) fn new(token: &Token) -> Self {
        let hmac = token.hmac.as_ref().and_then(|hmac| CString::new(hmac.as_bytes()).ok());
        Self {
            id: c_string(&token.id),
            hmac: hmac.map(Zeroizing::new),
            owner: token.owner.as_deref().map(c_string),
            requester: token.requester.as_deref().map(c_string),
            renewers: token.renewers.iter().map(|renewer| c_string(renewer)).collect(),
            issue_ms: token.issue_ms.unwrap_or(UNKNOWN),
            expiry_ms: token.expiry_ms.unwrap_or(UNKNOWN),
            max_ms: token.max_ms.unwrap_or(UNKNOWN),
            is_lent: false,
        }
    }

    /// One that stays ours: a caller that frees it does nothing.
    pub(super) fn lent(token: &Token) -> Self {
        Self { is_lent: true, ..Self::new(token) }
    }
}

const UNKNOWN: i64 = -1;

/// Reads a field of a token.
///
/// # Safety
///
/// The token is NULL or a living object.
unsafe fn field<T>(
    token: *const scramtoken_token,
    default: T,
    read: impl FnOnce(&scramtoken_token) -> T,
) -> T {
    // SAFETY: the caller's promise.
    unsafe { token.as_ref() }.map_or(default, read)
}

/// Reads a string of a token.
///
/// # Safety
///
/// As for [`field`].
unsafe fn text(
    token: *const scramtoken_token,
    read: impl FnOnce(&scramtoken_token) -> Option<&CString>,
) -> *const c_char {
    // SAFETY: the caller's promise.
    unsafe { field(token, ptr::null(), |token| read(token).map_or(ptr::null(), |s| s.as_ptr())) }
}

/// # Token: what is known of a delegation token
///
/// The token's id, the user name of its logins.
///
/// # Safety
///
/// The token is NULL (then NULL) or a living object.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn scramtoken_token_id(token: *const scramtoken_token) -> *const c_char {
    // SAFETY: the caller's promise.
    unsafe { text(token, |token| Some(&token.id)) }
}

/// The token's HMAC as base64 text, the password of its logins: a secret.
///
/// # Safety
///
/// The token is NULL (then NULL) or a living object.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn scramtoken_token_hmac(token: *const scramtoken_token) -> *const c_char {
    // SAFETY: the caller's promise.
    unsafe { text(token, |token| token.hmac.as_deref()) }
}

/// The principal that its logins act as, such as "User:alice".
///
/// # Safety
///
/// The token is NULL (then NULL) or a living object.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn scramtoken_token_owner(token: *const scramtoken_token) -> *const c_char {
    // SAFETY: the caller's promise.
    unsafe { text(token, |token| token.owner.as_ref()) }
}

/// The principal that asked for it, such as "User:alice" (KIP-373).
///
/// # Safety
///
/// The token is NULL (then NULL) or a living object.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn scramtoken_token_requester(
    token: *const scramtoken_token,
) -> *const c_char {
    // SAFETY: the caller's promise.
    unsafe { text(token, |token| token.requester.as_ref()) }
}

/// How many principals may renew it besides the owner and the requester, as far as is known.
///
/// # Safety
///
/// The token is NULL (then 0) or a living object.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn scramtoken_token_renewers_len(token: *const scramtoken_token) -> usize {
    // SAFETY: the caller's promise.
    unsafe { field(token, 0, |token| token.renewers.len()) }
}

/// One of those principals; NULL for an index that is too large.
///
/// # Safety
///
/// The token is NULL (then NULL) or a living object.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn scramtoken_token_renewer(
    token: *const scramtoken_token,
    index: usize,
) -> *const c_char {
    // SAFETY: the caller's promise.
    unsafe { text(token, |token| token.renewers.get(index)) }
}

/// When it was made, in milliseconds since 1970.
///
/// # Safety
///
/// The token is NULL (then -1) or a living object.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn scramtoken_token_issue_ms(token: *const scramtoken_token) -> i64 {
    // SAFETY: the caller's promise.
    unsafe { field(token, UNKNOWN, |token| token.issue_ms) }
}

/// When it ends unless it is renewed, in milliseconds since 1970.
///
/// # Safety
///
/// The token is NULL (then -1) or a living object.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn scramtoken_token_expiry_ms(token: *const scramtoken_token) -> i64 {
    // SAFETY: the caller's promise.
    unsafe { field(token, UNKNOWN, |token| token.expiry_ms) }
}

/// When it ends for good, in milliseconds since 1970.
///
/// # Safety
///
/// The token is NULL (then -1) or a living object.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn scramtoken_token_max_ms(token: *const scramtoken_token) -> i64 {
    // SAFETY: the caller's promise.
    unsafe { field(token, UNKNOWN, |token| token.max_ms) }
}

/// Frees a token and zeroes its HMAC. NULL is fine, and a token that a visitor was lent is left alone.
///
/// # Safety
///
/// The token is NULL or was handed out by this library, and is not used again.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn scramtoken_token_free(token: *mut scramtoken_token) {
    // SAFETY: the caller's promise.
    unsafe {
        if !field(token, false, |token| token.is_lent) {
            take_back(token);
        }
    }
}
