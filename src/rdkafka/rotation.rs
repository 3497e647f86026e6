//! Mode `credentials`: librdkafka logs in by itself, with what the source holds when a login begins.
//!
//! Nothing is in between, and TLS is librdkafka's own. It says no `tokenauth=true`: this is for SCRAM
//! users, and for tokens where the broker takes them without.

use core::cell::RefCell;
use core::ffi::{c_char, c_int, c_void};
use std::ffi::CString;
use std::sync::Arc;

use parking_lot::Mutex;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::api::{Handle, NO_ERROR};
use super::client::Client;
use super::frames::{SASL_AUTHENTICATE, SASL_HANDSHAKE};
use super::interceptors::guard;
use super::login::now_ms;
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

    /// A login begins. Where the source cannot be read, what librdkafka has serves.
    ///
    /// # Safety
    ///
    /// `handle` is the client's, and this thread holds no lock of librdkafka's.
    unsafe fn begin_login(&self, client: &Client, handle: *mut Handle) {
        let read = self.read();
        let mut state = self.state.lock();
        match read {
            Ok(pair) => {
                state.told = None;
                if state.given.as_ref().is_none_or(|given| !given.is(&pair)) {
                    // SAFETY: passed on.
                    unsafe { give(&mut state, client, handle, Arc::new(pair)) };
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
    unsafe fn continue_login(&self, client: &Client, handle: *mut Handle) {
        let Some(begun_with) = LOGIN.take() else { return };
        let mut state = self.state.lock();
        if state.given.as_ref().is_none_or(|given| !Arc::ptr_eq(given, &begun_with)) {
            // SAFETY: passed on.
            unsafe { give(&mut state, client, handle, begun_with) };
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
unsafe fn give(state: &mut State, client: &Client, handle: *mut Handle, pair: Arc<Pair>) {
    let (username, password) = (pair.username.as_ptr(), pair.password.as_ptr());
    // SAFETY: two strings, which librdkafka copies. It fails for NULL alone.
    unsafe { (client.api.sasl_set_credentials)(handle, username, password) };
    state.given = Some(pair);
}

/// # Safety
///
/// librdkafka calls it as an on_response_received interceptor.
pub(super) unsafe extern "C" fn on_response_received(
    handle: *mut Handle,
    _socket: c_int,
    _broker: *const c_char,
    _broker_id: i32,
    api_key: i16,
    _api_version: i16,
    _correlation_id: i32,
    _size: usize,
    _round_trip_us: i64,
    error: c_int,
    opaque: *mut c_void,
) -> c_int {
    if error == NO_ERROR && (api_key == SASL_HANDSHAKE || api_key == SASL_AUTHENTICATE) {
        let _ = guard(|| {
            // SAFETY: our opaque, the client's handle, and librdkafka calls this without a lock.
            unsafe {
                let client = Client::from_opaque(opaque);
                let Some(rotation) = client.rotation() else { return Ok(()) };
                if api_key == SASL_HANDSHAKE {
                    rotation.begin_login(client, handle);
                } else {
                    rotation.continue_login(client, handle);
                }
            }
            Ok(())
        });
    }
    NO_ERROR
}
