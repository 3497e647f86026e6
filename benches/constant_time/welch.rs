//! Two samples of durations, and whether they differ: Welch's t, as dudect has it (Reparaz, Balasch,
//! Verbauwhede: "Dude, is my code constant time?").

use std::time::Duration;

/// |t| from here on is a difference.
pub(crate) const LIMIT: f64 = 4.5;
/// So many times the slowest are left out, more of them each time.
const CROPS: u32 = 100;
/// What is left of each sample has to be as large as this.
const LEAST: usize = 1000;

#[derive(Default)]
pub(crate) struct Samples([Vec<f64>; 2]);

/// What a test came to.
pub(crate) struct Outcome {
    /// The largest, by its absolute value, of all crops.
    pub(crate) t: f64,
    /// How much of the samples was left there.
    pub(crate) kept: f64,
    /// Of the fastest nine tenths of all, in nanoseconds.
    pub(crate) median: f64,
    pub(crate) difference: f64,
}

impl Samples {
    pub(crate) fn push(&mut self, which: usize, took: Duration) {
        self.0[which].push(took.as_secs_f64() * 1e9);
    }

    /// An interrupt is slower than any login: samples are compared whole, and below each of the
    /// percentiles of both together.
    pub(crate) fn outcome(mut self) -> Outcome {
        let mut all: Vec<f64> = self.0.iter().flatten().copied().collect();
        all.sort_by(f64::total_cmp);
        for samples in &mut self.0 {
            samples.sort_by(f64::total_cmp);
        }
        let sums = self.0.each_ref().map(|samples| Sums::new(samples));
        let below = |limit: f64| {
            let ends = self.0.each_ref().map(|samples| samples.partition_point(|s| *s < limit));
            let [first, second] = [0, 1].map(|which: usize| sums[which].moments(ends[which]));
            let error = (first.1 / count(ends[0]) + second.1 / count(ends[1])).sqrt();
            (first.0 - second.0, error, ends)
        };

        let tenth = all[all.len() / 10 * 9];
        let mut outcome =
            Outcome { t: 0.0, kept: 1.0, median: all[all.len() / 2], difference: below(tenth).0 };
        let cropped = (1..=CROPS).map(|crop| 1.0 - 0.5_f64.powf(f64::from(crop) / 10.0));
        for kept in cropped.chain([1.0]) {
            let limit = if kept < 1.0 { all[index(&all, kept)] } else { f64::INFINITY };
            let (difference, error, ends) = below(limit);
            if ends.iter().any(|end| *end < LEAST) {
                continue;
            }
            let t = if error > 0.0 { difference / error } else { 0.0 };
            if t.abs() > outcome.t.abs() {
                (outcome.t, outcome.kept) = (t, kept);
            }
        }
        outcome
    }
}

/// Of the smallest so many samples: their sum, and that of their squares, around a value in the
/// midst of them, so that nothing is lost to rounding.
struct Sums {
    around: f64,
    sums: Vec<(f64, f64)>,
}

impl Sums {
    fn new(sorted: &[f64]) -> Self {
        let around = sorted[sorted.len() / 2];
        let mut sums = Vec::with_capacity(sorted.len() + 1);
        let mut sum = (0.0, 0.0);
        sums.push(sum);
        for sample in sorted {
            let from = sample - around;
            sum = (sum.0 + from, sum.1 + from * from);
            sums.push(sum);
        }
        Self { around, sums }
    }

    /// Mean and variance.
    fn moments(&self, end: usize) -> (f64, f64) {
        let ((sum, squares), number) = (self.sums[end], count(end));
        let mean = sum / number;
        (self.around + mean, (squares - number * mean * mean) / (number - 1.0))
    }
}

#[expect(clippy::cast_precision_loss, reason = "nobody takes that many samples")]
fn count(number: usize) -> f64 {
    number as f64
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a part of a length is none that is longer"
)]
fn index(sorted: &[f64], part: f64) -> usize {
    ((count(sorted.len()) * part) as usize).min(sorted.len() - 1)
}

/// xorshift64*, from the system's random numbers.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new() -> Self {
        let mut seed = [0; 8];
        getrandom::fill(&mut seed).unwrap();
        Self(u64::from_ne_bytes(seed) | 1)
    }

    pub(crate) fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let high = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33;
        usize::try_from(high).unwrap() % limit
    }
}
