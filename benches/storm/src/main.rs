//! Many logins on one Kafka broker, a bounded number of them at a time; nothing else of Kafka.
//!
//! Standard input is a JSON object: `address`, `ca` (a PEM file; without it there is no TLS),
//! `mechanism`, `name`, `secret`, `is_token`, `logins` and `at_once`. Standard output is another:
//! seconds from the first connection to the last answer, and microseconds that logins took, from
//! connecting to the server's signature. One login that fails ends it all.

mod connection;
mod frame;
mod login;

use std::error::Error;
use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use std::{io, thread};

use login::Logins;
use serde_json::{Value, json};

type Failure = Box<dyn Error + Send + Sync>;

fn main() -> Result<(), Failure> {
    let options: Value = serde_json::from_reader(io::stdin())?;
    let logins = Logins::new(&options)?;
    logins.log_in()?; // derives the keys, of which the cache then has all that the others need
    let (seconds, mut times) =
        storm(&logins, number(&options, "logins")?, number(&options, "at_once")?)?;
    times.sort_unstable();
    let percentile = |percent: usize| times.get((times.len() - 1) * percent / 100).copied();
    let us = |time: Option<Duration>| time.map(|time| time.as_micros());
    println!(
        "{}",
        json!({
            "logins": times.len(),
            "seconds": seconds.as_secs_f64(),
            "p50_us": us(percentile(50)),
            "p99_us": us(percentile(99)),
            "most_us": us(percentile(100)),
        })
    );
    Ok(())
}

/// What it took, and what each login took.
fn storm(
    logins: &Logins,
    wanted: usize,
    at_once: usize,
) -> Result<(Duration, Vec<Duration>), Failure> {
    let begun = AtomicUsize::new(0);
    let together = Barrier::new(at_once + 1);
    let one_after_the_other = || -> Result<Vec<Duration>, Failure> {
        let mut times = Vec::with_capacity(wanted);
        together.wait();
        while begun.fetch_add(1, Ordering::Relaxed) < wanted {
            let start = Instant::now();
            if let Err(error) = logins.log_in() {
                begun.store(wanted, Ordering::Relaxed); // the others need not go on
                return Err(error);
            }
            times.push(start.elapsed());
        }
        Ok(times)
    };
    thread::scope(|scope| {
        let threads: Vec<_> = (0..at_once).map(|_| scope.spawn(one_after_the_other)).collect();
        together.wait();
        let start = Instant::now();
        let mut times = Vec::with_capacity(wanted);
        for thread in threads {
            times.extend(thread.join().map_err(|_| "a thread panicked")??);
        }
        Ok((start.elapsed(), times))
    })
}

fn number(options: &Value, name: &str) -> Result<usize, Failure> {
    let number = options[name].as_u64().filter(|number| *number > 0);
    Ok(usize::try_from(number.ok_or_else(|| format!("{name} is no number above 0"))?)?)
}
