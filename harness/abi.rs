//! The C API as a Rust program uses it: each object with its owner. For tests, benchmarks and fuzz
//! targets; nothing is allocated or copied here.
#![allow(dead_code, unreachable_pub, reason = "not everybody needs everything")]
#![allow(unsafe_code, reason = "this is C's door from the outside")]
#![allow(
    clippy::undocumented_unsafe_blocks,
    reason = "types and borrows keep the header's promises"
)]

use core::ffi::CStr;
use core::mem::MaybeUninit;
use core::{ptr, slice};

use scramtoken::ffi::*;

/// A step's status, and its output where one was written.
pub type Stepped<'a> = (scramtoken_status, Option<&'a [u8]>);

pub struct Client(*mut scramtoken_client);

impl Client {
    pub fn new(mechanism: &CStr) -> Self {
        let mut client = ptr::null_mut();
        succeed(unsafe { scramtoken_client_new(mechanism.as_ptr(), &mut client) });
        Self(client)
    }

    pub fn set_password(&mut self, name: &[u8], password: &[u8]) {
        let ((name, name_len), (password, password_len)) = (parts(name), parts(password));
        succeed(unsafe {
            scramtoken_client_set_password(self.0, name, name_len, password, password_len)
        });
    }

    pub fn set_token(&mut self, id: &[u8], hmac: &[u8]) {
        let ((id, id_len), (hmac, hmac_len)) = (parts(id), parts(hmac));
        succeed(unsafe { scramtoken_client_set_token(self.0, id, id_len, hmac, hmac_len) });
    }

    pub fn set_authzid(&mut self, name: &[u8]) {
        let (name, len) = parts(name);
        succeed(unsafe { scramtoken_client_set_authzid(self.0, name, len) });
    }

    pub fn set_nonce(&mut self, nonce: &[u8]) {
        let (nonce, len) = parts(nonce);
        succeed(unsafe { scramtoken_client_set_nonce(self.0, nonce, len) });
    }

    pub fn set_iteration_limits(&mut self, min: u32, max: u32) {
        succeed(unsafe { scramtoken_client_set_iteration_limits(self.0, min, max) });
    }

    pub fn set_key_cache(&mut self, cache: &KeyCache) {
        succeed(unsafe { scramtoken_client_set_key_cache(self.0, cache.0) });
    }

    pub fn cancel(&self) {
        unsafe { scramtoken_client_cancel(self.0) };
    }

    pub fn step(&mut self, input: &[u8]) -> Stepped<'_> {
        let ((input, len), mut out, mut out_len) = (parts(input), ptr::null(), 0);
        unsafe {
            let status = scramtoken_client_step(self.0, input, len, &mut out, &mut out_len);
            (status, written(out, out_len))
        }
    }

    pub fn error(&self) -> &CStr {
        unsafe { CStr::from_ptr(scramtoken_client_error(self.0)) }
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        unsafe { scramtoken_client_free(self.0) };
    }
}

pub struct KeyCache(*mut scramtoken_key_cache);

impl KeyCache {
    pub fn new(capacity: usize) -> Self {
        let mut cache = ptr::null_mut();
        succeed(unsafe { scramtoken_key_cache_new(capacity, &mut cache) });
        Self(cache)
    }
}

impl Drop for KeyCache {
    fn drop(&mut self) {
        unsafe { scramtoken_key_cache_free(self.0) };
    }
}

/// What a server keeps of a password.
pub struct Credential {
    pub salt: Vec<u8>,
    pub iterations: u32,
    pub stored_key: Vec<u8>,
    pub server_key: Vec<u8>,
}

impl Credential {
    pub fn derive(mechanism: &CStr, password: &[u8], salt: &[u8], iterations: u32) -> Self {
        let len = if mechanism == c"SCRAM-SHA-256" { 32 } else { 64 };
        let (mut stored_key, mut server_key) = (vec![0; len], vec![0; len]);
        let ((password, password_len), (salt_ptr, salt_len)) = (parts(password), parts(salt));
        succeed(unsafe {
            scramtoken_derive(
                mechanism.as_ptr(),
                password,
                password_len,
                salt_ptr,
                salt_len,
                iterations,
                stored_key.as_mut_ptr(),
                server_key.as_mut_ptr(),
                len,
            )
        });
        Self { salt: salt.to_vec(), iterations, stored_key, server_key }
    }

    /// As C has it; valid for as long as this lives.
    pub fn to_c(&self) -> scramtoken_credential {
        let ((salt, salt_len), (stored_key, stored_key_len), (server_key, server_key_len)) =
            (parts(&self.salt), parts(&self.stored_key), parts(&self.server_key));
        let iterations = self.iterations;
        scramtoken_credential {
            salt,
            salt_len,
            stored_key,
            stored_key_len,
            server_key,
            server_key_len,
            iterations,
        }
    }
}

pub struct Store(pub *mut scramtoken_store);

impl Store {
    pub fn open(uri: &CStr) -> Self {
        let mut store = ptr::null_mut();
        succeed(unsafe { scramtoken_store_open(uri.as_ptr(), &mut store) });
        Self(store)
    }

    pub fn put_credential(&self, mechanism: &CStr, name: &[u8], credential: &Credential) {
        let (name, len) = parts(name);
        let (mechanism, credential) = (mechanism.as_ptr(), credential.to_c());
        succeed(unsafe {
            scramtoken_store_put_credential(self.0, mechanism, name, len, &credential)
        });
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        unsafe { scramtoken_store_free(self.0) };
    }
}

/// For what is not set here there is the pointer.
pub struct ServerConfig(pub *mut scramtoken_server_config);

impl ServerConfig {
    pub fn new() -> Self {
        let mut config = ptr::null_mut();
        succeed(unsafe { scramtoken_server_config_new(&mut config) });
        Self(config)
    }

    pub fn set_store(&mut self, store: &Store) {
        succeed(unsafe { scramtoken_server_config_set_store(self.0, store.0) });
    }
}

impl Drop for ServerConfig {
    fn drop(&mut self) {
        unsafe { scramtoken_server_config_free(self.0) };
    }
}

pub struct Server(*mut scramtoken_server);

impl Server {
    pub fn new(config: &ServerConfig, mechanism: &CStr) -> Self {
        let mut server = ptr::null_mut();
        succeed(unsafe { scramtoken_server_new(config.0, mechanism.as_ptr(), &mut server) });
        Self(server)
    }

    pub fn set_nonce(&mut self, nonce: &[u8]) {
        let (nonce, len) = parts(nonce);
        succeed(unsafe { scramtoken_server_set_nonce(self.0, nonce, len) });
    }

    pub fn step(&mut self, input: &[u8]) -> Stepped<'_> {
        let ((input, len), mut out, mut out_len) = (parts(input), ptr::null(), 0);
        unsafe {
            let status = scramtoken_server_step(self.0, input, len, &mut out, &mut out_len);
            (status, written(out, out_len))
        }
    }

    /// Whom to look up, and as what; None where nobody is asked for.
    pub fn identity(&self) -> Option<(&[u8], i32)> {
        let (mut name, mut len, mut kind) = (ptr::null(), 0, 0);
        unsafe {
            let status = scramtoken_server_identity(self.0, &mut name, &mut len, &mut kind);
            (status == SCRAMTOKEN_OK).then(|| (slice::from_raw_parts(name, len), kind))
        }
    }

    pub fn supply_user(&mut self, credential: &Credential) -> scramtoken_status {
        unsafe { scramtoken_server_supply_user(self.0, &credential.to_c()) }
    }

    pub fn supply_token(
        &mut self,
        credential: &Credential,
        owner: &[u8],
        expiry_ms: i64,
    ) -> scramtoken_status {
        let (owner, len) = parts(owner);
        unsafe { scramtoken_server_supply_token(self.0, &credential.to_c(), owner, len, expiry_ms) }
    }

    pub fn supply_unknown(&mut self) -> scramtoken_status {
        unsafe { scramtoken_server_supply_unknown(self.0) }
    }

    pub fn verdict(&self) -> scramtoken_verdict {
        let mut verdict = MaybeUninit::uninit();
        unsafe {
            succeed(scramtoken_server_verdict(self.0, verdict.as_mut_ptr()));
            verdict.assume_init()
        }
    }

    /// Whom to treat the peer as; empty unless authenticated.
    pub fn verdict_name(&self) -> &[u8] {
        let verdict = self.verdict();
        unsafe { slice::from_raw_parts(verdict.name, verdict.name_len) }
    }

    pub fn error(&self) -> &CStr {
        unsafe { CStr::from_ptr(scramtoken_server_error(self.0)) }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        unsafe { scramtoken_server_free(self.0) };
    }
}

fn parts(bytes: &[u8]) -> (*const u8, usize) {
    (bytes.as_ptr(), bytes.len())
}

unsafe fn written<'a>(out: *const u8, len: usize) -> Option<&'a [u8]> {
    (!out.is_null()).then(|| unsafe { slice::from_raw_parts(out, len) })
}

fn succeed(status: scramtoken_status) {
    assert_eq!(status, SCRAMTOKEN_OK);
}
