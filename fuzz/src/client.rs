//! `scramtoken_client` as an owner of one.

use std::ffi::CStr;
use std::ptr;

use scramtoken::ffi::*;

use crate::oracle::Hash;

pub struct Client(*mut scramtoken_client);

impl Client {
    pub fn new(hash: Hash) -> Self {
        let mut client = ptr::null_mut();
        let status = unsafe { scramtoken_client_new(mechanism(hash).as_ptr(), &mut client) };
        assert_eq!(status, SCRAMTOKEN_OK);
        Self(client)
    }

    pub fn set_password(&self, name: &[u8], password: &[u8]) {
        let (name_len, password_len) = (name.len(), password.len());
        let status = unsafe {
            let (name, password) = (name.as_ptr(), password.as_ptr());
            scramtoken_client_set_password(self.0, name, name_len, password, password_len)
        };
        assert_eq!(status, SCRAMTOKEN_OK);
    }

    pub fn set_token(&self, id: &[u8], hmac: &[u8]) {
        let (id_len, hmac_len) = (id.len(), hmac.len());
        let status = unsafe {
            scramtoken_client_set_token(self.0, id.as_ptr(), id_len, hmac.as_ptr(), hmac_len)
        };
        assert_eq!(status, SCRAMTOKEN_OK);
    }

    pub fn set_authzid(&self, name: &[u8]) {
        let status = unsafe { scramtoken_client_set_authzid(self.0, name.as_ptr(), name.len()) };
        assert_eq!(status, SCRAMTOKEN_OK);
    }

    pub fn set_nonce(&self, nonce: &[u8]) {
        let status = unsafe { scramtoken_client_set_nonce(self.0, nonce.as_ptr(), nonce.len()) };
        assert_eq!(status, SCRAMTOKEN_OK);
    }

    pub fn set_iteration_limits(&self, min: u32, max: u32) {
        let status = unsafe { scramtoken_client_set_iteration_limits(self.0, min, max) };
        assert_eq!(status, SCRAMTOKEN_OK);
    }

    pub fn set_key_cache(&self, cache: &KeyCache) {
        let status = unsafe { scramtoken_client_set_key_cache(self.0, cache.0) };
        assert_eq!(status, SCRAMTOKEN_OK);
    }

    pub fn cancel(&self) {
        unsafe { scramtoken_client_cancel(self.0) };
    }

    /// The status, and the output where one was written.
    pub fn step(&self, input: &[u8]) -> (scramtoken_status, Option<Vec<u8>>) {
        let (mut out, mut out_len) = (ptr::null(), 0);
        let status = unsafe {
            scramtoken_client_step(self.0, input.as_ptr(), input.len(), &mut out, &mut out_len)
        };
        if status < 0 {
            assert!(!unsafe { CStr::from_ptr(scramtoken_client_error(self.0)) }.is_empty());
        }
        (status, unsafe { copy(out, out_len) })
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
        assert_eq!(unsafe { scramtoken_key_cache_new(capacity, &mut cache) }, SCRAMTOKEN_OK);
        Self(cache)
    }
}

impl Drop for KeyCache {
    fn drop(&mut self) {
        unsafe { scramtoken_key_cache_free(self.0) };
    }
}

pub(crate) fn mechanism(hash: Hash) -> &'static CStr {
    match hash {
        Hash::Sha256 => c"SCRAM-SHA-256",
        Hash::Sha512 => c"SCRAM-SHA-512",
    }
}

/// What an output points to; None where it was not written.
pub(crate) unsafe fn copy(out: *const u8, len: usize) -> Option<Vec<u8>> {
    (!out.is_null()).then(|| unsafe { std::slice::from_raw_parts(out, len) }.to_vec())
}
