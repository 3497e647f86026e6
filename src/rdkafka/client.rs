//! One configuration object of librdkafka's, and the client that is made of it.

use core::ffi::{CStr, c_char, c_int, c_void};
use core::mem;
use core::sync::atomic::{AtomicBool, Ordering};
use std::ffi::CString;
use std::sync::{Arc, OnceLock};

use parking_lot::Mutex;
use zeroize::Zeroizing;

use super::api::{Api, CONF_OK, Conf, ConnectCallback, SocketCallback};
use super::conf::{Owner, Settings, read_before};
use super::login::{LoginConfig, without_source};
use super::network;
use super::rotation::Rotation;
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
    logins: Mutex<Option<Arc<LoginConfig>>>,
    rotation: OnceLock<Rotation>,
}

impl Client {
    pub(super) fn new(api: Api, settings: Settings) -> Result<Self, Error> {
        Ok(Self {
            api,
            settings: Mutex::new(settings),
            stand_in: StandInPassword::new()?,
            nested: AtomicBool::new(false),
            logins: Mutex::default(),
            rotation: OnceLock::new(),
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
            let value = unsafe { self.get(conf, name) };
            if let Some(value) = value.filter(|value| !value.eq_ignore_ascii_case(default)) {
                self.settings.lock().set(name, Some(&value))?;
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
        value: Option<&str>,
    ) -> Result<Owner, Error> {
        if self.nested.load(Ordering::Relaxed) {
            return Ok(Owner::Librdkafka);
        }
        let owner = self.settings.lock().set(name, value)?;
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
        // Where the connections are relayed, librdkafka speaks to us, and TLS is ours.
        let use_tls = settings.use_tls && !settings.is_relayed();
        let properties = [
            ("security.protocol", if use_tls { "sasl_ssl" } else { "sasl_plaintext" }),
            ("sasl.mechanisms", settings.mechanism.name()),
            ("sasl.username", USERNAME),
            ("sasl.password", self.stand_in.as_str()),
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
                if self.get_pointer(conf, VERIFY_CB) != 0 {
                    settings.tls.set(VERIFY_CB, Some("set"));
                }
            }
        }
        // librdkafka's socket is none of TCP; the network's never waits.
        // SAFETY: passed on.
        unsafe { self.set_librdkafkas(conf, &[("socket.nagle.disable", "false")]) }
    }

    /// A broker's thread is about to connect.
    pub(super) fn connecting(&self) {
        if let Some(config) = self.logins().filter(|config| config.tls.is_some()) {
            network::connecting(config, self.settings.lock().callbacks);
        }
    }

    /// on_new in mode `token`: from now on the settings are final.
    pub(super) fn begin_logins(&self) -> Result<(), Error> {
        let settings = self.settings();
        let tls = settings.is_relayed().then(|| settings.tls.read());
        let Settings { source, mechanism, login_timeout, .. } = settings;
        let stand_in = StandIn::new(mechanism, &self.stand_in)?;
        let (timeout, is_down) = (login_timeout, AtomicBool::new(false));
        let config = LoginConfig { source, mechanism, stand_in, timeout, tls, is_down };
        *self.logins.lock() = Some(Arc::new(config));
        Ok(())
    }

    /// What logins have in common; None before on_new, and in mode `credentials`.
    pub(super) fn logins(&self) -> Option<Arc<LoginConfig>> {
        self.logins.lock().clone()
    }

    /// on_new in mode `credentials`.
    pub(super) fn begin_rotation(&self) -> Result<(), Error> {
        let source = self.settings().source.ok_or_else(without_source)?;
        self.rotation.get_or_init(|| Rotation::new(source));
        Ok(())
    }

    /// None before on_new, and in mode `token`.
    pub(super) fn rotation(&self) -> Option<&Rotation> {
        self.rotation.get()
    }

    /// # Safety
    ///
    /// `conf` is a live configuration object.
    unsafe fn get(&self, conf: *const Conf, name: &str) -> Option<String> {
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
        let value = CStr::from_bytes_until_nul(&buffer).ok()?;
        (result == CONF_OK).then(|| value.to_string_lossy().into_owned())
    }

    /// A callback, which librdkafka shows as an address; 0 when there is none.
    ///
    /// # Safety
    ///
    /// `conf` is a live configuration object.
    unsafe fn get_pointer(&self, conf: *const Conf, name: &str) -> usize {
        // SAFETY: passed on.
        let shown = unsafe { self.get(conf, name) }.unwrap_or_default();
        let digits = shown.strip_prefix("0x").unwrap_or(&shown);
        usize::from_str_radix(digits, 16).unwrap_or(0)
    }

    /// # Safety
    ///
    /// `conf` is a live configuration object.
    unsafe fn set_librdkafkas(
        &self,
        conf: *mut Conf,
        properties: &[(&str, &str)],
    ) -> Result<(), Error> {
        self.nested.store(true, Ordering::Relaxed);
        let result = properties
            .iter()
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
