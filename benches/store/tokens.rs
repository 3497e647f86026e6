//! A token authority's work: tokens made one by one, and many ended ones swept away under readers.

use std::collections::HashSet;
use std::hint::black_box;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use std::{fs, thread};

use scramtoken::{
    Credential, Mechanism, NewToken, Principal, Requester, Store, StoredKeys, TokenManager,
};

use super::line::Line;
use super::{MECHANISM, numbers, time};

const SALT: &[u8] = b"sixteen bytes...";

/// A token, durable when it is there, beside what it cannot do without: its keys, and a commit.
pub(crate) fn create(store: &Store) {
    let manager = manager(store);
    let derive = |mechanism| StoredKeys::derive(mechanism, &[b'h'; 88], SALT, 4096).unwrap();
    for round in 0..150 {
        let line = |subject, time| line("a token made", subject).print_time(round, time, "ms");
        line("token", time(|| make(&manager)));
        let mut keys = None;
        line("derivations", time(|| keys = Some(Mechanism::ALL.map(derive))));
        let [_, keys] = keys.unwrap();
        let (stored_key, server_key) = (keys.stored_key(), keys.server_key());
        let credential = Credential::new(MECHANISM, SALT, 4096, stored_key, server_key).unwrap();
        line("commit", time(|| store.put_credential(b"bob", &credential).unwrap()));
    }
}

pub(crate) fn make(manager: &TokenManager) {
    let alice = Requester::new("User:alice".parse::<Principal>().unwrap());
    let random = || {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes).unwrap();
        Ok(bytes)
    };
    black_box(manager.create(&alice, &NewToken::default(), 0, random).unwrap());
}

/// One of ten in a million has expired and is swept, while a thread looks others up. Ids are random,
/// so those that have expired lie among the others in no order.
pub(crate) fn sweep(store: &Store) {
    let mut seen = HashSet::new();
    let mut random = numbers(1_000_000).filter(|number| seen.insert(*number));
    store.put_synthetic_tokens(random.by_ref().take(100_000), 0).unwrap();
    let others: Vec<String> = random.take(1000).map(Store::synthetic_token_id).collect();
    let manager = manager(store);
    let alone = reads_during(store, &others, || thread::sleep(Duration::from_secs(1)));
    line("lookups beside a sweep", "before").print_percentiles(0, alone);
    let (mut swept, mut busy) = (Duration::ZERO, Duration::ZERO);
    let reads = reads_during(store, &others, || {
        let before = processor_time();
        swept = time(|| assert_eq!(manager.sweep(2000).unwrap(), 100_000));
        busy = processor_time() - before;
    });
    line("lookups beside a sweep", "meanwhile").print_percentiles(0, reads);
    line("sweep", "all").print_time(0, swept, "s");
    line("sweep", "on a processor").print_time(0, busy, "s");
}

fn line<'a>(benchmark: &'a str, subject: &'a str) -> Line<'a> {
    Line { benchmark, subject, mechanism: "both", at: 1_000_000 }
}

/// Of this thread.
fn processor_time() -> Duration {
    let text = fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    Duration::from_nanos(text.split(' ').next().unwrap().parse().unwrap())
}

pub(crate) fn manager(store: &Store) -> TokenManager {
    let manager = TokenManager::new(store);
    manager.add_secret_key("bench", &[7; 32]).unwrap();
    manager
}

fn reads_during(store: &Store, ids: &[String], work: impl FnOnce()) -> Vec<Duration> {
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut samples = Vec::new();
            while !done.load(Ordering::Relaxed) {
                for id in ids {
                    samples.push(time(|| assert!(store.has_token(id, MECHANISM).unwrap())));
                }
            }
            samples
        });
        work();
        done.store(true, Ordering::Relaxed);
        reader.join().unwrap()
    })
}
