//! What stores cost; see docs/benchmarks.md. Prints lines of name, unit and samples, with tabs
//! between them, for `make bench-store` to make a table of.
//!
//! `cargo bench --bench store -- DIRECTORY [PART]..` measures the parts that are
//! named alone: `lookup` (and opening), `handshake`, `create`, `sweep`.
#![allow(clippy::unwrap_used, reason = "what goes wrong ends the run")]

#[path = "../../harness/abi.rs"]
mod abi;
mod handshake;
mod tokens;

use std::hint::black_box;
use std::path::Path;
use std::time::{Duration, Instant};

use scramtoken::{Mechanism, Store};
use tempfile::TempDir;

const MECHANISM: Mechanism = Mechanism::ScramSha512;
/// Far away: nothing expires but what is made to.
const LATER_MS: i64 = 4_000_000_000_000;

const SIZES: [u32; 4] = [1_000, 10_000, 100_000, 1_000_000];
/// So many tokens are written at once.
const BATCH: usize = 100_000;

fn main() {
    // Cargo adds an option of its own.
    let mut arguments = std::env::args().skip(1).filter(|argument| argument != "--bench");
    let directory = TempDir::new_in(arguments.next().unwrap_or_else(|| ".".to_owned())).unwrap();
    let parts: Vec<String> = arguments.collect();
    let is_wanted = |part: &str| parts.is_empty() || parts.iter().any(|wanted| wanted == part);

    for size in SIZES {
        let path = directory.path().join(size.to_string());
        fill(&path, size);
        if is_wanted("lookup") {
            open_and_close(&path, size);
            look_up(&open(&path), size);
        }
    }
    let [smallest, .., largest] = SIZES.map(|size| directory.path().join(size.to_string()));
    if is_wanted("handshake") {
        handshake::bench(&largest);
    }
    if is_wanted("create") {
        tokens::create(&open(&smallest));
    }
    if is_wanted("sweep") {
        tokens::sweep(&open(&largest));
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

fn open_and_close(path: &Path, size: u32) {
    let samples = (0..50).map(|_| time(|| drop(black_box(open(path)))));
    report(&format!("open/{size}"), "ms", samples.collect());
}

/// A fresh transaction for each lookup, of ids in no order.
fn look_up(store: &Store, size: u32) {
    let ids: Vec<String> = numbers(size).take(100_000).map(Store::synthetic_token_id).collect();
    let look_up = |id: &String| time(|| assert!(store.has_token(id, MECHANISM).unwrap()));
    let _warm: Vec<Duration> = ids.iter().map(look_up).collect();
    report(&format!("lookup/{size}"), "us", ids.iter().map(look_up).collect());
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

/// All samples, in the unit, sorted.
fn report(name: &str, unit: &str, samples: Vec<Duration>) {
    let scale = match unit {
        "us" => 1e6,
        "ms" => 1e3,
        _ => 1.0,
    };
    let mut samples: Vec<f64> = samples.iter().map(|sample| sample.as_secs_f64() * scale).collect();
    samples.sort_by(f64::total_cmp);
    let samples: Vec<String> = samples.iter().map(|sample| format!("{sample:.4}")).collect();
    println!("{name}\t{unit}\t{}", samples.join("\t"));
}
