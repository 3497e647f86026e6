//! The functions of the librdkafka that loaded us, found at run time.
//!
//! Two librdkafkas may live in one process (a Python wheel's and a system's), so each client uses
//! the one that its conf_init was called from.

use core::ffi::{CStr, c_char, c_int, c_void};
use core::mem::{self, MaybeUninit};
use core::ptr;

use crate::{error::Error, status::Status};

/// librdkafka's `rd_kafka_conf_t`.
#[repr(C)]
pub(super) struct Conf {
    _opaque: [u8; 0],
}

/// librdkafka's `rd_kafka_t`.
#[repr(C)]
pub(super) struct Handle {
    _opaque: [u8; 0],
}

/// rd_kafka_conf_res_t.
pub(super) const CONF_UNKNOWN: c_int = -2;
pub(super) const CONF_INVALID: c_int = -1;
pub(super) const CONF_OK: c_int = 0;

/// rd_kafka_resp_err_t.
pub(super) const NO_ERROR: c_int = 0;
pub(super) const ERR_INVALID_ARG: c_int = -186;
pub(super) const ERR_CONFLICT: c_int = -173;
pub(super) const ERR_FAIL: c_int = -196;

pub(super) type OnConfSet = unsafe extern "C" fn(
    *mut Conf,
    name: *const c_char,
    value: *const c_char,
    errstr: *mut c_char,
    errstr_size: usize,
    opaque: *mut c_void,
) -> c_int;
pub(super) type OnConfDup = unsafe extern "C" fn(
    new: *mut Conf,
    old: *const Conf,
    filter_count: usize,
    filter: *mut *const c_char,
    opaque: *mut c_void,
) -> c_int;
pub(super) type OnConfDestroy = unsafe extern "C" fn(opaque: *mut c_void) -> c_int;
pub(super) type OnNew = unsafe extern "C" fn(
    *mut Handle,
    *const Conf,
    opaque: *mut c_void,
    errstr: *mut c_char,
    errstr_size: usize,
) -> c_int;
pub(super) type OnRequestSent = unsafe extern "C" fn(
    *mut Handle,
    socket: c_int,
    broker: *const c_char,
    broker_id: i32,
    api_key: i16,
    api_version: i16,
    correlation_id: i32,
    size: usize,
    opaque: *mut c_void,
) -> c_int;
pub(super) type OnResponseReceived = unsafe extern "C" fn(
    *mut Handle,
    socket: c_int,
    broker: *const c_char,
    broker_id: i32,
    api_key: i16,
    api_version: i16,
    correlation_id: i32,
    size: usize,
    round_trip_us: i64,
    error: c_int,
    opaque: *mut c_void,
) -> c_int;

pub(super) type OnBrokerStateChange = unsafe extern "C" fn(
    *mut Handle,
    broker_id: i32,
    protocol: *const c_char,
    name: *const c_char,
    port: c_int,
    state: *const c_char,
    opaque: *mut c_void,
) -> c_int;

pub(super) type SocketCallback =
    unsafe extern "C" fn(domain: c_int, kind: c_int, protocol: c_int, opaque: *mut c_void) -> c_int;
pub(super) type ConnectCallback = unsafe extern "C" fn(
    socket: c_int,
    address: *const libc::sockaddr,
    address_len: c_int,
    id: *const c_char,
    opaque: *mut c_void,
) -> c_int;

pub(super) type CloseSocketCallback =
    unsafe extern "C" fn(socket: c_int, opaque: *mut c_void) -> c_int;

macro_rules! api {
    ($($(#[$doc:meta])* $field:ident: $symbol:literal = $type:ty;)*) => {
        /// The functions that we call, by their names without `rd_kafka_`.
        #[derive(Clone, Copy)]
        pub(super) struct Api {
            $($(#[$doc])* pub(super) $field: $type,)*
        }

        impl Api {
            fn from_library(library: &Library) -> Result<Self, Error> {
                Ok(Self {
                    // SAFETY: a function of this name in librdkafka has this type, in every
                    // version that has it (rdkafka.h).
                    $($field: unsafe {
                        mem::transmute::<*mut c_void, $type>(library.symbol($symbol)?)
                    },)*
                })
            }
        }
    };
}

type AddToConf<F> = unsafe extern "C" fn(*mut Conf, *const c_char, F, *mut c_void) -> c_int;
type AddToHandle<F> = unsafe extern "C" fn(*mut Handle, *const c_char, F, *mut c_void) -> c_int;

api! {
    conf_get: c"rd_kafka_conf_get"
        = unsafe extern "C" fn(*const Conf, *const c_char, *mut c_char, *mut usize) -> c_int;
    conf_set: c"rd_kafka_conf_set" = unsafe extern "C" fn(
        *mut Conf, *const c_char, *const c_char, *mut c_char, usize,
    ) -> c_int;
    conf_set_socket_cb: c"rd_kafka_conf_set_socket_cb"
        = unsafe extern "C" fn(*mut Conf, SocketCallback);
    conf_set_connect_cb: c"rd_kafka_conf_set_connect_cb"
        = unsafe extern "C" fn(*mut Conf, ConnectCallback);
    conf_set_closesocket_cb: c"rd_kafka_conf_set_closesocket_cb"
        = unsafe extern "C" fn(*mut Conf, CloseSocketCallback);
    add_on_conf_set: c"rd_kafka_conf_interceptor_add_on_conf_set" = AddToConf<OnConfSet>;
    add_on_conf_dup: c"rd_kafka_conf_interceptor_add_on_conf_dup" = AddToConf<OnConfDup>;
    add_on_conf_destroy: c"rd_kafka_conf_interceptor_add_on_conf_destroy"
        = AddToConf<OnConfDestroy>;
    add_on_new: c"rd_kafka_conf_interceptor_add_on_new" = AddToConf<OnNew>;
    add_on_request_sent: c"rd_kafka_interceptor_add_on_request_sent" = AddToHandle<OnRequestSent>;
    add_on_response_received: c"rd_kafka_interceptor_add_on_response_received"
        = AddToHandle<OnResponseReceived>;
    add_on_broker_state_change: c"rd_kafka_interceptor_add_on_broker_state_change"
        = AddToHandle<OnBrokerStateChange>;
    sasl_set_credentials: c"rd_kafka_sasl_set_credentials"
        = unsafe extern "C" fn(*mut Handle, *const c_char, *const c_char) -> *mut c_void;
}

impl Api {
    /// The functions of the object that `caller`, an address in its code, belongs to.
    ///
    /// # Errors
    ///
    /// `INVALID_STATE` when the object does not export them.
    pub(super) fn of_caller(caller: *const c_void) -> Result<Self, Error> {
        let object = object_of(caller);
        let candidates =
            [object.and_then(|object| Library::loaded(object.name)), Library::program()];
        for library in candidates.into_iter().flatten() {
            let version = library.symbol(c"rd_kafka_version").unwrap_or(ptr::null_mut());
            let found = object_of(version);
            // Not another librdkafka's that happens to come first in the global scope.
            if found.is_some()
                && (object.is_none() || found.map(|o| o.base) == object.map(|o| o.base))
            {
                return Self::from_library(&library);
            }
        }
        Err(Error::new(
            Status::INVALID_STATE,
            "librdkafka's functions cannot be found: a program that contains librdkafka must be \
             linked with -rdynamic, or use librdkafka as a shared library (Go: -tags dynamic)",
        ))
    }
}

/// A loaded shared object or the program itself.
#[derive(Clone, Copy)]
struct Object {
    base: *mut c_void,
    name: *const c_char,
}

fn object_of(address: *const c_void) -> Option<Object> {
    let mut info = MaybeUninit::<libc::Dl_info>::zeroed();
    // SAFETY: dladdr takes any address and writes `info`, which zeros are a valid value of.
    let info = unsafe {
        if address.is_null() || libc::dladdr(address, info.as_mut_ptr()) == 0 {
            return None;
        }
        info.assume_init()
    };
    (!info.dli_fname.is_null()).then_some(Object { base: info.dli_fbase, name: info.dli_fname })
}

/// A handle of dlopen's.
struct Library(*mut c_void);

impl Library {
    /// The object of that name, if it is loaded already.
    fn loaded(name: *const c_char) -> Option<Self> {
        // SAFETY: the name is dladdr's, a string that lives while its object is loaded, which it is
        // while it calls us. RTLD_NOLOAD runs no code of the object's.
        let handle = unsafe { libc::dlopen(name, libc::RTLD_LAZY | libc::RTLD_NOLOAD) };
        Self::open(handle)
    }

    fn open(handle: *mut c_void) -> Option<Self> {
        // Not then_some, which would make one of NULL too, and close it.
        (!handle.is_null()).then(|| Self(handle))
    }

    /// The program and what it was started with.
    fn program() -> Option<Self> {
        // SAFETY: NULL stands for the program.
        let handle = unsafe { libc::dlopen(ptr::null(), libc::RTLD_LAZY) };
        Self::open(handle)
    }

    fn symbol(&self, name: &CStr) -> Result<*mut c_void, Error> {
        // SAFETY: the handle is open and the name ends with a NUL.
        let symbol = unsafe { libc::dlsym(self.0, name.as_ptr()) };
        if symbol.is_null() {
            return Err(Error::new(
                Status::INVALID_STATE,
                format!("this librdkafka has no {name:?}: 2.0.0 or newer is needed"),
            ));
        }
        Ok(symbol)
    }
}

impl Drop for Library {
    fn drop(&mut self) {
        // SAFETY: the handle is open, and closed here alone. Its object stays loaded: librdkafka
        // is what has loaded us.
        unsafe { libc::dlclose(self.0) };
    }
}
