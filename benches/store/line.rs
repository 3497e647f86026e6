//! What is printed: a line of JSON for each value, as benches/results.py reads it.

use std::time::Duration;

/// What was measured, of what, and at which number of it, where there is one.
#[derive(Clone, Copy)]
pub(crate) struct Line<'a> {
    pub(crate) benchmark: &'a str,
    pub(crate) subject: &'a str,
    pub(crate) mechanism: &'a str,
    pub(crate) at: u64,
}

impl Line<'_> {
    pub(crate) fn print(&self, round: usize, value: f64, unit: &str) {
        let Self { benchmark, subject, mechanism, at } = self;
        let version = env!("CARGO_PKG_VERSION");
        println!(
            r#"{{"benchmark": "{benchmark}", "subject": "{subject}", "mechanism": "{mechanism}", "at": {at}, "round": {round}, "value": {value:.6}, "unit": "{unit}", "version": "{version}"}}"#
        );
    }

    pub(crate) fn print_time(&self, round: usize, time: Duration, unit: &str) {
        let scale = match unit {
            "us" => 1e6,
            "ms" => 1e3,
            _ => 1.0,
        };
        self.print(round, time.as_secs_f64() * scale, unit);
    }

    /// p50 and p99 of a round, in microseconds.
    pub(crate) fn print_percentiles(&self, round: usize, mut samples: Vec<Duration>) {
        samples.sort_unstable();
        for (percent, name) in [(50, "p50"), (99, "p99")] {
            let subject = format!("{}, {name}", self.subject);
            let line = Line { subject: &subject, ..*self };
            line.print_time(round, samples[samples.len() * percent / 100], "us");
        }
    }
}
