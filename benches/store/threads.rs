//! Servers' logins a second by threads that share a config and its store.
//!
//! A client's messages are prepared: its nonce and the server's are the same at every login, which so
//! takes no random number, and the clients no time.

use std::ffi::{CStr, CString};
use std::path::Path;
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use scramtoken::ffi::*;

use super::ROUNDS;
use super::abi::{Client, Credential, KeyCache, Server, ServerConfig, Store};
use super::line::Line;

const MECHANISM: &CStr = c"SCRAM-SHA-256";
const PASSWORD: &[u8] = b"pencil";
const NONCE: &[u8] = b"3rfcNHYJY1ZVvWVs7j4sHMfi";
const THREADS: [usize; 6] = [1, 2, 4, 16, 64, 256];
const FOR: Duration = Duration::from_millis(400);

/// What many threads may use; the C API says so.
struct Shared(ServerConfig);

// SAFETY: "A config may be used by any number of servers and threads" (scramtoken.h).
unsafe impl Sync for Shared {}

/// One user's two messages.
struct Messages {
    first: Vec<u8>,
    last: Vec<u8>,
}

pub(crate) fn bench(directory: &Path) {
    let lmdb = CString::new(format!("lmdb:{}", directory.join("threads").display())).unwrap();
    let [mut memory, mut mapped] = [ServerConfig::new(), ServerConfig::new()];
    let stores = [Store::open(c"memory:"), Store::open(&lmdb)];
    memory.set_store(&stores[0]);
    mapped.set_store(&stores[1]);
    let most = THREADS[THREADS.len() - 1];
    let credential = Credential::derive(MECHANISM, PASSWORD, b"sixteen bytes...", 4096);
    for name in (0..most).map(|number| format!("user-{number}")) {
        for store in &stores {
            store.put_credential(MECHANISM, name.as_bytes(), &credential);
        }
    }
    let configs = [("memory", Shared(memory)), ("LMDB", Shared(mapped))];
    let cache = KeyCache::new(most);
    let messages: Vec<Messages> =
        (0..most).map(|number| prepare(&configs[0].1, &cache, number)).collect();
    for round in 0..ROUNDS {
        for threads in THREADS {
            for (subject, config) in &configs {
                let rate = log_in_for_a_while(config, &messages[..threads]);
                let at = u64::try_from(threads).unwrap();
                let mechanism = MECHANISM.to_str().unwrap();
                Line { benchmark: "logins a second", subject, mechanism, at }
                    .print(round, rate, "1/s");
            }
        }
    }
}

fn prepare(config: &Shared, cache: &KeyCache, number: usize) -> Messages {
    let mut client = Client::new(MECHANISM);
    client.set_password(format!("user-{number}").as_bytes(), PASSWORD);
    client.set_nonce(NONCE);
    client.set_key_cache(cache);
    let first = client.step(b"").1.unwrap().to_vec();
    let mut server = Server::new(&config.0, MECHANISM);
    server.set_nonce(NONCE);
    let last = client.step(server.step(&first).1.unwrap()).1.unwrap().to_vec();
    Messages { first, last }
}

/// Logins a second, of all threads together: each has a user of its own. From when the first begins to
/// when the last ends, for with many threads neither is when this one says so.
fn log_in_for_a_while(config: &Shared, messages: &[Messages]) -> f64 {
    let (ready, over) = (Barrier::new(messages.len() + 1), AtomicBool::new(false));
    let (ready, over) = (&ready, &over);
    let work = |messages: &Messages| {
        ready.wait();
        let (begin, mut done) = (Instant::now(), 0_u32);
        while !over.load(Ordering::Relaxed) {
            log_in(config, messages);
            done += 1;
        }
        (begin, Instant::now(), done)
    };
    let ran: Vec<(Instant, Instant, u32)> = thread::scope(|scope| {
        let start = |messages| scope.spawn(move || work(messages));
        let threads: Vec<_> = messages.iter().map(start).collect();
        ready.wait();
        thread::sleep(FOR);
        over.store(true, Ordering::Relaxed);
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let begin = ran.iter().map(|(begin, ..)| *begin).min().unwrap();
    let end = ran.iter().map(|(_, end, _)| *end).max().unwrap();
    let done: u32 = ran.iter().map(|(.., done)| done).sum();
    f64::from(done) / (end - begin).as_secs_f64()
}

fn log_in(config: &Shared, messages: &Messages) {
    let mut server = Server::new(&config.0, MECHANISM);
    server.set_nonce(NONCE);
    assert_eq!(server.step(&messages.first).0, SCRAMTOKEN_CONTINUE);
    assert_eq!(server.step(&messages.last).0, SCRAMTOKEN_OK);
    assert_eq!(server.verdict().outcome, SCRAMTOKEN_AUTHENTICATED);
}
