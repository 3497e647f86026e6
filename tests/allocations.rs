//! How often a server allocates for one login: what one takes, a thousand at once take too.
#![allow(unsafe_code, reason = "an allocator, and a lookup callback as C would write it")]
#![allow(clippy::unwrap_used, reason = "a test may")]

#[path = "../harness/abi.rs"]
mod abi;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::ffi::{CStr, CString, c_char, c_void};
use std::{ptr, slice};

use abi::{Client, Credential, Server, ServerConfig, Store};
use scramtoken::ffi::*;

/// The server itself, and what it remembers of client and login.
const MOST: usize = 2;

const MECHANISMS: [&CStr; 2] = [c"SCRAM-SHA-256", c"SCRAM-SHA-512"];
const PASSWORD: &[u8] = b"pencil";
const USER: &[u8] = b"user";
const TOKEN_ID: &[u8] = b"token-id";
const OWNER: &[u8] = b"alice";

#[test]
fn a_login_with_a_suspended_lookup() {
    for mechanism in MECHANISMS {
        let credential = Credential::derive(mechanism, PASSWORD, b"a salt of 16 b.", 4096);
        let config = ServerConfig::new();
        for name in [USER, TOKEN_ID] {
            let made = log_in(&config, mechanism, name, |server| match name {
                USER => server.supply_user(&credential),
                _ => server.supply_token(&credential, OWNER, -1),
            });
            assert!(made <= MOST, "{made} allocations for {name:?} by {mechanism:?}");
        }
    }
}

#[test]
fn a_login_with_a_lookup_callback() {
    for mechanism in MECHANISMS {
        let credential = Credential::derive(mechanism, PASSWORD, b"a salt of 16 b.", 4096);
        let config = ServerConfig::new();
        let userdata = ptr::from_ref(&credential).cast_mut().cast();
        // SAFETY: the credential outlives the config.
        unsafe { scramtoken_server_config_set_lookup(config.0, Some(look_up), userdata, None) };
        for name in [USER, TOKEN_ID] {
            let made = log_in(&config, mechanism, name, |_| unreachable!("nobody is asked"));
            assert!(made <= MOST, "{made} allocations for {name:?} by {mechanism:?}");
        }
    }
}

#[test]
fn a_login_with_a_lookup_in_a_store() {
    let directory = tempfile::tempdir().unwrap();
    let lmdb = CString::new(format!("lmdb:{}/store", directory.path().display())).unwrap();
    for uri in [c"memory:", &lmdb] {
        let (store, mut config) = (Store::open(uri), ServerConfig::new());
        for mechanism in MECHANISMS {
            let credential = Credential::derive(mechanism, PASSWORD, b"a salt of 16 b.", 4096);
            store.put_credential(mechanism, USER, &credential);
        }
        config.set_store(&store);
        for mechanism in MECHANISMS {
            let made = log_in(&config, mechanism, USER, |_| unreachable!("nobody is asked"));
            assert!(made <= MOST, "{made} allocations in {uri:?} by {mechanism:?}");
        }
    }
}

/// A login to its good end; how many allocations the server made for it.
fn log_in(
    config: &ServerConfig,
    mechanism: &CStr,
    name: &[u8],
    supply: impl FnOnce(&mut Server) -> scramtoken_status,
) -> usize {
    let mut client = Client::new(mechanism);
    match name {
        USER => client.set_password(name, PASSWORD),
        _ => client.set_token(name, PASSWORD),
    }
    let client_first = client.step(b"").1.unwrap();

    let before = ALLOCATIONS.get();
    let mut server = Server::new(config, mechanism);
    let (mut status, mut challenge) = server.step(client_first);
    if status == SCRAMTOKEN_NEED_CREDENTIAL {
        assert_eq!(supply(&mut server), SCRAMTOKEN_OK);
        (status, challenge) = server.step(b"");
    }
    let mut made = ALLOCATIONS.get() - before;
    assert_eq!(status, SCRAMTOKEN_CONTINUE);

    let client_final = client.step(challenge.unwrap()).1.unwrap();
    let before = ALLOCATIONS.get();
    let (status, _) = server.step(client_final);
    made += ALLOCATIONS.get() - before;
    assert_eq!(status, SCRAMTOKEN_OK);
    assert_eq!(server.verdict_name(), if name == USER { USER } else { OWNER });
    made
}

/// Knows one user and one token, both with the credential in `userdata`.
unsafe extern "C" fn look_up(
    userdata: *mut c_void,
    _mechanism: *const c_char,
    name: *const u8,
    name_len: usize,
    _kind: i32,
    reply: *mut scramtoken_lookup_reply,
) -> scramtoken_status {
    // SAFETY: the name is valid within the callback, userdata is the credential that was set.
    unsafe {
        let name = slice::from_raw_parts(name, name_len);
        let credential = (*userdata.cast::<Credential>()).to_c();
        if name == USER {
            return scramtoken_lookup_reply_user(reply, &credential);
        }
        scramtoken_lookup_reply_token(reply, &credential, OWNER.as_ptr(), OWNER.len(), -1)
    }
}

#[test]
fn allocations_are_counted() {
    let before = ALLOCATIONS.get();
    let mut bytes = std::hint::black_box(vec![1u8]);
    bytes.reserve(1000);
    assert_eq!(ALLOCATIONS.get() - before, 2);
}

thread_local! {
    /// Of this thread, growing ones included.
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

#[global_allocator]
static COUNTING: Counting = Counting;

struct Counting;

// SAFETY: the system's allocator does the work.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: the caller's promise.
        unsafe { System.realloc(pointer, layout, size) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(pointer, layout) }
    }
}
