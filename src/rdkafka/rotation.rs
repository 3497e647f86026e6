//! Mode `credentials`: librdkafka logs in by itself, with what the source holds when a login begins.
//!
//! Nothing is in between, and TLS is librdkafka's own. It says no `tokenauth=true`: this is for SCRAM
//! users, and for tokens where the broker takes them without.

use core::cell::RefCell;
use std::ffi::CString;
use std::sync::Arc;

use parking_lot::Mutex;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::api::{Api, Handle};
use super::frames::{Answered, SASL_HANDSHAKE};
use crate::clock::now_ms;
use crate::source::Source;
use crate::{error::Error, status::Status};

/// What librdkafka is given. Zeroed on drop.
struct Pair {
    username: CString,
    password: Zeroizing<CString>,
}

/// The credentials of one client.
pub(super) struct Rotation {
    source: Arc<Source>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// What librdkafka has now; None before the first login.
    given: Option<Arc<Pair>>,
    /// The last error of the source that the operator was told.
    told: Option<String>,
}

thread_local! {
    /// What the login of this thread of librdkafka's began with.
    static LOGIN: RefCell<Option<Arc<Pair>>> = const { RefCell::new(None) };
}

impl Rotation {
    pub(super) fn new(source: Arc<Source>) -> Self {
        Self { source, state: Mutex::default() }
    }

    /// One of librdkafka's requests was answered: a login begins, or goes on.
    ///
    /// # Safety
    ///
    /// `handle` is the client's, and this thread holds no lock of librdkafka's.
    pub(super) unsafe fn answered(&self, answered: Answered, api: Api, handle: *mut Handle) {
        match answered {
            // SAFETY: passed on.
            Answered { is_good: true, api_key: SASL_HANDSHAKE } => unsafe {
                self.begin_login(api, handle);
            },
            // SAFETY: passed on.
            Answered { is_good: true, .. } => unsafe { self.continue_login(api, handle) },
            Answered { is_good: false, .. } => {}
        }
    }

    /// A login begins. Where the source cannot be read, what librdkafka has serves.
    ///
    /// # Safety
    ///
    /// `handle` is the client's, and this thread holds no lock of librdkafka's.
    unsafe fn begin_login(&self, api: Api, handle: *mut Handle) {
        let read = self.read();
        let mut state = self.state.lock();
        match read {
            Ok(pair) => {
                state.told = None;
                if state.given.as_ref().is_none_or(|given| !given.is(&pair)) {
                    // SAFETY: passed on.
                    unsafe { give(&mut state, api, handle, Arc::new(pair)) };
                }
            }
            Err(error) => {
                let text = format!("this login takes what was current before: {error}");
                if state.told.as_ref() != Some(&text) {
                    super::warn(&text);
                    state.told = Some(text);
                }
            }
        }
        LOGIN.set(state.given.clone());
    }

    /// librdkafka takes name and password in two steps, and another connection's login may have
    /// begun with a newer pair in between: this login goes on with its own.
    ///
    /// # Safety
    ///
    /// As of [`begin_login`](Self::begin_login).
    unsafe fn continue_login(&self, api: Api, handle: *mut Handle) {
        let Some(begun_with) = LOGIN.take() else { return };
        let mut state = self.state.lock();
        if state.given.as_ref().is_none_or(|given| !Arc::ptr_eq(given, &begun_with)) {
            // SAFETY: passed on.
            unsafe { give(&mut state, api, handle, begun_with) };
        }
    }

    fn read(&self) -> Result<Pair, Error> {
        let login = self.source.log_in(now_ms())?;
        if let Some(warning) = login.warning {
            super::warn(&warning);
        }
        let no_nul = |_| {
            Error::new(Status::INVALID_ARGUMENT, "the secret holds a NUL, which librdkafka ends at")
        };
        Ok(Pair {
            username: CString::new(login.credential.name()).map_err(no_nul)?,
            password: Zeroizing::new(CString::new(login.credential.secret()).map_err(no_nul)?),
        })
    }
}

impl Pair {
    fn is(&self, other: &Self) -> bool {
        self.username == other.username
            && bool::from(self.password.as_bytes().ct_eq(other.password.as_bytes()))
    }
}

/// # Safety
///
/// As of [`Rotation::begin_login`].
unsafe fn give(state: &mut State, api: Api, handle: *mut Handle, pair: Arc<Pair>) {
    let (username, password) = (pair.username.as_ptr(), pair.password.as_ptr());
    // SAFETY: two strings, which librdkafka copies. It fails for NULL alone.
    unsafe { (api.sasl_set_credentials)(handle, username, password) };
    state.given = Some(pair);
}
