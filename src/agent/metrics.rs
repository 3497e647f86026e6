//! What the agent tells Prometheus.

use core::fmt::Display;

use super::view::{TargetView, TokenView, View};
use crate::service::{Metrics, seconds};

/// The page of /metrics.
pub(super) fn page(view: &View) -> String {
    let mut page = Page(Metrics::new(PREFIX));
    let now_ms = view.broker_now_ms();
    page.0.family("build_info", "gauge", "The agent that answers; always 1.");
    page.0.sample("build_info", &[("version", env!("CARGO_PKG_VERSION"))], 1);

    page.0.family("brokers_up", "gauge", "Whether brokers answered the last request.");
    page.0.sample("brokers_up", &[], u8::from(view.is_cluster_up == Some(true)));
    if let Some(ahead_ms) = view.clock_ahead_ms {
        let help = "How far the brokers' clock is ahead of this machine's.";
        page.0.family("clock_offset_seconds", "gauge", help);
        page.0.sample("clock_offset_seconds", &[], seconds(ahead_ms));
    }
    page.0.family("journal_up", "gauge", "Whether the journal could be written.");
    page.0.sample("journal_up", &[], u8::from(view.journal_error.is_none()));

    page.of_tokens(
        view,
        "token_expiry_timestamp_seconds",
        "gauge",
        "When the published token ends unless it is renewed, by the brokers' clock.",
        |token| token.expiry_ms.map(seconds),
    );
    page.of_tokens(
        view,
        "token_max_timestamp_seconds",
        "gauge",
        "When the published token ends for good, by the brokers' clock.",
        |token| token.max_ms.map(seconds),
    );
    page.of_tokens(
        view,
        "token_max_remaining_seconds",
        "gauge",
        "How long it is until the published token ends for good.",
        |token| token.max_ms.map(|max_ms| seconds(max_ms.saturating_sub(now_ms))),
    );
    page.of_tokens(
        view,
        "token_expiry_remaining_seconds",
        "gauge",
        "How long it is until the published token ends unless it is renewed.",
        |token| token.expiry_ms.map(|expiry_ms| seconds(expiry_ms.saturating_sub(now_ms))),
    );
    page.of_tokens(
        view,
        "token_ready",
        "gauge",
        "Whether all targets hold a token that has not ended.",
        |token| Some(u8::from(token.is_ready(now_ms))),
    );
    page.of_tokens(view, "creations_total", "counter", "Tokens made.", |token| {
        Some(token.creations)
    });
    page.of_tokens(view, "renewals_total", "counter", "Tokens renewed.", |token| {
        Some(token.renewals)
    });

    page.0.family("publications_total", "counter", "How often a target was changed.");
    page.of_targets(view, "publications_total", |target| target.publications);
    page.0.family("target_failures_total", "counter", "How often a target could not be written.");
    page.of_targets(view, "target_failures_total", |target| target.failures);
    page.0.family("target_current", "gauge", "Whether a target holds the token that it should.");
    page.of_targets(view, "target_current", |target| u64::from(target.is_current));

    page.0.family("failures_total", "counter", "What failed, by operation.");
    for operation in OPERATIONS {
        let count = view.failures.get(operation).copied().unwrap_or_default();
        page.0.sample("failures_total", &[("operation", operation)], count);
    }
    page.0.into_text()
}

/// Everything that is counted when it fails.
pub(super) const OPERATIONS: [&str; 6] =
    ["create", "renew", "expire", "probe", "publish", "journal"];

/// A page, by token and by target.
struct Page(Metrics);

impl Page {
    fn of_tokens<T: Display>(
        &mut self,
        view: &View,
        name: &str,
        kind: &str,
        help: &str,
        value: impl Fn(&TokenView) -> Option<T>,
    ) {
        self.0.family(name, kind, help);
        for token in &view.tokens {
            if let Some(value) = value(token) {
                self.0.sample(name, &[("token", &token.name)], value);
            }
        }
    }

    fn of_targets(&mut self, view: &View, name: &str, value: impl Fn(&TargetView) -> u64) {
        for token in &view.tokens {
            for target in &token.targets {
                let labels = [
                    ("token", token.name.as_str()),
                    ("kind", target.kind),
                    ("target", target.place.as_str()),
                ];
                self.0.sample(name, &labels, value(target));
            }
        }
    }
}

const PREFIX: &str = "scramtoken_agent_";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_escaped_and_times_are_seconds() {
        let target = TargetView { kind: "file", place: "/a\"b\\c\n".into(), ..Default::default() };
        let token = TokenView {
            name: "spark".to_owned(),
            expiry_ms: Some(1_700_000_000_123),
            targets: vec![target],
            ..TokenView::default()
        };
        let page = page(&View { tokens: vec![token], ..View::default() });
        for line in [
            "scramtoken_agent_token_expiry_timestamp_seconds{token=\"spark\"} 1700000000.123",
            "scramtoken_agent_target_current{token=\"spark\",kind=\"file\",target=\"/a\\\"b\\\\c\\n\"} 0",
            "scramtoken_agent_failures_total{operation=\"renew\"} 0",
            "scramtoken_agent_brokers_up 0",
        ] {
            assert!(page.lines().any(|have| have == line), "{line}\n{page}");
        }
    }
}
