//! `scramtoken_token_manager`: the authority over a store's tokens.

use core::ffi::{CStr, c_char, c_void};
use core::ptr;

use super::audit::{self, scramtoken_audit_fn};
use super::boundary::{
    Object, bytes, c_string, call, check_out, hand_out, object, string, take_back,
};
use super::callback::{Callback, scramtoken_finalizer_fn};
use super::clock::{self, scramtoken_clock_fn};
use super::snapshots::Snapshots;
use super::status::scramtoken_status;
use super::store::scramtoken_store;
use crate::authority::{Question, TokenManager, TokenOperation};
use crate::clock::Clock;
use crate::error::Error;
use crate::scram::Mechanism;
use crate::status::Status;

/// Makes, renews, expires and describes the tokens of a store (KIP-48, KIP-373), by the rules of
/// Kafka's KRaft controller. Settings are made by one thread; as a const pointer it serves any
/// number of threads. A call takes the settings as they are when it begins, but secret keys as they
/// are when it needs them. It keeps the store alive. Managers of one store may work at the same time,
/// in other processes too.
pub struct scramtoken_token_manager(pub(super) Snapshots<Authority>);

impl Object for scramtoken_token_manager {}

/// What a call works with.
#[derive(Clone)]
pub(super) struct Authority {
    pub(super) manager: TokenManager,
    pub(super) clock: Clock,
}

/// What an authorizer is asked about: to make a token for another owner.
pub const SCRAMTOKEN_OPERATION_CREATE: i32 = 1;
/// What an authorizer is asked about: to see a token of another owner.
pub const SCRAMTOKEN_OPERATION_DESCRIBE: i32 = 2;

/// May `requester` do this to a token of another `owner`? 1: yes; anything else: no. Both are
/// principals; `token_id` is NULL for SCRAMTOKEN_OPERATION_CREATE. Strings are valid within the
/// callback, from which the library may be called. May run on several threads at once and must not
/// unwind.
pub type scramtoken_authorizer_fn = Option<
    unsafe extern "C" fn(
        userdata: *mut c_void,
        requester: *const c_char,
        operation: i32,
        owner: *const c_char,
        token_id: *const c_char,
    ) -> i32,
>;

type AuthorizerFn =
    unsafe extern "C" fn(*mut c_void, *const c_char, i32, *const c_char, *const c_char) -> i32;

/// Whether the callback says yes.
fn ask(callback: &Callback<AuthorizerFn>, question: &Question<'_>) -> bool {
    let (operation, token_id) = match question.operation {
        TokenOperation::Create => (SCRAMTOKEN_OPERATION_CREATE, None),
        TokenOperation::Describe { token_id } => {
            (SCRAMTOKEN_OPERATION_DESCRIBE, Some(c_string(token_id)))
        }
    };
    let (requester, owner) = (c_string(question.requester), c_string(question.owner));
    let token_id = token_id.as_deref().map_or(ptr::null(), CStr::as_ptr);
    // SAFETY: the function is the host's for this userdata, which its finalizer has not freed yet;
    // the strings outlive the call.
    let answer = unsafe {
        (callback.function())(
            callback.userdata(),
            requester.as_ptr(),
            operation,
            owner.as_ptr(),
            token_id,
        )
    };
    answer == 1
}

/// Changes a setting, of which running calls keep the earlier one.
///
/// # Safety
///
/// As for [`object`].
unsafe fn set(
    manager: *mut scramtoken_token_manager,
    change: impl FnOnce(&mut Authority) -> Result<(), Error>,
) -> scramtoken_status {
    call(|| {
        // SAFETY: the caller's promise.
        unsafe { object("manager", manager)? }.0.change(change)?;
        Ok(Status::OK)
    })
}

/// Does something with one of the secret keys.
///
/// # Safety
///
/// As for [`object`] and [`string`].
unsafe fn on_key(
    manager: *const scramtoken_token_manager,
    key_id: *const c_char,
    body: impl FnOnce(&Authority, &str) -> Result<(), Error>,
) -> scramtoken_status {
    call(|| {
        // SAFETY: the caller's promise.
        let (manager, key_id) = unsafe { (object("manager", manager)?, string("key_id", key_id)?) };
        body(&manager.0.current(), key_id)?;
        Ok(Status::OK)
    })
}

/// # Token manager: the authority over a store's tokens
///
/// Makes a manager over a store. Without a secret key it is switched off: every operation is
/// TOKEN_AUTH_DISABLED. To be freed by scramtoken_token_manager_free.
///
/// Errors: INVALID_ARGUMENT.
///
/// # Safety
///
/// The store is NULL or a living object, `out` NULL or may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn scramtoken_token_manager_new(
    store: *const scramtoken_store,
    out: *mut *mut scramtoken_token_manager,
) -> scramtoken_status {
    call(|| {
        check_out("out", out)?;
        // SAFETY: the caller's promise.
        let store = unsafe { object("store", store)? };
        let authority = Authority { manager: TokenManager::new(&store.0), clock: Clock::default() };
        // SAFETY: not NULL, and the caller promises that it may be written.
        unsafe { hand_out(out, scramtoken_token_manager(Snapshots::new(authority))) };
        Ok(Status::OK)
    })
}

/// Adds a secret key (copied; at least 16 bytes, best 32 random ones as base64 text) under a name,
/// so that keys can be rotated without an outage: every key verifies, the first one added signs new
/// tokens until scramtoken_token_manager_set_signing_key names another. The same bytes as Kafka's
/// delegation.token.secret.key give the same HMACs. The store remembers name and fingerprint; a key
/// that the manager has already is no error. A token whose key this manager lacks can be renewed
/// and expired, and is described with a NULL HMAC.
///
/// Errors: INVALID_ARGUMENT for a secret that is too short, a name that the store knows with
/// another secret, a secret that it knows by another name, and either of a removed key; IO,
/// CORRUPT; INVALID_STATE for a new key on a store that was opened read-only.
///
/// # Safety
///
/// The manager is NULL or a living object, the secret fits its length, `key_id` is NULL or a C
/// string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn scramtoken_token_manager_add_secret_key(
    manager: *const scramtoken_token_manager,
    key_id: *const c_char,
    secret: *const u8,
    secret_len: usize,
) -> scramtoken_status {
    // SAFETY: the caller's promise.
    unsafe {
        on_key(manager, key_id, |manager, key_id| {
            manager.manager.add_secret_key(key_id, bytes("secret", secret, secret_len)?)
        })
    }
}

/// Lets another of the manager's secret keys sign new tokens.
///
/// Errors: INVALID_ARGUMENT, also for a name that the manager lacks; INVALID_STATE (the store was
/// opened before a fork).
///
/// # Safety
///
/// The manager is NULL or a living object, `key_id` is NULL or a C string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn scramtoken_token_manager_set_signing_key(
    manager: *const scramtoken_token_manager,
    key_id: *const c_char,
) -> scramtoken_status {
    // SAFETY: the caller's promise.
    unsafe { on_key(manager, key_id, |manager, key_id| manager.manager.set_signing_key(key_id)) }
}

/// Removes a secret key for good, one of this manager or one that the store alone knows. That ends
/// its tokens, for every server at once; `tokens_ended` (NULL: not asked for) says how many,
/// expired ones too. The store remembers it: no manager signs with it again, and neither name nor
/// secret can be used again. To remove one again is OK and ends nothing.
///
/// Errors: INVALID_ARGUMENT, also for a name that the store does not know; INVALID_STATE for the
/// key that signs; IO, CORRUPT.
///
/// # Safety
///
/// The manager is NULL or a living object, `key_id` is NULL or a C string, `tokens_ended` NULL or
/// may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn scramtoken_token_manager_remove_secret_key(
    manager: *const scramtoken_token_manager,
    key_id: *const c_char,
    tokens_ended: *mut usize,
) -> scramtoken_status {
    // SAFETY: the caller's promise.
    unsafe {
        on_key(manager, key_id, |manager, key_id| {
            let ended = manager.manager.remove_secret_key(key_id, manager.clock.now_ms())?;
            if !tokens_ended.is_null() {
                tokens_ended.write(usize::try_from(ended).unwrap_or(usize::MAX));
            }
            Ok(())
        })
    }
}

/// How long tokens live at most, and for how long one is good until it has to be renewed, in
/// milliseconds: Kafka's delegation.token.max.lifetime.ms (seven days unless set) and
/// delegation.token.expiry.time.ms (one day).
///
/// Errors: INVALID_ARGUMENT unless both are above 0.
///
/// # Safety
///
/// The manager is NULL or a living object.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn scramtoken_token_manager_set_lifetimes(
    manager: *mut scramtoken_token_manager,
    max_lifetime_ms: i64,
    expiry_time_ms: i64,
) -> scramtoken_status {
    // SAFETY: the caller's promise.
    unsafe {
        set(manager, |manager| manager.manager.set_lifetimes(max_lifetime_ms, expiry_time_ms))
    }
}

/// How many iterations a mechanism's credentials of new tokens take: 4096 (for both, unless set) to
/// 1,000,000, or 0 for none, so that tokens cannot log in by it. Deriving them is most of what it
/// takes to make a token.
///
/// Errors: INVALID_ARGUMENT, also where both mechanisms would have none; UNSUPPORTED_MECHANISM.
///
/// # Safety
///
/// The manager is NULL or a living object, `mechanism` NULL or a C string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn scramtoken_token_manager_set_iterations(
    manager: *mut scramtoken_token_manager,
    mechanism: *const c_char,
    iterations: u32,
) -> scramtoken_status {
    // SAFETY: the caller's promise.
    unsafe {
        set(manager, |manager| {
            let mechanism = Mechanism::from_name(string("mechanism", mechanism)?)?;
            manager.manager.set_iterations(mechanism, iterations)
        })
    }
}

/// The clock for tokens and audit events, in place of the system's.
///
/// Errors: INVALID_ARGUMENT; the finalizer then does not run.
///
/// # Safety
///
/// The manager is NULL or a living object; function, userdata and finalizer belong together.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn scramtoken_token_manager_set_clock(
    manager: *mut scramtoken_token_manager,
    clock: scramtoken_clock_fn,
    userdata: *mut c_void,
    finalizer: scramtoken_finalizer_fn,
) -> scramtoken_status {
    // SAFETY: the caller's promise.
    unsafe {
        set(manager, |manager| {
            manager.clock = clock::from_callback(clock, userdata, finalizer)?;
            Ok(())
        })
    }
}

/// Tells this callback of each token made, renewed, expired or swept and each secret key removed,
/// or why not; not of what is described. It runs outside transactions.
///
/// Errors: INVALID_ARGUMENT; the finalizer then does not run.
///
/// # Safety
///
/// The manager is NULL or a living object; function, userdata and finalizer belong together.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn scramtoken_token_manager_set_audit(
    manager: *mut scramtoken_token_manager,
    audit: scramtoken_audit_fn,
    userdata: *mut c_void,
    finalizer: scramtoken_finalizer_fn,
) -> scramtoken_status {
    // SAFETY: the caller's promise.
    unsafe {
        set(manager, |manager| {
            let told = audit::from_callback(audit, userdata, finalizer)?;
            manager.manager.set_audit(move |event| told(&event));
            Ok(())
        })
    }
}

/// Lets this callback decide who may make and see tokens of others. Without it nobody may.
///
/// Errors: INVALID_ARGUMENT; the finalizer then does not run.
///
/// # Safety
///
/// The manager is NULL or a living object; function, userdata and finalizer belong together.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn scramtoken_token_manager_set_authorizer(
    manager: *mut scramtoken_token_manager,
    authorizer: scramtoken_authorizer_fn,
    userdata: *mut c_void,
    finalizer: scramtoken_finalizer_fn,
) -> scramtoken_status {
    // SAFETY: the caller's promise.
    unsafe {
        set(manager, |manager| {
            let callback = Callback::new("authorizer", authorizer, userdata, finalizer)?;
            manager.manager.set_authorizer(move |question| ask(&callback, question));
            Ok(())
        })
    }
}

/// Frees a manager and zeroes its secret keys; its tokens stay in the store. NULL is fine.
///
/// # Safety
///
/// The manager is NULL or came from scramtoken_token_manager_new, and is not used again.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn scramtoken_token_manager_free(manager: *mut scramtoken_token_manager) {
    // SAFETY: the caller's promise.
    unsafe { take_back(manager) };
}
