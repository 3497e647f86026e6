//! The accounts of a server under test, which all have one password.

use std::ffi::{c_char, c_void};
use std::{ptr, slice};

use scramtoken::ffi::*;

use crate::abi::{Credential, Server, ServerConfig};
use crate::oracle::{Hash, Keys};

pub const OWNER: &[u8] = b"alice";
pub const NOW_MS: i64 = 1_700_000_000_000;
const PASSWORD: &[u8] = b"pencil";
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
    /// Whose name it is, of those that the lookup asks for.
    pub fn find(name: &[u8], kind: i32) -> Self {
        let account = match name {
            b"user" => Self::User,
            b"token" => Self::Token,
            b"expired" => Self::ExpiredToken,
            _ => Self::Unknown,
        };
        if account.answers(kind) { account } else { Self::Unknown }
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

    pub fn supply(self, server: &mut Server, credential: &Credential) -> scramtoken_status {
        match self {
            Self::User => server.supply_user(credential),
            Self::Unknown => server.supply_unknown(),
            Self::Token | Self::ExpiredToken => {
                server.supply_token(credential, OWNER, self.expiry_ms())
            }
        }
    }
}

/// By the oracle, so that the library's own derivation is not trusted with it.
pub fn keys(hash: Hash) -> Keys {
    Keys::derive(hash, PASSWORD, SALT, ITERATIONS)
}

pub fn credential(keys: &Keys) -> Credential {
    let (stored_key, server_key) = (keys.stored_key.clone(), keys.server_key.clone());
    Credential { salt: SALT.to_vec(), iterations: ITERATIONS, stored_key, server_key }
}

/// A config with a clock that stands still.
pub fn config() -> ServerConfig {
    let config = ServerConfig::new();
    unsafe {
        scramtoken_server_config_set_clock(config.0, Some(now_ms), ptr::null_mut(), None);
        scramtoken_server_config_set_mock_secret(config.0, b"mock".as_ptr(), 4);
    }
    config
}

/// Lets a callback look names up, for as long as the credential lives.
pub fn set_lookup(config: &ServerConfig, credential: &Credential) {
    let userdata = ptr::from_ref(credential).cast_mut().cast();
    unsafe { scramtoken_server_config_set_lookup(config.0, Some(look_up), userdata, None) };
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
    let name = unsafe { slice::from_raw_parts(name, name_len) };
    let credential = unsafe { &*userdata.cast::<Credential>() }.to_c();
    let account = Account::find(name, kind);
    match account {
        Account::Unknown => unsafe { scramtoken_lookup_reply_unknown(reply) },
        Account::User => unsafe { scramtoken_lookup_reply_user(reply, &credential) },
        Account::Token | Account::ExpiredToken => unsafe {
            let (owner, len, expiry_ms) = (OWNER.as_ptr(), OWNER.len(), account.expiry_ms());
            scramtoken_lookup_reply_token(reply, &credential, owner, len, expiry_ms)
        },
    }
}
