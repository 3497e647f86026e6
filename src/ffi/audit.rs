//! `scramtoken_audit_event`: what is told of each decision.

use core::ffi::{CStr, c_char, c_void};
use std::ffi::CString;
use std::ptr;

use super::boundary::c_string;
use super::callback::{Callback, scramtoken_finalizer_fn};
use super::status::scramtoken_status;
use crate::audit::{Event, Operation};
use crate::error::Error;
use crate::scram::Mechanism;
use crate::status::Status;

/// One decision: a login, a token made, renewed, expired or swept, a secret key removed. No secret is
/// in it. Names of a login and principals of what is done to tokens are as they were given, but with
/// control characters escaped and cut at 256 bytes. Valid within its callback, like all strings of
/// it; NULL: does not apply.
pub struct scramtoken_audit_event {
    time_ms: i64,
    operation: Operation,
    status: Status,
    mechanism: Option<Mechanism>,
    requester: Option<CString>,
    owner: Option<CString>,
    token_id: Option<CString>,
    doubled_nonce: bool,
}

/// Is told of each decision. May run on several threads at once and must not unwind.
pub type scramtoken_audit_fn =
    Option<unsafe extern "C" fn(userdata: *mut c_void, event: *const scramtoken_audit_event)>;

/// Tells the host's callback of an event.
pub(super) fn from_callback(
    function: scramtoken_audit_fn,
    userdata: *mut c_void,
    finalizer: scramtoken_finalizer_fn,
) -> Result<impl Fn(&Event) + Send + Sync + 'static, Error> {
    let callback = Callback::new("audit", function, userdata, finalizer)?;
    Ok(move |event: &Event| {
        let event = scramtoken_audit_event::from(event);
        // SAFETY: the function is the host's for this userdata, which its finalizer, run when the
        // closure is dropped, has not freed yet; the event outlives the call.
        unsafe { (callback.function())(callback.userdata(), &raw const event) };
    })
}

impl From<&Event> for scramtoken_audit_event {
    fn from(event: &Event) -> Self {
        let c_string = |text: &Option<String>| text.as_deref().map(c_string);
        Self {
            time_ms: event.time_ms,
            operation: event.operation,
            status: event.status,
            mechanism: event.mechanism,
            requester: c_string(&event.requester),
            owner: c_string(&event.owner),
            token_id: c_string(&event.token_id),
            doubled_nonce: event.doubled_nonce,
        }
    }
}

pub(super) const fn mechanism_c_name(mechanism: Mechanism) -> &'static CStr {
    match mechanism {
        Mechanism::ScramSha256 => c"SCRAM-SHA-256",
        Mechanism::ScramSha512 => c"SCRAM-SHA-512",
    }
}

/// Reads a field of an event.
///
/// # Safety
///
/// The event is NULL or valid.
unsafe fn field<T>(
    event: *const scramtoken_audit_event,
    default: T,
    read: impl FnOnce(&scramtoken_audit_event) -> T,
) -> T {
    // SAFETY: the caller's promise.
    unsafe { event.as_ref() }.map_or(default, read)
}

fn pointer(text: &Option<CString>) -> *const c_char {
    text.as_ref().map_or(ptr::null(), |text| text.as_ptr())
}

/// # Audit: what an event says
///
/// When, in milliseconds since 1970 by the clock of the object that decided.
///
/// # Safety
///
/// The event is NULL (then 0) or valid.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn scramtoken_audit_time_ms(event: *const scramtoken_audit_event) -> i64 {
    // SAFETY: the caller's promise.
    unsafe { field(event, 0, |event| event.time_ms) }
}

/// What was decided upon: "login", "token-create", "token-renew", "token-expire", "token-sweep" or
/// "secret-key-remove".
///
/// # Safety
///
/// The event is NULL (then NULL) or valid.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn scramtoken_audit_operation(
    event: *const scramtoken_audit_event,
) -> *const c_char {
    // SAFETY: the caller's promise.
    unsafe {
        field(event, ptr::null(), |event| match event.operation {
            Operation::Login => c"login".as_ptr(),
            Operation::TokenCreate => c"token-create".as_ptr(),
            Operation::TokenRenew => c"token-renew".as_ptr(),
            Operation::TokenExpire => c"token-expire".as_ptr(),
            Operation::TokenSweep => c"token-sweep".as_ptr(),
            Operation::SecretKeyRemove => c"secret-key-remove".as_ptr(),
        })
    }
}

/// OK, or why not.
///
/// # Safety
///
/// The event is NULL (then INVALID_ARGUMENT) or valid.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn scramtoken_audit_status(
    event: *const scramtoken_audit_event,
) -> scramtoken_status {
    let none = super::status::SCRAMTOKEN_ERR_INVALID_ARGUMENT;
    // SAFETY: the caller's promise.
    unsafe { field(event, none, |event| event.status.to_raw()) }
}

/// The mechanism of a login.
///
/// # Safety
///
/// The event is NULL (then NULL) or valid.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn scramtoken_audit_mechanism(
    event: *const scramtoken_audit_event,
) -> *const c_char {
    // SAFETY: the caller's promise.
    unsafe {
        field(event, ptr::null(), |event| {
            event.mechanism.map_or(ptr::null(), |name| mechanism_c_name(name).as_ptr())
        })
    }
}

/// Who asked: of a login, the name that the client gave, where one could be read (invalid UTF-8 is
/// replaced); otherwise a principal, or NULL of a sweep and a secret key.
///
/// # Safety
///
/// The event is NULL (then NULL) or valid.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn scramtoken_audit_requester(
    event: *const scramtoken_audit_event,
) -> *const c_char {
    // SAFETY: the caller's promise.
    unsafe { field(event, ptr::null(), |event| pointer(&event.requester)) }
}

/// The token's owner, where a token was found or was to be made: of a login a name, otherwise a
/// principal.
///
/// # Safety
///
/// The event is NULL (then NULL) or valid.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn scramtoken_audit_owner(
    event: *const scramtoken_audit_event,
) -> *const c_char {
    // SAFETY: the caller's promise.
    unsafe { field(event, ptr::null(), |event| pointer(&event.owner)) }
}

/// The token's id: of a login, where the name was taken for one; otherwise where there is a token.
///
/// # Safety
///
/// The event is NULL (then NULL) or valid.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn scramtoken_audit_token_id(
    event: *const scramtoken_audit_event,
) -> *const c_char {
    // SAFETY: the caller's promise.
    unsafe { field(event, ptr::null(), |event| pointer(&event.token_id)) }
}

/// Whether the client is a librdkafka before 2.6.1 that was let in as such.
///
/// # Safety
///
/// The event is NULL (then false) or valid.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn scramtoken_audit_doubled_nonce(
    event: *const scramtoken_audit_event,
) -> bool {
    // SAFETY: the caller's promise.
    unsafe { field(event, false, |event| event.doubled_nonce) }
}
