//! What stores cost, and what grows with threads, logins, tokens and processes; see docs/performance.
//! Prints lines of JSON, for `make bench-scale` to keep.
//!
//! `cargo bench --bench store -- DIRECTORY [PART]..` measures the parts that are named alone: `lookup`
//! (and opening, and sizes), `handshake`, `create`, `sweep`, `threads`, `half-open`, `writers`. With
//! FULL=1 in the environment there is a store of ten million tokens, too.
#![allow(unsafe_code, reason = "what malloc says of itself")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "what goes wrong ends the run")]

#[path = "../../harness/abi.rs"]
mod abi;
mod half_open;
mod handshake;
mod line;
mod memory;
mod threads;
mod tokens;
mod writers;

use std::fs;
use std::hint::black_box;
use std::path::Path;
use std::time::{Duration, Instant};

use line::Line;
use scramtoken::{Mechanism, Store};
use tempfile::TempDir;

const MECHANISM: Mechanism = Mechanism::ScramSha512;
/// Far away: nothing expires but what is made to.
const LATER_MS: i64 = 4_000_000_000_000;

const SIZES: [u32; 4] = [1_000, 10_000, 100_000, 1_000_000];
const FULL: u32 = 10_000_000;
/// So many tokens are written at once.
const BATCH: usize = 100_000;
const ROUNDS: usize = 5;

fn main() {
    // Cargo adds an option of its own.
    let mut arguments = std::env::args().skip(1).filter(|argument| argument != "--bench");
    let directory = arguments.next().unwrap_or_else(|| ".".to_owned());
    let parts: Vec<String> = arguments.collect();
    if let [role, path] = &parts[..]
        && role == "writer"
    {
        return writers::write(Path::new(path));
    }
    let directory = TempDir::new_in(directory).unwrap();
    let is_wanted = |part: &str| parts.is_empty() || parts.iter().any(|wanted| wanted == part);

    // First, as long as nothing else has grown.
    if is_wanted("half-open") {
        half_open::bench();
    }
    if is_wanted("threads") {
        threads::bench(directory.path());
    }
    if is_wanted("writers") {
        writers::bench(directory.path());
    }
    let path_of = |size: u32| directory.path().join(size.to_string());
    let [smallest, .., largest] = SIZES;
    let is_full = std::env::var("FULL").is_ok_and(|full| full == "1");
    if is_wanted("lookup") {
        for size in SIZES.into_iter().chain(is_full.then_some(FULL)) {
            fill(&path_of(size), size);
            measure(&path_of(size), size);
            if size == FULL {
                fs::remove_dir_all(path_of(size)).unwrap();
            }
        }
    }
    for size in [smallest, largest] {
        if !path_of(size).exists() {
            fill(&path_of(size), size);
        }
    }
    if is_wanted("handshake") {
        handshake::bench(&path_of(largest));
    }
    if is_wanted("create") {
        tokens::create(&open(&path_of(smallest)));
    }
    if is_wanted("sweep") {
        tokens::sweep(&open(&path_of(largest)));
    }
}

fn open(path: &Path) -> Store {
    Store::open(&format!("lmdb:{}", path.display())).unwrap()
}

fn fill(path: &Path, size: u32) {
    let store = open(path);
    for from in (0..size).step_by(BATCH) {
        store.put_synthetic_tokens((from..size).take(BATCH), LATER_MS).unwrap();
    }
}

/// Opening, file, memory, and lookups.
fn measure(path: &Path, size: u32) {
    let line = |benchmark, subject| {
        let mechanism = MECHANISM.name();
        Line { benchmark, subject, mechanism, at: u64::from(size) }
    };
    for round in 0..ROUNDS * 10 {
        let opened = time(|| drop(black_box(open(path))));
        line("store, opening", "LMDB").print_time(round, opened, "ms");
    }
    line("store, file", "LMDB").print(0, memory::on_disk(path), "bytes");
    let ids: Vec<String> = numbers(size).take(100_000).map(Store::synthetic_token_id).collect();
    memory::give_back();
    let before = memory::resident();
    let store = open(path);
    line("store, open", "LMDB").print(0, memory::resident() - before, "bytes");
    look_up(&store, line("store, lookup", "LMDB"), &ids);
    memory::give_back();
    line("store, looked through", "LMDB").print(0, memory::resident() - before, "bytes");
}

/// A fresh transaction for each lookup, of ids in no order.
fn look_up(store: &Store, line: Line<'_>, ids: &[String]) {
    let look_up = |id: &String| time(|| assert!(store.has_token(id, MECHANISM).unwrap()));
    let _warm: Vec<Duration> = ids.iter().map(look_up).collect();
    for round in 0..ROUNDS {
        line.print_percentiles(round, ids.iter().map(look_up).collect());
    }
}

/// Numbers below this one, always the same, in no order.
fn numbers(below: u32) -> impl Iterator<Item = u32> {
    let lehmer = |number: &u64| Some(number * 48_271 % 2_147_483_647);
    let all = std::iter::successors(Some(48_271), lehmer);
    all.map(move |number| u32::try_from(number % u64::from(below)).unwrap())
}

fn time(work: impl FnOnce()) -> Duration {
    let begin = Instant::now();
    work();
    begin.elapsed()
}
