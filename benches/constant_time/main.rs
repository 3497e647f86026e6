//! Whether a refusal tells by its time what is secret: which part of a proof is wrong, and which names
//! somebody has. See docs/performance.
//!
//! `cargo bench --bench constant_time -- [SAMPLES [LISTENER]]` prints a line of JSON for each test: the
//! value is Welch's t, beside which are the median and the difference of the means in nanoseconds.
#![allow(unsafe_code, reason = "a lookup callback, and C's door from the outside")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "what goes wrong ends the run")]

#[path = "../../harness/abi.rs"]
mod abi;
mod listeners;
mod proofs;
mod welch;

use listeners::{Asked, Listener, MECHANISMS, Who};
use proofs::Proofs;
use welch::{LIMIT, Outcome, Random, Samples};

/// Pairs of names that must look alike: the second of each is nobody's.
const PAIRS: [(Asked, Who, Who); 10] = [
    (Asked::User, Who::User, Who::Nobody),
    (Asked::User, Who::UserOfTheOther, Who::Nobody),
    (Asked::Token, Who::Token, Who::NoToken),
    (Asked::Token, Who::ExpiredToken, Who::NoToken),
    (Asked::Token, Who::RemovedToken, Who::NoToken),
    (Asked::Either, Who::User, Who::Nobody),
    (Asked::Either, Who::UserOfTheOther, Who::Nobody),
    (Asked::Either, Who::Token, Who::NoToken),
    (Asked::Either, Who::ExpiredToken, Who::NoToken),
    (Asked::Either, Who::RemovedToken, Who::NoToken),
];

/// Before any are taken.
const WARM_UP: usize = 2000;

fn main() {
    // Cargo adds an option of its own.
    let mut arguments = std::env::args().skip(1).filter(|argument| argument != "--bench");
    let samples = arguments.next().map_or(1_000_000, |samples| samples.parse().unwrap());
    let wanted = arguments.next();
    let is_wanted = |name| wanted.as_ref().is_none_or(|wanted| wanted == name);
    if is_wanted("proofs") {
        for mechanism in MECHANISMS {
            let outcome = compare_proofs(&Proofs::new(mechanism), samples);
            let mechanism = mechanism.to_str().unwrap();
            print("proof, wrong in its first or last byte", "any lookup", mechanism, &outcome);
        }
    }
    for listener in Listener::all() {
        if !is_wanted(listener.name) {
            continue;
        }
        for (asked, somebody, nobody) in PAIRS {
            let [first, last] = compare(&listener, asked, [somebody, nobody], samples);
            for (step, samples) in [("challenge", first), ("refusal", last)] {
                let test = format!(
                    "{}, {} or {}, {step}",
                    asked.words(),
                    somebody.words(),
                    nobody.words()
                );
                print(&test, listener.name, listener.mechanism_name(), &samples.outcome());
            }
        }
    }
}

fn print(benchmark: &str, lookup: &str, mechanism: &str, outcome: &Outcome) {
    let Outcome { t, kept, median, difference } = outcome;
    let version = env!("CARGO_PKG_VERSION");
    println!(
        r#"{{"benchmark": "{benchmark}", "subject": "{lookup}", "mechanism": "{mechanism}", "round": 0, "value": {t:.3}, "unit": "t", "limit": {LIMIT}, "kept": {kept:.4}, "median": {median:.0}, "difference": {difference:.2}, "version": "{version}"}}"#
    );
}

fn compare_proofs(proofs: &Proofs, samples: usize) -> Outcome {
    let mut random = Random::new();
    let mut taken = Samples::default();
    for round in 0..samples + WARM_UP {
        let which = random.below(2);
        let took = proofs.refuse(which == 1);
        if round >= WARM_UP {
            taken.push(which, took);
        }
    }
    taken.outcome()
}

/// In turns by chance, so that both see the same machine, and neither can be guessed ahead.
fn compare(listener: &Listener, asked: Asked, pair: [Who; 2], samples: usize) -> [Samples; 2] {
    let mut random = Random::new();
    let mut taken = [Samples::default(), Samples::default()];
    for round in 0..samples + WARM_UP {
        let which = random.below(2);
        let (first, last) = listener.refuse(asked, pair[which], &mut random);
        if round >= WARM_UP {
            taken[0].push(which, first);
            taken[1].push(which, last);
        }
    }
    taken
}
