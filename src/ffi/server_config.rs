//! `scramtoken_server_config`: what all logins of one listener share.

use core::ffi::{c_char, c_void};

use super::audit::{self, scramtoken_audit_fn};
use super::boundary::{Object, bytes, call, check_out, hand_out, object, string, take_back};
use super::callback::{Callback, scramtoken_finalizer_fn};
use super::clock::{self, scramtoken_clock_fn};
use super::lookup::{ask, scramtoken_lookup_fn};
use super::snapshots::Snapshots;
use super::status::scramtoken_status;
use super::store::scramtoken_store;
use crate::error::Error;
use crate::login::ServerConfig;
use crate::scram::{Mechanism, ServerPolicy};
use crate::status::Status;

/// What the logins of one listener share. Settings are made by one thread; as a const pointer the
/// config serves any number of threads. A login takes it as it is at scramtoken_server_new.
pub struct scramtoken_server_config(pub(super) Snapshots<ServerConfig>);

impl Object for scramtoken_server_config {}

/// Changes the settings, of which running logins keep their own copy.
///
/// # Safety
///
/// As for [`object`].
unsafe fn set(
    config: *mut scramtoken_server_config,
    change: impl FnOnce(&mut ServerConfig) -> Result<(), Error>,
) -> scramtoken_status {
    call(|| {
        // SAFETY: the caller's promise.
        unsafe { object("config", config)? }.0.change(change)?;
        Ok(Status::OK)
    })
}

/// # Server config: what the logins of a listener share
///
/// Makes a config without lookup or store: a step then returns NEED_CREDENTIAL and the caller supplies. To be
/// freed by scramtoken_server_config_free.
///
/// Errors: INVALID_ARGUMENT.
///
/// # Safety
///
/// `out` is NULL or may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn scramtoken_server_config_new(
    out: *mut *mut scramtoken_server_config,
) -> scramtoken_status {
    call(|| {
        check_out("out", out)?;
        // SAFETY: not NULL, and the caller promises that it may be written.
        unsafe { hand_out(out, scramtoken_server_config(Snapshots::default())) };
        Ok(Status::OK)
    })
}

/// Lets this store answer lookups, in place of an earlier store or callback. With implicit tokens a
/// name that is a user's in any mechanism is never taken for a token's id; the tokens of a secret key
/// that was removed are unknown.
///
/// Errors: INVALID_ARGUMENT.
///
/// # Safety
///
/// The config is NULL or a living object, and so is the store.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn scramtoken_server_config_set_store(
    config: *mut scramtoken_server_config,
    store: *const scramtoken_store,
) -> scramtoken_status {
    // SAFETY: the caller's promise.
    unsafe {
        set(config, |settings| {
            settings.set_store(&object("store", store)?.0);
            Ok(())
        })
    }
}

/// Lets this callback answer lookups, in place of an earlier callback or store.
///
/// Errors: INVALID_ARGUMENT; the finalizer then does not run.
///
/// # Safety
///
/// The config is NULL or a living object; function, userdata and finalizer belong together.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn scramtoken_server_config_set_lookup(
    config: *mut scramtoken_server_config,
    lookup: scramtoken_lookup_fn,
    userdata: *mut c_void,
    finalizer: scramtoken_finalizer_fn,
) -> scramtoken_status {
    // SAFETY: the caller's promise.
    unsafe {
        set(config, |settings| {
            let callback = Callback::new("lookup", lookup, userdata, finalizer)?;
            settings.set_lookup(move |question, made_up| ask(&callback, question, made_up));
            Ok(())
        })
    }
}

/// Lets a client that cannot send tokenauth=true (every librdkafka) log in with a token's id and
/// HMAC. A user goes first: a name with a user credential in any mechanism is never taken for a
/// token's id. Lookups are then SCRAMTOKEN_IDENTITY_EITHER. Off unless set.
///
/// Errors: INVALID_ARGUMENT.
///
/// # Safety
///
/// The config is NULL or a living object.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn scramtoken_server_config_set_implicit_tokens(
    config: *mut scramtoken_server_config,
    implicit_tokens: bool,
) -> scramtoken_status {
    // SAFETY: the caller's promise.
    unsafe {
        set(config, |settings| {
            settings.set_policy(ServerPolicy { implicit_tokens, ..settings.policy() });
            Ok(())
        })
    }
}

/// Accepts exactly client nonce + client nonce + server nonce from a librdkafka older than 2.6.1; the
/// verdict says so. Off unless set.
///
/// Errors: INVALID_ARGUMENT.
///
/// # Safety
///
/// The config is NULL or a living object.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn scramtoken_server_config_set_doubled_nonce(
    config: *mut scramtoken_server_config,
    doubled_nonce: bool,
) -> scramtoken_status {
    // SAFETY: the caller's promise.
    unsafe {
        set(config, |settings| {
            settings.set_policy(ServerPolicy { doubled_nonce, ..settings.policy() });
            Ok(())
        })
    }
}

/// Unknown names get a made-up challenge, whose salt is derived from this secret (copied; not empty,
/// best 32 random bytes), the name, the mechanism, and whether a user or a token was asked for. Where
/// either would do, a name in the form of Kafka's token ids (22 of A-Z a-z 0-9 - _) counts as a token.
/// Give every server of a cluster the same one, and keep it over restarts: a salt
/// that changes shows that the name is unknown. Unless set, a store has one of its own, and without a
/// store it is random for each config.
///
/// Errors: INVALID_ARGUMENT.
///
/// # Safety
///
/// The config is NULL or a living object, the secret fits its length.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn scramtoken_server_config_set_mock_secret(
    config: *mut scramtoken_server_config,
    secret: *const u8,
    secret_len: usize,
) -> scramtoken_status {
    // SAFETY: the caller's promise.
    unsafe {
        set(config, |settings| settings.set_mock_secret(bytes("secret", secret, secret_len)?))
    }
}

/// The iteration count of made-up challenges for users (from 1): what the listener's users have. 4096
/// unless set.
///
/// Errors: INVALID_ARGUMENT.
///
/// # Safety
///
/// The config is NULL or a living object.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn scramtoken_server_config_set_mock_iterations(
    config: *mut scramtoken_server_config,
    iterations: u32,
) -> scramtoken_status {
    // SAFETY: the caller's promise.
    unsafe { set(config, |settings| settings.set_mock_iterations(iterations)) }
}

/// The iteration count of a mechanism's made-up challenges for tokens (from 1): what
/// scramtoken_token_manager_set_iterations, or whoever makes the tokens, gives to real ones. 4096 unless
/// set, as Kafka's tokens have.
///
/// Errors: INVALID_ARGUMENT, UNSUPPORTED_MECHANISM.
///
/// # Safety
///
/// The config is NULL or a living object, `mechanism` is NULL or NUL-terminated.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn scramtoken_server_config_set_mock_token_iterations(
    config: *mut scramtoken_server_config,
    mechanism: *const c_char,
    iterations: u32,
) -> scramtoken_status {
    // SAFETY: the caller's promise.
    unsafe {
        set(config, |settings| {
            let mechanism = Mechanism::from_name(string("mechanism", mechanism)?)?;
            settings.set_mock_token_iterations(mechanism, iterations)
        })
    }
}

/// The clock for tokens' expiry and for audit events, in place of the system's.
///
/// Errors: INVALID_ARGUMENT; the finalizer then does not run.
///
/// # Safety
///
/// The config is NULL or a living object; function, userdata and finalizer belong together.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn scramtoken_server_config_set_clock(
    config: *mut scramtoken_server_config,
    clock: scramtoken_clock_fn,
    userdata: *mut c_void,
    finalizer: scramtoken_finalizer_fn,
) -> scramtoken_status {
    // SAFETY: the caller's promise.
    unsafe {
        set(config, |settings| {
            settings.set_clock(clock::from_callback(clock, userdata, finalizer)?);
            Ok(())
        })
    }
}

/// Tells this callback of each decided login.
///
/// Errors: INVALID_ARGUMENT; the finalizer then does not run.
///
/// # Safety
///
/// The config is NULL or a living object; function, userdata and finalizer belong together.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn scramtoken_server_config_set_audit(
    config: *mut scramtoken_server_config,
    audit: scramtoken_audit_fn,
    userdata: *mut c_void,
    finalizer: scramtoken_finalizer_fn,
) -> scramtoken_status {
    // SAFETY: the caller's promise.
    unsafe {
        set(config, |settings| {
            settings.set_audit(audit::from_callback(audit, userdata, finalizer)?);
            Ok(())
        })
    }
}

/// Frees a config; logins that use it keep its settings alive. NULL is fine.
///
/// # Safety
///
/// The config is NULL or came from scramtoken_server_config_new, and is not used again.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn scramtoken_server_config_free(config: *mut scramtoken_server_config) {
    // SAFETY: the caller's promise.
    unsafe { take_back(config) };
}
