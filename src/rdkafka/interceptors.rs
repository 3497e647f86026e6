//! What librdkafka calls. No panic crosses these functions, and none of them blocks.

use core::cell::RefCell;
use core::ffi::{CStr, c_char, c_int, c_void};
use core::ptr;
use core::time::Duration;

use super::api::{
    Api, CONF_INVALID, CONF_OK, CONF_UNKNOWN, Conf, ERR_CONFLICT, ERR_FAIL, ERR_INVALID_ARG,
    Handle, NO_ERROR,
};
use super::boundary::{guard, string, write_error};
use super::client::{Client, Running};
use super::conf::{Owner, Settings, Way};
use super::event_loop::EventLoop;
use super::frames::{Answered, SASL_AUTHENTICATE, SASL_HANDSHAKE};
use super::{handover, network};
use crate::{error::Error, status::Status};

thread_local! {
    /// The settings of a configuration object that is being duplicated, for its copy's conf_init.
    static DUPLICATED: RefCell<Option<(*const Conf, Settings)>> = const { RefCell::new(None) };
}

/// conf_init, with the address in librdkafka's code from which it was called.
///
/// # Safety
///
/// librdkafka calls it as its plugin API says: `conf` is a configuration object, `errstr` has
/// `errstr_size` bytes.
pub(super) unsafe extern "C" fn conf_init(
    conf: *mut Conf,
    _plugin_opaque: *mut *mut c_void,
    errstr: *mut c_char,
    errstr_size: usize,
    caller: *const c_void,
) -> c_int {
    let result = guard(|| {
        let api = Api::of_caller(caller)?;
        // SAFETY: passed on.
        unsafe { install(api, conf) }
    });
    match result {
        Ok(()) => NO_ERROR,
        Err(error) => {
            // SAFETY: passed on.
            unsafe { write_error(&error, errstr, errstr_size) };
            ERR_INVALID_ARG
        }
    }
}

/// # Safety
///
/// `conf` is the object that conf_init was called with.
unsafe fn install(api: Api, conf: *mut Conf) -> Result<(), Error> {
    let duplicated =
        DUPLICATED.take().filter(|(copy, _)| ptr::eq(*copy, conf)).map(|(_, settings)| settings);
    let is_copy = duplicated.is_some();
    let client = Box::new(Client::new(api, duplicated.unwrap_or_default())?);
    let opaque: *mut c_void = Box::into_raw(client).cast();
    let name = NAME.as_ptr();

    // SAFETY: the object is librdkafka's own and the functions are of the types it declares. What
    // was added stays when a later call fails, so the one that frees comes first; until it is
    // there the box is still ours.
    unsafe {
        if let Err(error) = added((api.add_on_conf_destroy)(conf, name, on_conf_destroy, opaque)) {
            drop(Box::from_raw(opaque.cast::<Client>()));
            return Err(error);
        }
        match (api.add_on_conf_set)(conf, name, on_conf_set, opaque) {
            // plugin.library.paths was set a second time: the first one's client stays.
            ERR_CONFLICT => return Ok(()),
            result => added(result)?,
        }
        added((api.add_on_conf_dup)(conf, name, on_conf_dup, opaque))?;
        added((api.add_on_new)(conf, name, on_new, opaque))?;
        let client = Client::from_opaque(opaque);
        if !is_copy {
            client.read_before(conf)?;
        }
        client.apply(conf)
    }
}

/// # Safety
///
/// librdkafka calls it as an on_conf_destroy interceptor, once.
unsafe extern "C" fn on_conf_destroy(opaque: *mut c_void) -> c_int {
    let _ = guard(|| {
        // Of a client's configuration this is called when its threads have ended.
        EventLoop::wait_for_leaving(LONGEST_WAIT);
        // SAFETY: install made it with Box::into_raw, and librdkafka uses it no more: this is the
        // last of its interceptors to be called.
        drop(unsafe { Box::from_raw(opaque.cast::<Client>()) });
        Ok(())
    });
    NO_ERROR
}

/// # Safety
///
/// librdkafka calls it as an on_conf_set interceptor.
unsafe extern "C" fn on_conf_set(
    conf: *mut Conf,
    name: *const c_char,
    value: *const c_char,
    errstr: *mut c_char,
    errstr_size: usize,
    opaque: *mut c_void,
) -> c_int {
    let result = guard(|| {
        // SAFETY: strings of librdkafka's for this call, the value perhaps NULL; and our opaque.
        unsafe {
            let Some(Ok(name)) = string(name).map(CStr::to_str) else {
                return Ok(Owner::Librdkafka);
            };
            Client::from_opaque(opaque).set(conf, name, string(value))
        }
    });
    match result {
        Ok(Owner::Ours) => CONF_OK,
        Ok(Owner::Librdkafka) => CONF_UNKNOWN,
        Err(error) => {
            // SAFETY: passed on.
            unsafe { write_error(&error, errstr, errstr_size) };
            CONF_INVALID
        }
    }
}

/// # Safety
///
/// librdkafka calls it as an on_conf_dup interceptor.
unsafe extern "C" fn on_conf_dup(
    copy: *mut Conf,
    _original: *const Conf,
    filter_count: usize,
    filter: *mut *const c_char,
    opaque: *mut c_void,
) -> c_int {
    let _ = guard(|| {
        for i in 0..filter_count {
            // SAFETY: librdkafka passes this many strings.
            let prefix = unsafe { CStr::from_ptr(*filter.add(i)) };
            if PLUGIN_PATHS.to_bytes().starts_with(prefix.to_bytes()) {
                return Ok(()); // the copy will not load us
            }
        }
        // SAFETY: our opaque.
        let settings = unsafe { Client::from_opaque(opaque) }.settings();
        DUPLICATED.set(Some((copy, settings)));
        Ok(())
    });
    NO_ERROR
}

/// # Safety
///
/// librdkafka calls it as an on_new interceptor.
unsafe extern "C" fn on_new(
    handle: *mut Handle,
    conf: *const Conf,
    opaque: *mut c_void,
    errstr: *mut c_char,
    errstr_size: usize,
) -> c_int {
    let result = guard(|| {
        // SAFETY: our opaque, a live client, and functions of the types that librdkafka declares.
        unsafe {
            let client = Client::from_opaque(opaque);
            let (api, name) = (client.api, NAME.as_ptr());
            match client.settings().way() {
                Way::Relay => {
                    // The application has set its callbacks by now: this is the client's own
                    // configuration, and nothing connects yet.
                    client.take_network(conf.cast_mut())?;
                    client.begin()?;
                    let add = api.add_on_broker_state_change;
                    return added(add(handle, name, on_broker_state_change, opaque));
                }
                Way::Handover => {
                    added((api.add_on_request_sent)(handle, name, on_request_sent, opaque))?;
                }
                Way::Rotation => {}
            }
            client.begin()?;
            added((api.add_on_response_received)(handle, name, on_response_received, opaque))
        }
    });
    match result {
        Ok(()) => NO_ERROR,
        Err(error) => {
            // librdkafka goes on, with a credential that no broker knows. (A share consumer comes
            // here: it refuses interceptors.)
            super::warn(&format!("this client cannot log in: {error}"));
            // SAFETY: passed on.
            unsafe { write_error(&error, errstr, errstr_size) };
            ERR_FAIL
        }
    }
}

/// # Safety
///
/// librdkafka calls it as an on_request_sent interceptor.
unsafe extern "C" fn on_request_sent(
    _handle: *mut Handle,
    socket: c_int,
    _broker: *const c_char,
    _broker_id: i32,
    api_key: i16,
    api_version: i16,
    _correlation_id: i32,
    _size: usize,
    _opaque: *mut c_void,
) -> c_int {
    if api_key == SASL_HANDSHAKE {
        let _ = guard(|| {
            handover::handshake_sent(socket, api_version);
            Ok(())
        });
    }
    NO_ERROR
}

/// # Safety
///
/// librdkafka calls it as an on_response_received interceptor.
unsafe extern "C" fn on_response_received(
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
    if api_key != SASL_HANDSHAKE && api_key != SASL_AUTHENTICATE {
        return NO_ERROR;
    }
    let result = guard(|| {
        // SAFETY: our opaque.
        let client = unsafe { Client::from_opaque(opaque) };
        let answered = Answered { api_key, is_good: error == NO_ERROR };
        match client.running() {
            Some(Running::Logins(config)) => handover::answered(answered, config),
            Some(Running::Rotation(rotation)) => {
                // SAFETY: the client's handle, and librdkafka calls this without a lock.
                unsafe { rotation.answered(answered, client.api, handle) };
                Ok(())
            }
            None => Ok(()),
        }
    });
    if let Err(error) = result {
        // librdkafka finds its connection closed.
        super::warn(&format!("a login cannot begin: {error}"));
    }
    NO_ERROR
}

/// # Safety
///
/// librdkafka calls it as an on_broker_state_change interceptor.
unsafe extern "C" fn on_broker_state_change(
    _handle: *mut Handle,
    _broker_id: i32,
    _protocol: *const c_char,
    _name: *const c_char,
    _port: c_int,
    state: *const c_char,
    opaque: *mut c_void,
) -> c_int {
    let _ = guard(|| {
        // SAFETY: a string of librdkafka's, and our opaque.
        let (state, client) = unsafe { (CStr::from_ptr(state), Client::from_opaque(opaque)) };
        match state.to_bytes() {
            b"CONNECT" => client.connecting(),
            b"DOWN" => network::down(),
            _ => {}
        }
        Ok(())
    });
    NO_ERROR
}

fn added(result: c_int) -> Result<(), Error> {
    match result {
        NO_ERROR => Ok(()),
        error => Err(Error::new(
            Status::INVALID_STATE,
            format!("librdkafka does not take our interceptors (error {error})"),
        )),
    }
}

/// For what librdkafka has written to a broker that is slow.
const LONGEST_WAIT: Duration = Duration::from_secs(1);
/// The interceptors' name, by which librdkafka knows a second one.
const NAME: &CStr = c"scramtoken";
const PLUGIN_PATHS: &CStr = c"plugin.library.paths";
