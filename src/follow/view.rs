//! What is shown of a follower: without secrets, and apart from what it works with.

use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Value, json};

use crate::clock;
use crate::service::{JSON, METRICS, Metrics, OK, Page, TEXT, UNAVAILABLE, seconds, steady_ms};
use crate::store::Following;

/// Written by the follower's loop, read by whoever asks over HTTP.
#[derive(Clone, Default)]
pub(super) struct Shared(Arc<Mutex<View>>);

/// The follower at one time.
#[derive(Clone, Default)]
pub(super) struct View {
    /// How the store stands; None before it is known whose tokens it has.
    pub(super) following: Option<Following>,
    pub(super) tokens: u64,
    /// Tokens of the cluster that nobody can log in with here.
    pub(super) odd: u64,
    /// Whether the last look was a good one; None before the first.
    pub(super) is_up: Option<bool>,
    pub(super) error: Option<String>,
    pub(super) looks: u64,
    pub(super) failures: u64,
    pub(super) put: u64,
    pub(super) moved: u64,
    pub(super) removed: u64,
    /// How long the last good look took.
    pub(super) look_ms: i64,
    /// Since when the loop is busy, in steady ms; None while it waits.
    pub(super) busy_since_ms: Option<i64>,
}

impl Shared {
    pub(super) fn read<T>(&self, read: impl FnOnce(&View) -> T) -> T {
        read(&self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn write(&self, write: impl FnOnce(&mut View)) {
        write(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }

    pub(super) fn page(&self, target: &str) -> Page {
        let now_ms = clock::now_ms();
        match target.split_once('?').map_or(target, |(path, _)| path) {
            "/healthz" => match self.read(View::is_healthy) {
                true => (OK, TEXT, "ok\n".to_owned()),
                false => (UNAVAILABLE, TEXT, "the loop does not go round\n".to_owned()),
            },
            "/readyz" => match self.read(|view| view.not_ready(now_ms)) {
                None => (OK, TEXT, "ok\n".to_owned()),
                Some(why) => (UNAVAILABLE, TEXT, format!("{why}\n")),
            },
            "/metrics" => (OK, METRICS, self.read(|view| view.metrics(now_ms))),
            "/status" => (OK, JSON, format!("{:#}\n", self.read(|view| view.json(now_ms)))),
            _ => {
                let paths = "there are /healthz, /readyz, /metrics and /status\n";
                ("404 Not Found", TEXT, paths.to_owned())
            }
        }
    }
}

impl View {
    /// Whether the loop goes round.
    fn is_healthy(&self) -> bool {
        self.busy_since_ms.is_none_or(|since| steady_ms().saturating_sub(since) < STUCK_MS)
    }

    /// Why servers of the store may refuse a token of the cluster.
    fn not_ready(&self, now_ms: i64) -> Option<String> {
        let following = self.following.as_ref();
        let Some(following) = following.filter(|how| how.looked_ms.is_some()) else {
            return Some("no look at the cluster yet".to_owned());
        };
        if following.is_stale(now_ms) {
            let text = match following.age_ms(now_ms) {
                Some(..0) => "the last look lies in the future, for the clock was set back",
                _ => "the last look is too old",
            };
            return Some(format!("{text}: tokens are refused"));
        }
        let lag = following.lag;
        (lag > 0).then(|| format!("{lag} tokens are still to be put into the store"))
    }

    fn metrics(&self, now_ms: i64) -> String {
        let mut page = Metrics::new("scramtoken_follow_");
        page.family("build_info", "gauge", "The follower that answers; always 1.");
        page.sample("build_info", &[("version", env!("CARGO_PKG_VERSION"))], 1);
        let is_up = u8::from(self.is_up == Some(true));
        page.single("brokers_up", "gauge", "Whether the last look was a good one.", is_up);
        if let Some(following) = &self.following {
            if let (Some(looked_ms), Some(age_ms)) = (following.looked_ms, following.age_ms(now_ms))
            {
                let help = "When the last good look began.";
                page.single("last_look_timestamp_seconds", "gauge", help, seconds(looked_ms));
                let help = "How long ago the last good look began; below zero where the clock was set back since.";
                page.single("last_look_age_seconds", "gauge", help, seconds(age_ms));
            }
            if let Some(max_age_ms) = following.max_age_ms {
                let help = "How old the last good look may be before servers refuse tokens.";
                page.single("max_age_seconds", "gauge", help, seconds(max_age_ms));
            }
            let help = "Tokens of the cluster that are still to be put into the store.";
            page.single("lag_tokens", "gauge", help, following.lag);
        }
        page.single("tokens", "gauge", "Tokens in the store.", self.tokens);
        let help = "Tokens of the cluster whose owner is no User, or whose id is too long.";
        page.single("skipped_tokens", "gauge", help, self.odd);
        let help = "How long the last good look took, from its request to its commit.";
        page.single("look_duration_seconds", "gauge", help, seconds(self.look_ms));
        page.single("looks_total", "counter", "Good looks.", self.looks);
        page.single("failures_total", "counter", "Looks that failed.", self.failures);
        page.family("changes_total", "counter", "Tokens put, given another end, and removed.");
        for (change, count) in [("put", self.put), ("moved", self.moved), ("removed", self.removed)]
        {
            page.sample("changes_total", &[("change", change)], count);
        }
        page.into_text()
    }

    fn json(&self, now_ms: i64) -> Value {
        let following = self.following.as_ref();
        json!({
            "version": env!("CARGO_PKG_VERSION"),
            "ready": self.not_ready(now_ms).is_none(),
            "cluster_id": following.map(|how| &how.cluster_id),
            "last_look_timestamp_ms": following.map(|how| how.looked_ms),
            "last_look_age_ms": following.map(|how| how.age_ms(now_ms)),
            "max_age_ms": following.map(|how| how.max_age_ms),
            "lag": following.map(|how| how.lag),
            "tokens": self.tokens,
            "skipped_tokens": self.odd,
            "looks": self.looks,
            "failures": self.failures,
            "brokers_answer": self.is_up,
            "error": self.error,
        })
    }
}

/// The loop is stuck in one round for longer than any request may take.
const STUCK_MS: i64 = 120_000;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Store, following};

    fn view(looked_ms: Option<i64>, max_age_ms: Option<i64>, lag: u64) -> View {
        let store = Store::open("memory:").unwrap();
        let begun = store.write(|write| following::begin(write, "id", max_age_ms)).unwrap();
        let following = Some(Following { looked_ms, lag, ..begun });
        View { following, tokens: 7, failures: 3, ..View::default() }
    }

    #[test]
    fn a_store_is_ready_when_it_lets_in_what_the_cluster_does() {
        let ready = |view: View| view.not_ready(5000).is_none();
        assert!(!ready(View::default()) && !ready(view(None, None, 0)));
        assert!(ready(view(Some(1), None, 0)) && !ready(view(Some(1), None, 1)));
        assert!(ready(view(Some(4000), Some(1000), 0)) && !ready(view(Some(3999), Some(1000), 0)));
        assert!(ready(view(Some(6000), Some(1000), 0)) && !ready(view(Some(6001), Some(1000), 0)));
    }

    #[test]
    fn metrics_tell_age_tokens_lag_and_failures() {
        let page = view(Some(3500), Some(2000), 5).metrics(5000);
        for line in [
            "scramtoken_follow_last_look_age_seconds 1.500",
            "scramtoken_follow_max_age_seconds 2.000",
            "scramtoken_follow_tokens 7",
            "scramtoken_follow_lag_tokens 5",
            "scramtoken_follow_failures_total 3",
            "scramtoken_follow_changes_total{change=\"put\"} 0",
        ] {
            assert!(page.lines().any(|have| have == line), "{line}\n{page}");
        }
        assert!(!view(None, None, 0).metrics(0).contains("_age_"));
    }
}
