//! What the agent shows of itself: without secrets, and apart from what it works with.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Value, json};

use crate::service::steady_ms;

/// Written by the agent's loop, read by whoever asks over HTTP.
#[derive(Clone, Default, Debug)]
pub(super) struct Shared(Arc<Mutex<View>>);

/// The agent at one time.
#[derive(Clone, Default, Debug)]
pub(super) struct View {
    pub(super) tokens: Vec<TokenView>,
    /// Whether the last request to the brokers was answered; None before the first.
    pub(super) is_cluster_up: Option<bool>,
    pub(super) cluster_error: Option<String>,
    /// How far the brokers' clock is ahead of this machine's.
    pub(super) clock_ahead_ms: Option<i64>,
    /// Brokers' ms minus steady ms, as far as is known.
    pub(super) broker_offset_ms: i64,
    /// How often something failed, by operation.
    pub(super) failures: BTreeMap<&'static str, u64>,
    pub(super) journal_error: Option<String>,
    /// Since when the loop is busy, in steady ms; None while it waits.
    pub(super) busy_since_ms: Option<i64>,
}

#[derive(Clone, Default, Debug)]
pub(super) struct TokenView {
    pub(super) name: String,
    pub(super) id: Option<String>,
    pub(super) owner: Option<String>,
    pub(super) issue_ms: Option<i64>,
    pub(super) expiry_ms: Option<i64>,
    pub(super) max_ms: Option<i64>,
    pub(super) renew_ms: Option<i64>,
    pub(super) replace_ms: Option<i64>,
    /// All targets that keep the token hold it.
    pub(super) is_published: bool,
    /// A successor is waiting to be accepted.
    pub(super) has_successor: bool,
    pub(super) retired: usize,
    pub(super) creations: u64,
    pub(super) renewals: u64,
    pub(super) error: Option<String>,
    pub(super) targets: Vec<TargetView>,
}

#[derive(Clone, Default, Debug)]
pub(super) struct TargetView {
    pub(super) kind: &'static str,
    pub(super) place: String,
    pub(super) is_current: bool,
    pub(super) publications: u64,
    pub(super) failures: u64,
    pub(super) error: Option<String>,
}

/// The loop is stuck in one round for longer than any request may take.
const STUCK_MS: i64 = 120_000;

impl Shared {
    pub(super) fn read<T>(&self, read: impl FnOnce(&View) -> T) -> T {
        read(&self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn write(&self, write: impl FnOnce(&mut View)) {
        write(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

impl View {
    pub(super) fn broker_now_ms(&self) -> i64 {
        steady_ms().saturating_add(self.broker_offset_ms)
    }

    /// Whether the loop goes round.
    pub(super) fn is_healthy(&self) -> bool {
        self.busy_since_ms.is_none_or(|since| steady_ms().saturating_sub(since) < STUCK_MS)
    }

    /// The names of the tokens that nobody can find, or that are over; of one token where it is named.
    pub(super) fn not_ready(&self, name: Option<&str>) -> Vec<String> {
        let now_ms = self.broker_now_ms();
        let asked = self.tokens.iter().filter(|token| name.is_none_or(|name| token.name == name));
        let mut missing: Vec<String> =
            asked.filter(|token| !token.is_ready(now_ms)).map(|token| token.name.clone()).collect();
        if self.tokens.is_empty() || name.is_some_and(|name| !self.has(name)) {
            missing.extend(name.map(str::to_owned).or(Some("(starting)".to_owned())));
        }
        missing
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.tokens.iter().any(|token| token.name == name)
    }

    /// The object that `agent status --output json` prints.
    pub(super) fn json(&self) -> Value {
        let now_ms = self.broker_now_ms();
        let tokens = self.tokens.iter().map(|token| token.json(now_ms));
        json!({
            "version": env!("CARGO_PKG_VERSION"),
            "ready": self.not_ready(None).is_empty(),
            "now_timestamp_ms": now_ms,
            "clock_behind_brokers_ms": self.clock_ahead_ms,
            "brokers_answer": self.is_cluster_up,
            "brokers_error": self.cluster_error,
            "journal_error": self.journal_error,
            "tokens": tokens.collect::<Vec<_>>(),
        })
    }
}

impl TokenView {
    pub(super) fn is_ready(&self, now_ms: i64) -> bool {
        self.is_published && self.expiry_ms.is_some_and(|expiry_ms| expiry_ms > now_ms)
    }

    /// In one word.
    fn state(&self, now_ms: i64) -> &'static str {
        match (self.id.is_some(), self.is_ready(now_ms), self.has_successor) {
            (_, true, false) => "published",
            (_, true, true) => "replacing",
            (_, false, true) => "waiting",
            (true, false, false) if !self.is_published => "publishing",
            (true, false, false) => "expired",
            (false, false, false) => "missing",
        }
    }

    fn json(&self, now_ms: i64) -> Value {
        let targets = self.targets.iter().map(|target| {
            json!({
                "kind": target.kind,
                "place": target.place,
                "current": target.is_current,
                "publications": target.publications,
                "error": target.error,
            })
        });
        json!({
            "name": self.name,
            "state": self.state(now_ms),
            "ready": self.is_ready(now_ms),
            "token_id": self.id,
            "owner": self.owner,
            "issue_timestamp_ms": self.issue_ms,
            "expiry_timestamp_ms": self.expiry_ms,
            "max_timestamp_ms": self.max_ms,
            "renew_timestamp_ms": self.renew_ms,
            "replace_timestamp_ms": self.replace_ms,
            "creations": self.creations,
            "renewals": self.renewals,
            "tokens_to_be_ended": self.retired,
            "error": self.error,
            "targets": targets.collect::<Vec<_>>(),
        })
    }
}
