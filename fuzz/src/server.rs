//! `scramtoken_server` as an owner of one, and the accounts that it knows.

use std::ffi::{CStr, c_char, c_void};
use std::ptr;

use scramtoken::ffi::*;

use crate::client::{copy, mechanism};
use crate::oracle::{Hash, Keys};

pub const NOW_MS: i64 = 1_700_000_000_000;
pub const OWNER: &[u8] = b"alice";
const SALT: &[u8] = b"salt of accounts";
const ITERATIONS: u32 = 2;

/// What a name stands for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Account {
    User,
    Token,
    ExpiredToken,
    Unknown,
}

impl Account {
    pub fn of_name(name: &[u8]) -> Self {
        match name {
            b"user" => Self::User,
            b"token" => Self::Token,
            b"expired" => Self::ExpiredToken,
            _ => Self::Unknown,
        }
    }

    /// Whether this account answers a lookup of this kind.
    pub fn answers(self, kind: i32) -> bool {
        match self {
            Self::User => kind & SCRAMTOKEN_IDENTITY_USER != 0,
            Self::Token | Self::ExpiredToken => kind & SCRAMTOKEN_IDENTITY_TOKEN != 0,
            Self::Unknown => true,
        }
    }

    fn expiry_ms(self) -> i64 {
        if self == Self::ExpiredToken { NOW_MS - 1 } else { NOW_MS }
    }
}

/// The one password that all accounts have.
pub fn keys(hash: Hash) -> Keys {
    Keys::derive(hash, b"pencil", SALT, ITERATIONS)
}

pub struct Config {
    config: *mut scramtoken_server_config,
    keys: Box<Keys>,
}

impl Config {
    pub fn new(hash: Hash) -> Self {
        let mut config = ptr::null_mut();
        unsafe {
            assert_eq!(scramtoken_server_config_new(&mut config), SCRAMTOKEN_OK);
            let clock = Some(now_ms as unsafe extern "C" fn(*mut c_void) -> i64);
            scramtoken_server_config_set_clock(config, clock, ptr::null_mut(), None);
            scramtoken_server_config_set_mock_secret(config, b"mock".as_ptr(), 4);
        }
        Self { config, keys: Box::new(keys(hash)) }
    }

    pub fn set_implicit_tokens(&self) {
        unsafe { scramtoken_server_config_set_implicit_tokens(self.config, true) };
    }

    pub fn set_doubled_nonce(&self) {
        unsafe { scramtoken_server_config_set_doubled_nonce(self.config, true) };
    }

    /// Lets a callback look names up.
    pub fn set_lookup(&self) {
        let keys: *const Keys = &*self.keys;
        let userdata = keys.cast_mut().cast();
        unsafe { scramtoken_server_config_set_lookup(self.config, Some(look_up), userdata, None) };
    }
}

impl Drop for Config {
    fn drop(&mut self) {
        unsafe { scramtoken_server_config_free(self.config) };
    }
}

unsafe extern "C" fn now_ms(_: *mut c_void) -> i64 {
    NOW_MS
}

unsafe extern "C" fn look_up(
    userdata: *mut c_void,
    _mechanism: *const c_char,
    name: *const u8,
    name_len: usize,
    kind: i32,
    reply: *mut scramtoken_lookup_reply,
) -> scramtoken_status {
    let name = unsafe { std::slice::from_raw_parts(name, name_len) };
    let credential = credential(unsafe { &*userdata.cast::<Keys>() });
    let account = Account::of_name(name);
    match account {
        _ if !account.answers(kind) => unsafe { scramtoken_lookup_reply_unknown(reply) },
        Account::Unknown => unsafe { scramtoken_lookup_reply_unknown(reply) },
        Account::User => unsafe { scramtoken_lookup_reply_user(reply, &credential) },
        Account::Token | Account::ExpiredToken => unsafe {
            let (owner, owner_len, expiry_ms) = (OWNER.as_ptr(), OWNER.len(), account.expiry_ms());
            scramtoken_lookup_reply_token(reply, &credential, owner, owner_len, expiry_ms)
        },
    }
}

fn credential(keys: &Keys) -> scramtoken_credential {
    scramtoken_credential {
        salt: SALT.as_ptr(),
        salt_len: SALT.len(),
        stored_key: keys.stored_key.as_ptr(),
        stored_key_len: keys.stored_key.len(),
        server_key: keys.server_key.as_ptr(),
        server_key_len: keys.server_key.len(),
        iterations: ITERATIONS,
    }
}

pub struct Server<'a> {
    server: *mut scramtoken_server,
    keys: &'a Keys,
}

impl<'a> Server<'a> {
    pub fn new(config: &'a Config, hash: Hash, nonce: &[u8]) -> Self {
        let mut server = ptr::null_mut();
        unsafe {
            let status =
                scramtoken_server_new(config.config, mechanism(hash).as_ptr(), &mut server);
            assert_eq!(status, SCRAMTOKEN_OK);
            let status = scramtoken_server_set_nonce(server, nonce.as_ptr(), nonce.len());
            assert_eq!(status, SCRAMTOKEN_OK);
        }
        Self { server, keys: &config.keys }
    }

    /// The status, and the output where one was written.
    pub fn step(&self, input: &[u8]) -> (scramtoken_status, Option<Vec<u8>>) {
        let (mut out, mut out_len) = (ptr::null(), 0);
        let (input, input_len) = (input.as_ptr(), input.len());
        let status = unsafe {
            scramtoken_server_step(self.server, input, input_len, &mut out, &mut out_len)
        };
        if status < 0 {
            assert!(!unsafe { CStr::from_ptr(scramtoken_server_error(self.server)) }.is_empty());
        }
        (status, unsafe { copy(out, out_len) })
    }

    /// Whom to look up, and as what; None where nobody is asked for.
    pub fn identity(&self) -> Option<(Vec<u8>, i32)> {
        let (mut name, mut name_len, mut kind) = (ptr::null(), 0, 0);
        let status =
            unsafe { scramtoken_server_identity(self.server, &mut name, &mut name_len, &mut kind) };
        (status == SCRAMTOKEN_OK).then(|| (unsafe { copy(name, name_len) }.unwrap(), kind))
    }

    pub fn supply(&self, account: Account) -> scramtoken_status {
        let credential = credential(self.keys);
        unsafe {
            match account {
                Account::User => scramtoken_server_supply_user(self.server, &credential),
                Account::Unknown => scramtoken_server_supply_unknown(self.server),
                Account::Token | Account::ExpiredToken => {
                    let (owner, owner_len) = (OWNER.as_ptr(), OWNER.len());
                    let expiry_ms = account.expiry_ms();
                    scramtoken_server_supply_token(
                        self.server,
                        &credential,
                        owner,
                        owner_len,
                        expiry_ms,
                    )
                }
            }
        }
    }

    pub fn verdict(&self) -> scramtoken_verdict {
        let mut verdict = std::mem::MaybeUninit::uninit();
        unsafe {
            let status = scramtoken_server_verdict(self.server, verdict.as_mut_ptr());
            assert_eq!(status, SCRAMTOKEN_OK);
            verdict.assume_init()
        }
    }

    /// The name of an authenticated peer.
    pub fn verdict_name(&self) -> Vec<u8> {
        let verdict = self.verdict();
        unsafe { copy(verdict.name, verdict.name_len) }.unwrap_or_default()
    }
}

impl Drop for Server<'_> {
    fn drop(&mut self) {
        unsafe { scramtoken_server_free(self.server) };
    }
}
