//! What a login costs, through the C API, and what it is made of; see docs/benchmarks.md.
//!
//! `make bench-logins` runs these beside Kafka's own classes (KafkaLogins.java) and prints the table.
#![allow(missing_docs, reason = "criterion's macros")]
#![allow(unsafe_code, reason = "a lookup callback, OpenSSL, and a clock")]
#![allow(clippy::unwrap_used, reason = "what goes wrong ends the run")]

#[path = "../../harness/abi.rs"]
mod abi;
mod client;
mod cpu_time;
mod hashing;
mod openssl;
mod server;

use std::ffi::CStr;
use std::time::Duration;

use cpu_time::CpuTime;
use criterion::{Criterion, criterion_group, criterion_main};

const MECHANISMS: [&CStr; 2] = [c"SCRAM-SHA-256", c"SCRAM-SHA-512"];
const PASSWORD: &[u8] = b"correct horse battery staple";
const SALT: &[u8] = b"sixteen bytes...";
const ITERATIONS: u32 = 4096;
const USER: &[u8] = b"alice";
const TOKEN_ID: &[u8] = b"FCQa_HgWR6q2lWyPN9lSLg";
/// Base64 of 64 bytes, as Kafka's HMACs are.
const HMAC: &[u8] =
    b"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0+Pw==";

criterion_group! {
    name = logins;
    config = Criterion::default()
        .with_measurement(CpuTime)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(3));
    targets = hashing::bench, client::bench, server::bench
}
criterion_main!(logins);
