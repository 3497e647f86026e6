//! `scramtoken_server_config`: what all logins of one listener share.

use core::ffi::c_void;
use std::sync::Arc;

use once_cell::sync::OnceCell;
use zeroize::Zeroizing;

use super::audit::{Audit, scramtoken_audit_fn};
use super::boundary::{Object, bytes, call, check_out, hand_out, object, take_back};
use super::callback::{Callback, scramtoken_finalizer_fn};
use super::clock::{Clock, scramtoken_clock_fn};
use super::lookup::{LookupFn, scramtoken_lookup_fn};
use super::snapshots::Snapshots;
use super::status::scramtoken_status;
use super::store::scramtoken_store;
use crate::error::Error;
use crate::scram::{MockChallenges, ServerPolicy};
use crate::status::Status;
use crate::store::Store;

/// What the logins of one listener share. Settings are made by one thread; as a const pointer the
/// config serves any number of threads. A login takes it as it is at scramtoken_server_new.
pub struct scramtoken_server_config(pub(super) Snapshots<Settings>);

impl Object for scramtoken_server_config {}

#[derive(Clone)]
pub(super) struct Settings {
    pub(super) lookup: Lookups,
    pub(super) policy: ServerPolicy,
    mock_iterations: u32,
    /// As the host set it.
    mock_secret: Option<Arc<Zeroizing<Vec<u8>>>>,
    /// Shared by copies of the settings, so that all of them make up the same challenges.
    random_mock_secret: Arc<OnceCell<Zeroizing<[u8; 32]>>>,
    pub(super) clock: Clock,
    pub(super) audit: Audit,
}

/// Who answers lookups.
#[derive(Clone)]
pub(super) enum Lookups {
    /// Whoever calls step: it supplies.
    Caller,
    Callback(Arc<Callback<LookupFn>>),
    Store(Store),
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            lookup: Lookups::Caller,
            policy: ServerPolicy::default(),
            mock_iterations: 4096,
            mock_secret: None,
            random_mock_secret: Arc::default(),
            clock: Clock::default(),
            audit: Audit::default(),
        }
    }
}

impl Settings {
    /// Challenges for unknown names: from the secret that was set, or else the store's own, or else
    /// a random one for as long as the config lives.
    pub(super) fn mock_challenges(&self) -> Result<MockChallenges<'_>, Error> {
        let secret = match (&self.mock_secret, &self.lookup) {
            (Some(secret), _) => secret.as_slice(),
            (None, Lookups::Store(store)) => return Ok(store.mock_challenges(self.mock_iterations)),
            (None, Lookups::Caller | Lookups::Callback(_)) => {
                let random = || crate::random::bytes().map(Zeroizing::new);
                self.random_mock_secret.get_or_try_init(random)?.as_slice()
            }
        };
        Ok(MockChallenges::new(secret, self.mock_iterations))
    }
}

/// Changes the settings, of which running logins keep their own copy.
///
/// # Safety
///
/// As for [`object`].
unsafe fn set(
    config: *mut scramtoken_server_config,
    change: impl FnOnce(&mut Settings) -> Result<(), Error>,
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
            settings.lookup = Lookups::Store(object("store", store)?.0.clone());
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
            settings.lookup = Lookups::Callback(Arc::new(callback));
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
            settings.policy.implicit_tokens = implicit_tokens;
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
            settings.policy.doubled_nonce = doubled_nonce;
            Ok(())
        })
    }
}

/// Unknown names get a made-up challenge, whose salt comes from this secret (copied; not empty, best
/// 32 random bytes). Give every server of a cluster the same one, and keep it over restarts: a salt
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
        set(config, |settings| {
            let secret = bytes("secret", secret, secret_len)?;
            if secret.is_empty() {
                return Err(Error::new(Status::INVALID_ARGUMENT, "the mock secret is empty"));
            }
            settings.mock_secret = Some(Arc::new(Zeroizing::new(secret.to_vec())));
            Ok(())
        })
    }
}

/// The iteration count of made-up challenges (from 1): what the listener's users have. 4096 unless
/// set.
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
    unsafe {
        set(config, |settings| {
            if iterations == 0 {
                return Err(Error::new(Status::INVALID_ARGUMENT, "the iteration count is 0"));
            }
            settings.mock_iterations = iterations;
            Ok(())
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
            settings.clock = Clock::from_callback(clock, userdata, finalizer)?;
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
            settings.audit = Audit::from_callback(audit, userdata, finalizer)?;
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
