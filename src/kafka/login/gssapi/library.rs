//! MIT's libgssapi_krb5, which is opened when somebody logs in by Kerberos: names, credentials and
//! contexts as values that free themselves.
#![allow(unsafe_code, reason = "every block argues why it is sound")]

use core::ffi::{CStr, c_char, c_int, c_void};
use core::mem::transmute;
use core::ptr::{null, null_mut};
use core::slice;

use once_cell::sync::OnceCell;
use zeroize::Zeroize;

use crate::kafka::untrusted::excerpt;
use crate::{error::Error, status::Status};

/// What a function of the library failed with. The text is the library's, and may have a peer's words.
#[derive(Debug)]
pub(super) struct Fault {
    /// The class, such as `DEFECTIVE_TOKEN`.
    pub(super) major: u32,
    /// The mechanism's own code, as in krb5.h.
    pub(super) minor: i32,
    pub(super) text: String,
}

/// What a name is.
#[derive(Clone, Copy)]
pub(super) enum NameKind {
    /// `service@host`: the library makes the principal, as krb5.conf says.
    HostBasedService,
    /// `primary/instance@REALM`, or without the realm in the default one.
    Principal,
}

/// The library's functions. They stay for as long as the process.
pub(super) struct Library {
    import_name: ImportName,
    acquire_cred_from: AcquireCredFrom,
    inquire_cred: InquireCred,
    display_name: DisplayName,
    init_sec_context: InitSecContext,
    wrap: Wrap,
    unwrap: Unwrap,
    display_status: DisplayStatus,
    release_buffer: ReleaseBuffer,
    release_name: Release,
    release_cred: Release,
    delete_sec_context: DeleteSecContext,
    krb5_init_context: Krb5InitContext,
    krb5_free_context: Krb5FreeContext,
    krb5_cc_resolve: Krb5CcResolve,
    krb5_cc_destroy: Krb5CcDestroy,
}

impl Library {
    /// The library, which is loaded the first time.
    ///
    /// # Errors
    ///
    /// `UNSUPPORTED_MECHANISM` where it is not installed, or is none of MIT's.
    pub(super) fn get() -> Result<&'static Self, Error> {
        LIBRARY.get_or_try_init(Self::load)
    }

    /// The library where somebody has loaded it already.
    pub(super) fn if_loaded() -> Option<&'static Self> {
        LIBRARY.get()
    }

    fn load() -> Result<Self, Error> {
        if cfg!(all(target_env = "musl", target_feature = "crt-static")) {
            let text = "sasl.mechanism: GSSAPI (Kerberos) needs the program's build for glibc: this one is \
                        static and can load no library";
            return Err(Error::new(Status::UNSUPPORTED_MECHANISM, text));
        }
        // SAFETY: the name is a C string. The library is the system's own, whose initialisers are safe to
        // run at any time, and it is never closed.
        let handle = unsafe { libc::dlopen(FILE.as_ptr(), libc::RTLD_NOW | libc::RTLD_LOCAL) };
        if handle.is_null() {
            let why = excerpt(&loader_error().unwrap_or_default());
            let text = format!(
                "sasl.mechanism: GSSAPI (Kerberos) needs libgssapi_krb5.so.2, which cannot be loaded ({why}): \
                 install it (Debian: libgssapi-krb5-2; Red Hat: krb5-libs)"
            );
            return Err(Error::new(Status::UNSUPPORTED_MECHANISM, text));
        }
        let symbol = |name: &CStr| {
            // SAFETY: the handle is that of an open library, the name a C string. The search goes on in
            // what the library needs, where libkrb5 is.
            let address = unsafe { libc::dlsym(handle, name.as_ptr()) };
            if address.is_null() {
                let text = "sasl.mechanism: the system's libgssapi_krb5.so.2 lacks functions of MIT's \
                            version 1.11 and newer, which GSSAPI (Kerberos) needs";
                return Err(Error::new(Status::UNSUPPORTED_MECHANISM, text));
            }
            Ok(address)
        };
        // SAFETY: each function has the type that RFC 2744, or gssapi_ext.h and krb5.h of MIT Kerberos,
        // declare for its name; a pointer to a function is as large as one to data wherever there is dlsym.
        unsafe {
            Ok(Self {
                import_name: transmute::<*mut c_void, ImportName>(symbol(c"gss_import_name")?),
                acquire_cred_from: transmute::<*mut c_void, AcquireCredFrom>(symbol(
                    c"gss_acquire_cred_from",
                )?),
                inquire_cred: transmute::<*mut c_void, InquireCred>(symbol(c"gss_inquire_cred")?),
                display_name: transmute::<*mut c_void, DisplayName>(symbol(c"gss_display_name")?),
                init_sec_context: transmute::<*mut c_void, InitSecContext>(symbol(
                    c"gss_init_sec_context",
                )?),
                wrap: transmute::<*mut c_void, Wrap>(symbol(c"gss_wrap")?),
                unwrap: transmute::<*mut c_void, Unwrap>(symbol(c"gss_unwrap")?),
                display_status: transmute::<*mut c_void, DisplayStatus>(symbol(
                    c"gss_display_status",
                )?),
                release_buffer: transmute::<*mut c_void, ReleaseBuffer>(symbol(
                    c"gss_release_buffer",
                )?),
                release_name: transmute::<*mut c_void, Release>(symbol(c"gss_release_name")?),
                release_cred: transmute::<*mut c_void, Release>(symbol(c"gss_release_cred")?),
                delete_sec_context: transmute::<*mut c_void, DeleteSecContext>(symbol(
                    c"gss_delete_sec_context",
                )?),
                krb5_init_context: transmute::<*mut c_void, Krb5InitContext>(symbol(
                    c"krb5_init_context",
                )?),
                krb5_free_context: transmute::<*mut c_void, Krb5FreeContext>(symbol(
                    c"krb5_free_context",
                )?),
                krb5_cc_resolve: transmute::<*mut c_void, Krb5CcResolve>(symbol(
                    c"krb5_cc_resolve",
                )?),
                krb5_cc_destroy: transmute::<*mut c_void, Krb5CcDestroy>(symbol(
                    c"krb5_cc_destroy",
                )?),
            })
        }
    }

    /// Removes a cache of tickets with what is in it.
    pub(super) fn destroy_cache(&self, name: &CStr) {
        let (mut context, mut cache) = (null_mut(), null_mut());
        // SAFETY: both pointers are to pointers of ours, which the library sets where it returns 0; the
        // name is a C string; destroying a cache frees its handle as well.
        unsafe {
            if (self.krb5_init_context)(&raw mut context) != 0 {
                return;
            }
            if (self.krb5_cc_resolve)(context, name.as_ptr(), &raw mut cache) == 0 {
                (self.krb5_cc_destroy)(context, cache);
            }
            (self.krb5_free_context)(context);
        }
    }

    /// An error where `major` is one, or says that a message is old, repeated or not the next. To be called in the thread of the call that gave it, and before any
    /// other, for the library keeps texts for each thread.
    fn check(&'static self, major: u32, minor: u32) -> Result<(), Fault> {
        if major & !CONTINUE_NEEDED == 0 {
            return Ok(());
        }
        // The mechanism's words say more, where there are some.
        let text = match minor {
            0 => self.status_text(major, GSS_CODE),
            minor => self.status_text(minor, MECHANISM_CODE),
        };
        let text = text.unwrap_or_else(|| format!("error {major:#x}, {minor}"));
        Err(Fault { major: major & ERRORS, minor: minor.cast_signed(), text })
    }

    fn status_text(&'static self, code: u32, kind: c_int) -> Option<String> {
        let (mut minor, mut more) = (0, 0);
        let mut text = Output::new(self);
        // SAFETY: the mechanism's OID is static, the other pointers are to variables of ours. One message
        // is enough, so `more` is not looked at.
        let major = unsafe {
            let krb5 = KRB5.as_ptr();
            let text = text.as_mut_ptr();
            (self.display_status)(&raw mut minor, code, kind, krb5, &raw mut more, text)
        };
        let bytes = text.bytes();
        let bytes = bytes.get(..bytes.len().min(MAX_TEXT)).unwrap_or(bytes);
        (major & ERRORS == 0 && !bytes.is_empty())
            .then(|| String::from_utf8_lossy(bytes).into_owned())
    }
}

/// Ends the process at once. Nothing runs at its end, such as the library's destructors, which free what a
/// thread inside it still uses.
pub(crate) fn end_process(code: u8) -> ! {
    // SAFETY: it takes any number, and returns to nobody; files are the kernel's to close.
    unsafe { libc::_exit(code.into()) }
}

/// Why the last call of the loader in this thread failed.
fn loader_error() -> Option<String> {
    // SAFETY: the text, where there is one, is a C string of this thread's, which stays until the loader's
    // next call.
    unsafe {
        let text = libc::dlerror();
        (!text.is_null()).then(|| CStr::from_ptr(text).to_string_lossy().into_owned())
    }
}

/// A principal, or a service of a host.
pub(super) struct Name {
    library: &'static Library,
    handle: *mut c_void,
}

// SAFETY: a name is the library's memory and belongs to no thread; whoever has it, has it alone.
unsafe impl Send for Name {}

impl Name {
    pub(super) fn import(
        library: &'static Library,
        text: &str,
        kind: NameKind,
    ) -> Result<Self, Fault> {
        let mut name = Self { library, handle: null_mut() };
        let mut minor = 0;
        let kind = match kind {
            NameKind::HostBasedService => &HOST_BASED_SERVICE,
            NameKind::Principal => &KRB5_PRINCIPAL,
        };
        // SAFETY: the library reads the text and copies it, reads the static OID, and sets the handle.
        let major = unsafe {
            let text = Input::new(text.as_bytes());
            (library.import_name)(
                &raw mut minor,
                &raw const text,
                kind.as_ptr(),
                &raw mut name.handle,
            )
        };
        library.check(major, minor)?;
        Ok(name)
    }

    fn display(&self) -> Result<String, Fault> {
        let mut minor = 0;
        let mut text = Output::new(self.library);
        // SAFETY: the handle is that of a name that lives; the buffer is ours. No OID is asked for.
        let major = unsafe {
            let text = text.as_mut_ptr();
            (self.library.display_name)(&raw mut minor, self.handle, text, null_mut())
        };
        self.library.check(major, minor)?;
        Ok(String::from_utf8_lossy(text.bytes()).into_owned())
    }
}

impl Drop for Name {
    fn drop(&mut self) {
        let mut minor = 0;
        // SAFETY: the handle is none, or one that the library gave out and that is freed here alone.
        unsafe { (self.library.release_name)(&raw mut minor, &raw mut self.handle) };
    }
}

/// With what somebody logs in.
pub(super) struct Credential {
    library: &'static Library,
    handle: *mut c_void,
}

// SAFETY: a credential is the library's memory and belongs to no thread; whoever has it, has it alone.
unsafe impl Send for Credential {}

impl Credential {
    /// From the places that `store` names (`client_keytab`, `ccache`); may ask a KDC.
    pub(super) fn acquire(
        library: &'static Library,
        name: Option<&Name>,
        store: &[(&CStr, &CStr)],
    ) -> Result<Self, Fault> {
        let mut credential = Self { library, handle: null_mut() };
        let mut minor = 0;
        let elements: Vec<StoreElement> = store
            .iter()
            .map(|(key, value)| StoreElement { key: key.as_ptr(), value: value.as_ptr() })
            .collect();
        let count = u32::try_from(elements.len()).unwrap_or_default();
        let store = Store { count, elements: elements.as_ptr() };
        let mechanisms = OidSet { count: 1, elements: &KRB5 };
        // SAFETY: the name, the set of one static OID and the store with its C strings live until the
        // call returns, and are only read; the library sets the handle. NULL asks for no more results.
        let major = unsafe {
            (library.acquire_cred_from)(
                &raw mut minor,
                name.map_or(null_mut(), |name| name.handle),
                INDEFINITE,
                &raw const mechanisms,
                INITIATE,
                if store.count == 0 { null() } else { &raw const store },
                &raw mut credential.handle,
                null_mut(),
                null_mut(),
            )
        };
        library.check(major, minor)?;
        Ok(credential)
    }

    /// Whose it is.
    pub(super) fn principal(&self) -> Result<String, Fault> {
        let mut name = Name { library: self.library, handle: null_mut() };
        let mut minor = 0;
        // SAFETY: the handle is that of a credential that lives; the library sets that of the name, which
        // is then freed as one. NULL asks for no more results.
        let major = unsafe {
            (self.library.inquire_cred)(
                &raw mut minor,
                self.handle,
                &raw mut name.handle,
                null_mut(),
                null_mut(),
                null_mut(),
            )
        };
        self.library.check(major, minor)?;
        name.display()
    }
}

impl Drop for Credential {
    fn drop(&mut self) {
        let mut minor = 0;
        // SAFETY: the handle is none, or one that the library gave out and that is freed here alone.
        unsafe { (self.library.release_cred)(&raw mut minor, &raw mut self.handle) };
    }
}

/// A context with a peer, which may not be complete.
pub(super) struct Context {
    credential: Credential,
    target: Name,
    handle: *mut c_void,
}

// SAFETY: a context is the library's memory and belongs to no thread; whoever has it, has it alone.
unsafe impl Send for Context {}

/// What one step of a context gives.
pub(super) struct Step {
    /// For the peer; may be empty once the context is complete.
    pub(super) token: Vec<u8>,
    pub(super) is_complete: bool,
    /// Whether the peer has proved who it is, and messages can be protected from change; to be looked at
    /// once the context is complete.
    pub(super) is_mutual: bool,
}

impl Context {
    pub(super) fn new(credential: Credential, target: Name) -> Self {
        Self { credential, target, handle: null_mut() }
    }

    /// As whom.
    pub(super) fn principal(&self) -> Result<String, Fault> {
        self.credential.principal()
    }

    /// The first step has no token of the peer, and may ask a KDC; the others do not.
    pub(super) fn step(&mut self, token: Option<&[u8]>) -> Result<Step, Fault> {
        let library = self.credential.library;
        let (mut minor, mut flags) = (0, 0);
        let input = token.map(Input::new);
        let mut output = Output::new(library);
        // SAFETY: the handles are those of a credential and a name that live; that of the context is none
        // before the first step, and afterwards what the library has made of it: where the first step
        // fails, none again. The library reads the token and the static OID. There are no channel bindings.
        let major = unsafe {
            (library.init_sec_context)(
                &raw mut minor,
                self.credential.handle,
                &raw mut self.handle,
                self.target.handle,
                KRB5.as_ptr(),
                MUTUAL | REPLAY | SEQUENCE | INTEGRITY,
                0,
                null_mut(),
                input.as_ref().map_or(null(), |input| &raw const *input),
                null_mut(),
                output.as_mut_ptr(),
                &raw mut flags,
                null_mut(),
            )
        };
        library.check(major, minor)?;
        Ok(Step {
            token: output.bytes().to_vec(),
            is_complete: major & CONTINUE_NEEDED == 0,
            is_mutual: flags & (MUTUAL | INTEGRITY) == MUTUAL | INTEGRITY,
        })
    }

    /// What the peer protected by a context that is complete.
    pub(super) fn unwrap(&mut self, message: &[u8]) -> Result<Vec<u8>, Fault> {
        let library = self.credential.library;
        let mut minor = 0;
        let message = Input::new(message);
        let mut output = Output::new(library);
        // SAFETY: the handle is that of the context, the message is only read; NULL asks for no more
        // results. A context that is not complete gives an error.
        let major = unsafe {
            (library.unwrap)(
                &raw mut minor,
                self.handle,
                &raw const message,
                output.as_mut_ptr(),
                null_mut(),
                null_mut(),
            )
        };
        library.check(major, minor)?;
        Ok(output.bytes().to_vec())
    }

    /// Protects a message from change; it is not encrypted.
    pub(super) fn wrap(&mut self, message: &[u8]) -> Result<Vec<u8>, Fault> {
        let library = self.credential.library;
        let mut minor = 0;
        let message = Input::new(message);
        let mut output = Output::new(library);
        // SAFETY: as for `unwrap`; 0 is no encryption, and then the default protection.
        let major = unsafe {
            (library.wrap)(
                &raw mut minor,
                self.handle,
                0,
                0,
                &raw const message,
                null_mut(),
                output.as_mut_ptr(),
            )
        };
        library.check(major, minor)?;
        Ok(output.bytes().to_vec())
    }
}

impl Drop for Context {
    fn drop(&mut self) {
        let mut minor = 0;
        // SAFETY: the handle is none, or one that the library gave out and that is freed here alone. The
        // peer is told nothing.
        unsafe {
            let delete = self.credential.library.delete_sec_context;
            delete(&raw mut minor, &raw mut self.handle, null_mut());
        }
    }
}

/// gss_buffer_desc.
#[repr(C)]
struct Buffer {
    len: usize,
    bytes: *mut c_void,
}

/// Bytes of ours that the library reads.
#[repr(transparent)]
struct Input<'a>(Buffer, core::marker::PhantomData<&'a [u8]>);

impl<'a> Input<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        let buffer = Buffer { len: bytes.len(), bytes: bytes.as_ptr().cast_mut().cast() };
        Self(buffer, core::marker::PhantomData)
    }
}

/// Bytes that the library allocates; wiped and freed when dropped.
struct Output {
    library: &'static Library,
    buffer: Buffer,
}

impl Output {
    fn new(library: &'static Library) -> Self {
        Self { library, buffer: Buffer { len: 0, bytes: null_mut() } }
    }

    fn as_mut_ptr(&mut self) -> *mut Buffer {
        &raw mut self.buffer
    }

    fn bytes(&self) -> &[u8] {
        if self.buffer.bytes.is_null() {
            return &[];
        }
        // SAFETY: the library has allocated and filled as many bytes, which live until the buffer is freed.
        unsafe { slice::from_raw_parts(self.buffer.bytes.cast(), self.buffer.len) }
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        let mut minor = 0;
        // SAFETY: the buffer is empty, or what the library has allocated, which nobody else refers to.
        unsafe {
            if !self.buffer.bytes.is_null() {
                slice::from_raw_parts_mut(self.buffer.bytes.cast::<u8>(), self.buffer.len)
                    .zeroize();
            }
            (self.library.release_buffer)(&raw mut minor, &raw mut self.buffer);
        }
    }
}

/// gss_OID_desc.
#[repr(C)]
struct Oid {
    len: u32,
    bytes: *const c_void,
}

// SAFETY: the bytes are static and nobody writes them.
unsafe impl Sync for Oid {}

impl Oid {
    const fn new(bytes: &'static [u8; 9]) -> Self {
        Self { len: 9, bytes: bytes.as_ptr().cast() }
    }

    const fn long(bytes: &'static [u8; 10]) -> Self {
        Self { len: 10, bytes: bytes.as_ptr().cast() }
    }

    fn as_ptr(&'static self) -> *const Self {
        self
    }
}

/// gss_OID_set_desc.
#[repr(C)]
struct OidSet {
    count: usize,
    elements: *const Oid,
}

/// gss_key_value_element_desc.
#[repr(C)]
struct StoreElement {
    key: *const c_char,
    value: *const c_char,
}

/// gss_key_value_set_desc.
#[repr(C)]
struct Store {
    count: u32,
    elements: *const StoreElement,
}

static LIBRARY: OnceCell<Library> = OnceCell::new();
const FILE: &CStr = c"libgssapi_krb5.so.2";

/// 1.2.840.113554.1.2.2.
static KRB5: Oid = Oid::new(b"\x2a\x86\x48\x86\xf7\x12\x01\x02\x02");
/// GSS_C_NT_HOSTBASED_SERVICE, 1.2.840.113554.1.2.1.4.
static HOST_BASED_SERVICE: Oid = Oid::long(b"\x2a\x86\x48\x86\xf7\x12\x01\x02\x01\x04");
/// GSS_KRB5_NT_PRINCIPAL_NAME, 1.2.840.113554.1.2.2.1.
static KRB5_PRINCIPAL: Oid = Oid::long(b"\x2a\x86\x48\x86\xf7\x12\x01\x02\x02\x01");

/// GSS_C_INDEFINITE.
const INDEFINITE: u32 = u32::MAX;
/// GSS_C_INITIATE.
const INITIATE: c_int = 1;
/// GSS_C_GSS_CODE and GSS_C_MECH_CODE.
const GSS_CODE: c_int = 1;
const MECHANISM_CODE: c_int = 2;
/// GSS_C_MUTUAL_FLAG and others.
const MUTUAL: u32 = 2;
const REPLAY: u32 = 4;
const SEQUENCE: u32 = 8;
const INTEGRITY: u32 = 32;
/// GSS_S_CONTINUE_NEEDED.
const CONTINUE_NEEDED: u32 = 1;
/// Where errors stand in a major status, those of calling and those of routines.
const ERRORS: u32 = 0xffff_0000;
/// The most of a text that is kept.
const MAX_TEXT: usize = 1024;

type Minor = *mut u32;
type ImportName =
    unsafe extern "C" fn(Minor, *const Input<'_>, *const Oid, *mut *mut c_void) -> u32;
type AcquireCredFrom = unsafe extern "C" fn(
    Minor,
    *mut c_void,
    u32,
    *const OidSet,
    c_int,
    *const Store,
    *mut *mut c_void,
    *mut *mut OidSet,
    *mut u32,
) -> u32;
type InquireCred = unsafe extern "C" fn(
    Minor,
    *mut c_void,
    *mut *mut c_void,
    *mut u32,
    *mut c_int,
    *mut *mut OidSet,
) -> u32;
type DisplayName = unsafe extern "C" fn(Minor, *mut c_void, *mut Buffer, *mut *mut Oid) -> u32;
type InitSecContext = unsafe extern "C" fn(
    Minor,
    *mut c_void,
    *mut *mut c_void,
    *mut c_void,
    *const Oid,
    u32,
    u32,
    *mut c_void,
    *const Input<'_>,
    *mut *mut Oid,
    *mut Buffer,
    *mut u32,
    *mut u32,
) -> u32;
type Wrap = unsafe extern "C" fn(
    Minor,
    *mut c_void,
    c_int,
    u32,
    *const Input<'_>,
    *mut c_int,
    *mut Buffer,
) -> u32;
type Unwrap = unsafe extern "C" fn(
    Minor,
    *mut c_void,
    *const Input<'_>,
    *mut Buffer,
    *mut c_int,
    *mut u32,
) -> u32;
type DisplayStatus =
    unsafe extern "C" fn(Minor, u32, c_int, *const Oid, *mut u32, *mut Buffer) -> u32;
type ReleaseBuffer = unsafe extern "C" fn(Minor, *mut Buffer) -> u32;
type Release = unsafe extern "C" fn(Minor, *mut *mut c_void) -> u32;
type DeleteSecContext = unsafe extern "C" fn(Minor, *mut *mut c_void, *mut Buffer) -> u32;
type Krb5InitContext = unsafe extern "C" fn(*mut *mut c_void) -> i32;
type Krb5FreeContext = unsafe extern "C" fn(*mut c_void);
type Krb5CcResolve = unsafe extern "C" fn(*mut c_void, *const c_char, *mut *mut c_void) -> i32;
type Krb5CcDestroy = unsafe extern "C" fn(*mut c_void, *mut c_void) -> i32;
