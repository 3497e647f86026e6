//! What brokers are asked for a token, and what comes of it.

use super::{Agent, random};
use crate::agent::brokers;
use crate::agent::keeper::Keeper;
use crate::agent::life::{Acceptance, Failure, Life, Now, Tried, Turn};
use crate::service::duration;
use crate::service::steady_ms;
use crate::token::Token;
use crate::{error::Error, status::Status};

impl Agent {
    pub(super) fn create(&mut self, index: usize) {
        let Some(keeper) = self.keepers.get_mut(index) else { return };
        let sent_ms = steady_ms();
        match self.brokers.create(&keeper.config.asked) {
            Ok(token) => {
                if let Some(issue_ms) = token.issue_ms {
                    self.clock.learn(issue_ms, sent_ms);
                }
                keeper.creations += 1;
                let id = token.id.clone();
                keeper.life.created(token, self.clock.now(), random());
                let name = Some(keeper.config.name.as_str());
                self.log.info(name, format_args!("made the token {id}"));
                self.succeeded(index);
                self.save_now();
            }
            Err(error) => self.failed(index, "create", &error, |life, _, now| {
                life.create_failed(now, random());
            }),
        }
    }

    pub(super) fn probe(&mut self, index: usize, token: &Token) {
        let Some(keeper) = self.keepers.get_mut(index) else { return };
        let probe = match self.brokers.probe(token, keeper.config.mechanism) {
            Ok(probe) => probe,
            Err(error) => return self.failed(index, "probe", &error, |_, _, _| ()),
        };
        // On the same brokers, a moment later.
        let before = keeper.life.rival().map(|rival| (rival.clone(), keeper.config.mechanism));
        let before = before.and_then(|(token, way)| self.brokers.probe(&token, way).ok());
        let tried = Tried {
            acceptance: probe.acceptance,
            accepted: probe.accepted,
            accepted_before: before.map_or(0, |before| before.accepted),
        };
        let turn = keeper.life.probed(tried, self.clock.now(), random());
        let name = keeper.config.name.clone();
        let (log, id) = (self.log, &token.id);
        if probe.acceptance != Acceptance::None {
            self.succeeded(index);
        }
        match turn {
            Turn::Waiting => {
                // All is well for a second or so: a new token takes that long to reach brokers.
                let is_long = keeper_waits_long(self.keepers.get(index), self.clock.now());
                if is_long && self.may_say(&format!("probe {name}")) {
                    let missing = probe.missing.join("; ");
                    let text = format!(
                        "the token {id} waits for brokers that do not accept it: {missing}"
                    );
                    log.warn(Some(&name), text);
                }
                return;
            }
            Turn::Published => {
                log.info(Some(&name), format_args!("every broker accepts the token {id}"));
            }
            Turn::PublishedEarly => {
                let missing = probe.missing.join("; ");
                let text = format!(
                    "the token {id} is published although not every broker accepts it: {missing}"
                );
                log.warn(Some(&name), text);
            }
            Turn::Useless => {
                let missing = probe.missing.join("; ");
                let text = format!(
                    "the token {id} is not published, for no more brokers accept it than the one \
                     before: {missing}"
                );
                log.warn(Some(&name), text);
            }
            Turn::Dropped => {
                let text = format!("token {id} expired before the brokers accepted it");
                log.warn(Some(&name), text);
            }
        }
        self.save_now();
    }

    pub(super) fn renew(&mut self, index: usize, token: &Token) {
        let sent_ms = steady_ms();
        match self.brokers.renew(token) {
            Ok(expiry_ms) => {
                let Some(keeper) = self.keepers.get_mut(index) else { return };
                let current = keeper.life.current().filter(|held| held.token.id == token.id);
                let held = current.map(|held| (held.max_ms(), held.period_ms));
                if let (false, Some((max_ms, period_ms))) = (self.clock.now().is_exact, held)
                    && expiry_ms < max_ms
                {
                    self.clock.learn(expiry_ms.saturating_sub(period_ms), sent_ms);
                }
                let now = self.clock.at(sent_ms);
                keeper.renewals += 1;
                keeper.life.renewed(&token.id, expiry_ms, now, random());
                let left = duration::show(expiry_ms.saturating_sub(now.broker_ms));
                let name = Some(keeper.config.name.as_str());
                self.log.info(name, format_args!("renewed the token {} for {left}", token.id));
                self.succeeded(index);
                self.save_now();
            }
            Err(error) => self.failed(index, "renew", &error, |life, why, now| {
                life.renew_failed(&token.id, why, now, random());
            }),
        }
    }

    pub(super) fn expire(&mut self, index: usize, token: &Token) {
        match self.brokers.expire(token) {
            Ok(()) => {
                let Some(keeper) = self.keepers.get_mut(index) else { return };
                keeper.life.expired(&token.id);
                let name = Some(keeper.config.name.as_str());
                self.log.info(name, format_args!("ended the token {}", token.id));
                self.succeeded(index);
                self.save_now();
            }
            // It ended by itself.
            Err(error) if brokers::failure(&error) == Failure::Gone => {
                let Some(keeper) = self.keepers.get_mut(index) else { return };
                keeper.life.expired(&token.id);
                self.succeeded(index);
                self.save_now();
            }
            Err(error) => self.failed(index, "expire", &error, |life, why, now| {
                life.expire_failed(&token.id, why, now, random());
            }),
        }
    }

    /// Brokers answered about a token.
    fn succeeded(&mut self, index: usize) {
        self.brokers_answer();
        if let Some(keeper) = self.keepers.get_mut(index) {
            keeper.error = None;
        }
    }

    /// Brokers answered.
    pub(super) fn brokers_answer(&mut self) {
        self.gate.reset();
        self.shared.write(|view| (view.is_cluster_up, view.cluster_error) = (Some(true), None));
        if let Some(since_ms) = self.away_since_ms.take() {
            self.said_ms.remove(BROKERS);
            let away = duration::show(steady_ms().saturating_sub(since_ms));
            self.log.info(None, format_args!("brokers answer again, after {away}"));
        }
    }

    /// A request failed: because of the token, or for all of them.
    pub(super) fn failed(
        &mut self,
        index: usize,
        operation: &'static str,
        error: &Error,
        of_token: impl FnOnce(&mut Life, Failure, Now),
    ) {
        let now = self.clock.now();
        let Some(keeper) = self.keepers.get_mut(index) else { return };
        let name = keeper.config.name.clone();
        keeper.error = Some(error.text().to_owned());
        if is_about_tokens(error.status()) {
            self.shared.write(|view| *view.failures.entry(operation).or_default() += 1);
            of_token(&mut keeper.life, brokers::failure(error), now);
            self.is_dirty = true;
            if self.may_say(&format!("{operation} {name}")) {
                self.log.warn(Some(&name), error);
            }
            return;
        }
        self.brokers_fail(operation, error);
    }

    /// Brokers cannot be asked for anything: one request finds out when that is over.
    pub(super) fn brokers_fail(&mut self, operation: &'static str, error: &Error) {
        self.shared.write(|view| *view.failures.entry(operation).or_default() += 1);
        let now = self.clock.now();
        let most_ms = self.keepers.iter().map(|keeper| most_pause_ms(&keeper.life)).min();
        self.gate.failed(now.steady_ms, most_ms.unwrap_or(MOST_PAUSE_MS), random());
        let since_ms = *self.away_since_ms.get_or_insert(now.steady_ms);
        self.shared.write(|view| {
            view.is_cluster_up = Some(false);
            view.cluster_error = Some(error.text().to_owned());
        });
        if self.may_say(BROKERS) {
            let away = duration::show(now.steady_ms.saturating_sub(since_ms));
            self.log.warn(None, format_args!("brokers cannot be asked (for {away} now): {error}"));
        }
    }

    /// Once a minute for the same thing.
    pub(super) fn may_say(&mut self, what: &str) -> bool {
        let now_ms = steady_ms();
        match self.said_ms.get(what) {
            Some(said_ms) if now_ms.saturating_sub(*said_ms) < SAY_MS => false,
            _ => {
                self.said_ms.insert(what.to_owned(), now_ms);
                true
            }
        }
    }
}

/// Whether it waits for longer than a new token usually takes to reach all brokers.
fn keeper_waits_long(keeper: Option<&Keeper>, now: Now) -> bool {
    let successor = keeper.and_then(|keeper| keeper.life.successor());
    let issue_ms = successor.and_then(|held| held.token.issue_ms);
    issue_ms.is_some_and(|issue_ms| now.broker_ms.saturating_sub(issue_ms) > LONG_MS)
}

/// Brokers refused what was asked of them, and would not refuse everything.
fn is_about_tokens(status: Status) -> bool {
    const CLUSTER_AUTHORIZATION_FAILED: i32 = -1031;
    matches!(
        status,
        Status::TOKEN_AUTH_DISABLED
            | Status::TOKEN_NOT_FOUND
            | Status::TOKEN_OWNER_MISMATCH
            | Status::TOKEN_REQUEST_NOT_ALLOWED
            | Status::TOKEN_AUTHORIZATION_FAILED
            | Status::TOKEN_EXPIRED
            | Status::INVALID_PRINCIPAL_TYPE
    ) || status.to_raw() == CLUSTER_AUTHORIZATION_FAILED
}

/// Brokers are asked again soon enough for a token that lives shortly.
fn most_pause_ms(life: &Life) -> i64 {
    let period_ms = life.current().or(life.successor()).map(|held| held.period_ms);
    period_ms.map_or(MOST_PAUSE_MS, |period_ms| (period_ms / 20).clamp(500, MOST_PAUSE_MS))
}

const BROKERS: &str = "brokers";
pub(super) const SAY_MS: i64 = 60_000;
pub(super) const MOST_PAUSE_MS: i64 = 15_000;
/// A new token that is not accepted for longer than this is worth a warning.
const LONG_MS: i64 = 5_000;
