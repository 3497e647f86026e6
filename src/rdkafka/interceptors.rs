//! What librdkafka calls. No panic crosses these functions, and none of them blocks.

use core::cell::{Cell, RefCell};
use core::ffi::{CStr, c_char, c_int, c_void};
use core::ptr;
use core::time::Duration;
use std::os::fd::RawFd;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::api::{
    Api, CONF_INVALID, CONF_OK, CONF_UNKNOWN, Conf, ERR_CONFLICT, ERR_FAIL, ERR_INVALID_ARG,
    Handle, NO_ERROR,
};
use super::client::Client;
use super::conf::{Mode, Owner, Settings};
use super::event_loop::EventLoop;
use super::frames::{SASL_AUTHENTICATE, SASL_HANDSHAKE};
use super::handover::Handover;
use super::{network, rotation};
use crate::{error::Error, status::Status};

thread_local! {
    /// The settings of a configuration object that is being duplicated, for its copy's conf_init.
    static DUPLICATED: RefCell<Option<(*const Conf, Settings)>> = const { RefCell::new(None) };
    /// The login of the connection that this thread of librdkafka's serves.
    static LOGIN: RefCell<Option<Handover>> = const { RefCell::new(None) };
    /// The socket on which this thread has sent SaslHandshake: the response's interceptor is not
    /// told it.
    static HANDSHAKE_SOCKET: Cell<Option<RawFd>> = const { Cell::new(None) };
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
            let Some(Ok(name)) = string(name) else { return Ok(Owner::Librdkafka) };
            let client = Client::from_opaque(opaque);
            match string(value) {
                None => client.set(conf, name, None),
                Some(Ok(value)) => client.set(conf, name, Some(value)),
                Some(Err(_)) if name.starts_with("scramtoken.") => Err(Error::new(
                    Status::INVALID_ARGUMENT,
                    format!("the value of {name} is not UTF-8"),
                )),
                Some(Err(_)) => Ok(Owner::Librdkafka),
            }
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
            let settings = client.settings();
            if settings.mode == Mode::Credentials {
                client.begin_rotation()?;
                let add = api.add_on_response_received;
                return added(add(handle, name, rotation::on_response_received, opaque));
            }
            if settings.is_relayed() {
                // The application has set its callbacks by now: this is the client's own
                // configuration, and nothing connects yet.
                client.take_network(conf.cast_mut())?;
                client.begin_logins()?;
                let add = api.add_on_broker_state_change;
                return added(add(handle, name, on_broker_state_change, opaque));
            }
            client.begin_logins()?;
            added((api.add_on_request_sent)(handle, name, on_request_sent, opaque))?;
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
            // A login that was under way on an earlier connection is over.
            LOGIN.take();
            // Version 0 is followed by messages without a frame; the broker then refuses the
            // stand-in.
            HANDSHAKE_SOCKET.set((api_version >= 1 && socket >= 0).then_some(socket));
            Ok(())
        });
    }
    NO_ERROR
}

/// # Safety
///
/// librdkafka calls it as an on_response_received interceptor.
unsafe extern "C" fn on_response_received(
    _handle: *mut Handle,
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
        if error != NO_ERROR {
            // The connection may be closed already, and its number be another's.
            LOGIN.take();
            HANDSHAKE_SOCKET.take();
            return Ok(());
        }
        if api_key == SASL_HANDSHAKE {
            // SAFETY: our opaque.
            let client = unsafe { Client::from_opaque(opaque) };
            if let (Some(socket), Some(config)) = (HANDSHAKE_SOCKET.get(), client.logins()) {
                LOGIN.set(Some(Handover::begin(socket, config)?));
            }
            return Ok(());
        }
        let accepted = LOGIN.with_borrow(|login| login.as_ref().is_some_and(Handover::is_accepted));
        if accepted && let (Some(login), Some(socket)) = (LOGIN.take(), HANDSHAKE_SOCKET.take()) {
            login.finish(socket);
        }
        Ok(())
    });
    if let Err(error) = result {
        // The broker will refuse the stand-in.
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

/// Runs a function of ours; a panic becomes an error.
pub(super) fn guard<T>(run: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
    // What a panic leaves behind is dropped with its login, or was not changed yet.
    catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|_| {
        Err(Error::new(Status::INTERNAL, "a fault in scramtoken: please report it"))
    })
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

/// # Safety
///
/// NULL or a string that outlives the borrow.
unsafe fn string<'a>(text: *const c_char) -> Option<Result<&'a str, core::str::Utf8Error>> {
    // SAFETY: it is a string unless it is NULL.
    (!text.is_null()).then(|| unsafe { CStr::from_ptr(text) }.to_str())
}

/// # Safety
///
/// `errstr` is NULL or has `errstr_size` bytes.
unsafe fn write_error(error: &Error, errstr: *mut c_char, errstr_size: usize) {
    let Some(room) = errstr_size.checked_sub(1) else { return };
    if errstr.is_null() {
        return;
    }
    let text = format!("scramtoken: {}", error.text());
    let length = text.len().min(room);
    // SAFETY: length + 1 bytes are at most errstr_size, and the text is elsewhere.
    unsafe {
        ptr::copy_nonoverlapping(text.as_ptr().cast(), errstr, length);
        *errstr.add(length) = 0;
    }
}

/// The interceptors' name, by which librdkafka knows a second one.
/// For what librdkafka has written to a broker that is slow.
const LONGEST_WAIT: Duration = Duration::from_secs(1);
const NAME: &CStr = c"scramtoken";
const PLUGIN_PATHS: &CStr = c"plugin.library.paths";
