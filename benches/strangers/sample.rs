//! Two samples of durations, and whether they differ.

use std::time::Duration;

#[derive(Default)]
pub(crate) struct Samples([Vec<f64>; 2]);

impl Samples {
    pub(crate) fn push(&mut self, which: usize, took: Duration) {
        self.0[which].push(took.as_secs_f64() * 1e9);
    }

    /// The slowest tenth of each was interrupted, and is left out.
    pub(crate) fn summary(mut self) -> String {
        for samples in &mut self.0 {
            samples.sort_by(f64::total_cmp);
            samples.truncate(samples.len() * 9 / 10);
        }
        let [first, second] = &self.0;
        let difference = mean(first) - mean(second);
        let error = (squared_error(first) + squared_error(second)).sqrt();
        format!("{:.0}\t{difference:.1}\t{:.1}", first[first.len() / 2], difference / error)
    }
}

#[expect(clippy::cast_precision_loss, reason = "nobody takes that many samples")]
fn mean(samples: &[f64]) -> f64 {
    samples.iter().sum::<f64>() / samples.len() as f64
}

/// Of the mean.
#[expect(clippy::cast_precision_loss, reason = "nobody takes that many samples")]
fn squared_error(samples: &[f64]) -> f64 {
    let mean = mean(samples);
    let squares: f64 = samples.iter().map(|sample| (sample - mean).powi(2)).sum();
    let count = samples.len() as f64;
    squares / (count - 1.0) / count
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
