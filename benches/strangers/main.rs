//! Whether a server takes longer for names that nobody has; see docs/benchmarks.md.
//!
//! `cargo bench --no-default-features --bench strangers -- [SAMPLES [LISTENER]]` prints a line for each
//! pair of names: listener, mechanism, what was asked for, the pair, the step, the median of the first,
//! the difference of the means and its t, with tabs between them.
#![allow(unsafe_code, reason = "a lookup callback, and C's door from the outside")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "what goes wrong ends the run")]

#[path = "../../harness/abi.rs"]
mod abi;
mod listeners;
mod sample;

use listeners::{Asked, Listener, Who};
use sample::Samples;

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

fn main() {
    // Cargo adds an option of its own.
    let mut arguments = std::env::args().skip(1).filter(|argument| argument != "--bench");
    let samples = arguments.next().map_or(100_000, |samples| samples.parse().unwrap());
    let wanted = arguments.next();
    println!("listener\tmechanism\tasked for\tpair\tstep\tmedian, ns\tdifference, ns\tt");
    for listener in Listener::all() {
        if wanted.as_ref().is_some_and(|wanted| listener.name != wanted) {
            continue;
        }
        for (asked, somebody, nobody) in PAIRS {
            let [first, last] = compare(&listener, asked, [somebody, nobody], samples);
            let pair = format!("{somebody:?} {nobody:?}");
            for (step, samples) in [("first", first), ("final", last)] {
                println!(
                    "{}\t{asked:?}\t{pair}\t{step}\t{}",
                    listener.full_name(),
                    samples.summary()
                );
            }
        }
    }
}

/// In turns by chance, so that both see the same machine, and neither can be guessed ahead.
fn compare(listener: &Listener, asked: Asked, pair: [Who; 2], samples: usize) -> [Samples; 2] {
    let mut random = sample::Random::new();
    let mut taken = [Samples::default(), Samples::default()];
    for round in 0..samples * 2 + 2000 {
        let which = random.below(2);
        let (first, last) = listener.refuse(asked, pair[which], &mut random);
        if round >= 2000 {
            taken[0].push(which, first);
            taken[1].push(which, last);
        }
    }
    taken
}
