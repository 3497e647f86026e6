//! One configuration object of librdkafka's, and the client that is made of it.

use core::ffi::{CStr, c_char, c_int, c_void};
use core::mem;
use core::sync::atomic::{AtomicBool, Ordering};
use std::ffi::CString;
use std::sync::Arc;

use parking_lot::Mutex;
use zeroize::Zeroizing;

use super::api::{Api, CONF_OK, CloseSocketCallback, Conf, ConnectCallback, SocketCallback};
use super::conf::{Owner, Settings, Way, read_before};
use super::login::{LoginConfig, without_source};
use super::network;
use super::rotation::Rotation;
use super::source_reader::SourceReader;
use super::stand_in::{StandIn, StandInPassword, USERNAME};
use super::tls::VERIFY_CB;
use crate::{error::Error, status::Status};

/// What the interceptors of one configuration object share. librdkafka has it as their opaque
/// pointer, from conf_init until on_conf_destroy.
pub(super) struct Client {
    pub(super) api: Api,
    settings: Mutex<Settings>,
    stand_in: StandInPassword,
    /// While we set properties of librdkafka's ourselves.
    nested: AtomicBool,
    /// None before on_new.
    running: Mutex<Option<Running>>,
}

/// What the connections of a client have in common once it is made.
#[derive(Clone)]
pub(super) enum Running {
    Logins(Arc<LoginConfig>),
    Rotation(Arc<Rotation>),
}

impl Client {
    pub(super) fn new(api: Api, settings: Settings) -> Result<Self, Error> {
        Ok(Self {
            api,
            settings: Mutex::new(settings),
            stand_in: StandInPassword::new()?,
            nested: AtomicBool::new(false),
            running: Mutex::default(),
        })
    }

    /// The client behind an interceptor's opaque pointer.
    ///
    /// # Safety
    ///
    /// It is the pointer that conf_init handed out, and on_conf_destroy has not had it yet.
    pub(super) unsafe fn from_opaque<'a>(opaque: *mut c_void) -> &'a Self {
        // SAFETY: conf_init made it with Box::into_raw, and only on_conf_destroy takes it back.
        unsafe { &*opaque.cast_const().cast() }
    }

    pub(super) fn settings(&self) -> Settings {
        self.settings.lock().clone()
    }

    /// Takes over what was set before the plugin was loaded.
    ///
    /// # Safety
    ///
    /// `conf` is the object that conf_init was called with.
    pub(super) unsafe fn read_before(&self, conf: *const Conf) -> Result<(), Error> {
        for (name, default) in read_before() {
            // SAFETY: passed on.
            let Some(value) = (unsafe { self.get(conf, name) }) else { continue };
            let value = str::from_utf8(&value).map_err(|_| not_utf8(name))?;
            if !value.eq_ignore_ascii_case(default) {
                self.settings.lock().set(name, Some(value))?;
            }
        }
        Ok(())
    }

    /// on_conf_set: takes what is ours, and tells librdkafka what follows of it.
    ///
    /// # Safety
    ///
    /// `conf` is the object that librdkafka calls on_conf_set for.
    pub(super) unsafe fn set(
        &self,
        conf: *mut Conf,
        name: &str,
        value: Option<&CStr>,
    ) -> Result<Owner, Error> {
        if self.nested.load(Ordering::Relaxed) || !Settings::knows(name) {
            return Ok(Owner::Librdkafka);
        }
        let value = value.map(CStr::to_str).transpose().map_err(|_| not_utf8(name))?;
        // What is refused must not come up again at the next property.
        let mut changed = self.settings();
        let owner = changed.set(name, value)?;
        *self.settings.lock() = changed;
        if owner == Owner::Ours {
            // SAFETY: passed on.
            unsafe { self.apply(conf)? };
        }
        Ok(owner)
    }

    /// Lets librdkafka log in to us.
    ///
    /// # Safety
    ///
    /// `conf` is the object that conf_init or on_conf_set was called with.
    pub(super) unsafe fn apply(&self, conf: *mut Conf) -> Result<(), Error> {
        let settings = self.settings();
        let protocol = match settings.way() {
            Way::Handover | Way::Relay => "sasl_plaintext", // with a relay TLS is ours
            Way::Rotation => settings.protocol().name(),
        };
        let servers = settings.servers.as_ref().map(|servers| servers.without(settings.protocol()));
        let properties = [
            ("security.protocol", Some(protocol)),
            ("bootstrap.servers", servers.as_deref()),
            ("sasl.mechanisms", Some(settings.mechanism.name())),
            ("sasl.username", Some(USERNAME)),
            ("sasl.password", Some(self.stand_in.as_str())),
        ];
        // SAFETY: passed on.
        unsafe { self.set_librdkafkas(conf, &properties) }
    }

    /// Puts our callbacks into the place of the application's, or of librdkafka's own.
    ///
    /// # Safety
    ///
    /// `conf` is a live client's own, and no broker's thread uses it yet.
    pub(super) unsafe fn take_network(&self, conf: *mut Conf) -> Result<(), Error> {
        {
            let mut settings = self.settings.lock();
            // SAFETY: what these properties hold are callbacks of these types, or NULL.
            unsafe {
                let socket = self.get_pointer(conf, "socket_cb");
                if socket != network::socket as SocketCallback as usize {
                    settings.callbacks.socket =
                        mem::transmute::<usize, Option<SocketCallback>>(socket);
                    (self.api.conf_set_socket_cb)(conf, network::socket);
                }
                let connect = self.get_pointer(conf, "connect_cb");
                if connect != network::connect as ConnectCallback as usize {
                    settings.callbacks.connect =
                        mem::transmute::<usize, Option<ConnectCallback>>(connect);
                    (self.api.conf_set_connect_cb)(conf, network::connect);
                }
                let close = self.get_pointer(conf, "closesocket_cb");
                if close != network::close_socket as CloseSocketCallback as usize {
                    settings.callbacks.close_socket =
                        mem::transmute::<usize, Option<CloseSocketCallback>>(close);
                    (self.api.conf_set_closesocket_cb)(conf, network::close_socket);
                }
                if self.get_pointer(conf, VERIFY_CB) != 0 {
                    settings.tls.set(VERIFY_CB, Some("set"));
                }
            }
        }
        // librdkafka's socket is none of TCP; the network's never waits.
        // SAFETY: passed on.
        unsafe { self.set_librdkafkas(conf, &[("socket.nagle.disable", Some("false"))]) }
    }

    /// A broker's thread is about to connect, in a client whose connections are relayed.
    pub(super) fn connecting(&self) {
        if let Some(Running::Logins(config)) = self.running() {
            network::connecting(config, self.settings.lock().callbacks);
        }
    }

    /// on_new: from now on the settings are final.
    ///
    /// # Errors
    ///
    /// `INVALID_STATE` in mode `credentials` without a source.
    pub(super) fn begin(&self) -> Result<(), Error> {
        let settings = self.settings();
        let way = settings.way();
        let Settings { source, mechanism, login_timeout: timeout, tls, .. } = settings;
        let running = match way {
            Way::Rotation => {
                Running::Rotation(Arc::new(Rotation::new(source.ok_or_else(without_source)?)))
            }
            Way::Handover | Way::Relay => {
                let source = source.map(|source| Arc::new(SourceReader::new(source)));
                let stand_in = StandIn::new(mechanism, &self.stand_in)?;
                let tls = (way == Way::Relay).then(|| tls.read());
                if let Some(Err(error)) = &tls {
                    super::warn(&format!("this client cannot log in: {error}"));
                }
                let config = LoginConfig { source, mechanism, stand_in, timeout, tls };
                Running::Logins(Arc::new(config))
            }
        };
        *self.running.lock() = Some(running);
        Ok(())
    }

    /// None before on_new.
    pub(super) fn running(&self) -> Option<Running> {
        self.running.lock().clone()
    }

    /// The bytes of a property, which may be a secret.
    ///
    /// # Safety
    ///
    /// `conf` is a live configuration object.
    unsafe fn get(&self, conf: *const Conf, name: &str) -> Option<Zeroizing<Vec<u8>>> {
        let name = CString::new(name).ok()?;
        let mut size = 0;
        // SAFETY: the name is a string; for NULL, librdkafka writes the size alone.
        let result = unsafe {
            (self.api.conf_get)(conf, name.as_ptr(), core::ptr::null_mut(), &raw mut size)
        };
        if result != CONF_OK {
            return None;
        }
        let mut buffer = Zeroizing::new(vec![0_u8; size + 1]);
        size = buffer.len();
        // SAFETY: librdkafka writes at most `size` bytes.
        let result = unsafe {
            (self.api.conf_get)(conf, name.as_ptr(), buffer.as_mut_ptr().cast(), &raw mut size)
        };
        let length = CStr::from_bytes_until_nul(&buffer).ok()?.count_bytes();
        buffer.truncate(length);
        (result == CONF_OK).then_some(buffer)
    }

    /// A callback, which librdkafka shows as an address; 0 when there is none.
    ///
    /// # Safety
    ///
    /// `conf` is a live configuration object.
    unsafe fn get_pointer(&self, conf: *const Conf, name: &str) -> usize {
        // SAFETY: passed on.
        let shown = unsafe { self.get(conf, name) }.unwrap_or_default();
        let shown = str::from_utf8(&shown).unwrap_or_default();
        let digits = shown.strip_prefix("0x").unwrap_or(shown);
        usize::from_str_radix(digits, 16).unwrap_or(0)
    }

    /// # Safety
    ///
    /// `conf` is a live configuration object.
    unsafe fn set_librdkafkas(
        &self,
        conf: *mut Conf,
        properties: &[(&str, Option<&str>)],
    ) -> Result<(), Error> {
        self.nested.store(true, Ordering::Relaxed);
        let result = properties
            .iter()
            .filter_map(|(name, value)| value.map(|value| (name, value)))
            // SAFETY: passed on.
            .try_for_each(|(name, value)| unsafe { self.set_one(conf, name, value) });
        self.nested.store(false, Ordering::Relaxed);
        result
    }

    /// # Safety
    ///
    /// `conf` is a live configuration object.
    unsafe fn set_one(&self, conf: *mut Conf, name: &str, value: &str) -> Result<(), Error> {
        let refused = |text: &str| {
            Error::new(Status::INVALID_STATE, format!("librdkafka does not take {name}: {text}"))
        };
        let (Ok(c_name), Ok(c_value)) = (CString::new(name), CString::new(value)) else {
            return Err(refused("it holds a NUL"));
        };
        let c_value = Zeroizing::new(c_value);
        let mut errstr = [0_u8; 512];
        // SAFETY: name and value are strings, and librdkafka writes at most as much as errstr has.
        let result: c_int = unsafe {
            let errstr_ptr: *mut c_char = errstr.as_mut_ptr().cast();
            (self.api.conf_set)(conf, c_name.as_ptr(), c_value.as_ptr(), errstr_ptr, errstr.len())
        };
        if result == CONF_OK {
            return Ok(());
        }
        let text = CStr::from_bytes_until_nul(&errstr).unwrap_or_default();
        Err(refused(&text.to_string_lossy()))
    }
}

fn not_utf8(name: &str) -> Error {
    Error::new(Status::INVALID_ARGUMENT, format!("the value of {name} is not UTF-8"))
}
