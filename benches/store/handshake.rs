//! The server's side of a login through the C API, looked up in a store, beside one whose credential
//! was supplied.

use std::ffi::{CStr, CString};
use std::path::Path;
use std::time::{Duration, Instant};

use scramtoken::ffi::*;

use super::abi::{Client, Credential, KeyCache, Server, ServerConfig, Store};
use super::line::Line;

const MECHANISMS: [&CStr; 2] = [c"SCRAM-SHA-256", c"SCRAM-SHA-512"];
const SALT: &[u8] = b"sixteen bytes...";
const USER: &[u8] = b"alice";
const PASSWORD: &[u8] = b"pencil";

pub(crate) fn bench(path: &Path) {
    let store = Store::open(&CString::new(format!("lmdb:{}", path.display())).unwrap());
    for mechanism in MECHANISMS {
        let credential = Credential::derive(mechanism, PASSWORD, SALT, 4096);
        store.put_credential(mechanism, USER, &credential);
        let (supplying, mut looking_up) = (ServerConfig::new(), ServerConfig::new());
        looking_up.set_store(&store);
        let cache = KeyCache::new(1);
        let line = |subject| Line {
            benchmark: "a server's login, store",
            subject,
            mechanism: mechanism.to_str().unwrap(),
            at: 1_000_000,
        };
        for round in 0..10 {
            // In turns, so that both see the same machine.
            let (mut supplied, mut looked_up) = (Vec::new(), Vec::new());
            for _ in 0..2000 {
                supplied.push(log_in(&supplying, mechanism, &cache, Some(&credential)));
                looked_up.push(log_in(&looking_up, mechanism, &cache, None));
            }
            line("supplied").print_percentiles(round, supplied);
            line("looked up").print_percentiles(round, looked_up);
        }
    }
}

/// How long the server takes, without the client.
fn log_in(
    config: &ServerConfig,
    mechanism: &CStr,
    cache: &KeyCache,
    supplied: Option<&Credential>,
) -> Duration {
    let mut client = Client::new(mechanism);
    client.set_password(USER, PASSWORD);
    client.set_key_cache(cache);
    let first = client.step(b"").1.unwrap();

    let begin = Instant::now();
    let mut server = Server::new(config, mechanism);
    let (mut status, mut challenge) = server.step(first);
    if let Some(credential) = supplied {
        assert_eq!(status, SCRAMTOKEN_NEED_CREDENTIAL);
        assert_eq!(server.supply_user(credential), SCRAMTOKEN_OK);
        (status, challenge) = server.step(b"");
    }
    assert_eq!(status, SCRAMTOKEN_CONTINUE);
    let elapsed = begin.elapsed();

    let last = client.step(challenge.unwrap()).1.unwrap();
    let begin = Instant::now();
    assert_eq!(server.step(last).0, SCRAMTOKEN_OK);
    assert_eq!(server.verdict_name(), USER);
    drop(server);
    elapsed + begin.elapsed()
}
