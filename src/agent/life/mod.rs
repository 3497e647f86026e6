//! The life of one token: what is to be done next, and what came of it. No clock, no socket, no file.
//!
//! ```text
//! Create ──> successor ──Probe: every broker accepts it──> current ──Renew at 80 %──> current ──┐
//!    ^                                                        │ before its maximum lifetime     │
//!    └────────────────────────────────────────────────────────┴─────────────────────────────────┘
//! current, once there is a newer one ──> retired ──all targets hold the newer one, grace──> Expire
//! ```
//!
//! Times of tokens are the brokers' ms; pauses go by steady ms, which no clock's step moves.

#[cfg(test)]
mod tests;

use super::config::TokenConfig;
pub(super) use crate::service::Retry;
use crate::token::Token;

/// What time it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Now {
    /// Goes on whatever happens to any clock.
    pub(super) steady_ms: i64,
    /// What the brokers' clock says, as far as is known.
    pub(super) broker_ms: i64,
    /// Whether a broker has said so since this machine started.
    pub(super) is_exact: bool,
}

/// How one token is to be kept.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Policy {
    pub(super) grace_ms: i64,
    pub(super) accept_timeout_ms: i64,
    /// Nobody comes back until the next run of another process (`--once`).
    pub(super) once: bool,
}

impl Policy {
    pub(super) fn new(config: &TokenConfig, once: bool) -> Self {
        let TokenConfig { grace_ms, accept_timeout_ms, .. } = *config;
        Self { grace_ms, accept_timeout_ms, once }
    }
}

/// A token that the agent made.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Held {
    pub(super) token: Token,
    /// When its expiry was granted: at its creation, or at the last renewal.
    pub(super) granted_ms: i64,
    /// How long a renewal is good for, as far as its creation told.
    pub(super) period_ms: i64,
    /// Whether this process made or renewed it.
    pub(super) is_fresh: bool,
    /// The brokers know it no more.
    is_gone: bool,
    renewal: Retry,
    /// Spreads the renewals of many tokens.
    jitter: u32,
}

impl Held {
    /// A token of which the brokers said when it ends.
    pub(super) fn new(token: Token, granted_ms: i64, period_ms: i64, jitter: u32) -> Self {
        let renewal = Retry::default();
        Self { token, granted_ms, period_ms, is_fresh: false, is_gone: false, renewal, jitter }
    }

    fn created(token: Token, now: Now, jitter: u32) -> Self {
        let issue_ms = token.issue_ms.unwrap_or(now.broker_ms);
        let expiry_ms = token.expiry_ms.unwrap_or(issue_ms);
        let period_ms = expiry_ms.saturating_sub(issue_ms).max(1);
        Self { is_fresh: true, ..Self::new(token, issue_ms, period_ms, jitter) }
    }

    pub(super) fn expiry_ms(&self) -> i64 {
        self.token.expiry_ms.unwrap_or(i64::MAX)
    }

    pub(super) fn max_ms(&self) -> i64 {
        self.token.max_ms.unwrap_or(i64::MAX)
    }

    fn is_over(&self, now: Now) -> bool {
        self.expiry_ms() <= now.broker_ms
    }

    fn can_be_renewed(&self) -> bool {
        self.expiry_ms() < self.max_ms()
    }

    /// At 80 % of what the last renewal gave, up to 5 % sooner.
    pub(super) fn renew_ms(&self) -> i64 {
        let span = self.expiry_ms().saturating_sub(self.granted_ms).max(0);
        let sooner = i64::from(self.jitter % 1024) * (span / 20) / 1024;
        self.granted_ms.saturating_add(span / 5 * 4).saturating_sub(sooner)
    }

    /// When its successor is made: early enough for brokers to learn it and for clients to read it, but
    /// not in the first half of its life.
    pub(super) fn replace_ms(&self, policy: &Policy) -> i64 {
        let issue_ms = self.token.issue_ms.unwrap_or(self.granted_ms);
        let life = self.max_ms().saturating_sub(issue_ms).max(0);
        let lead = (self.period_ms / 5)
            .max(policy.grace_ms.saturating_add(policy.accept_timeout_ms))
            .min(life / 2);
        let spread = i64::from(self.jitter % 1024) * (life / 100) / 1024;
        self.max_ms().saturating_sub(lead).saturating_sub(spread)
    }

    /// The longest pause between two tries: short beside the time that is left.
    fn most_pause_ms(&self) -> i64 {
        (self.period_ms / 20).clamp(500, MOST_PAUSE_MS)
    }
}

/// A new token that not all brokers are known to accept.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Successor {
    pub(super) held: Held,
    /// Since when brokers are asked, in steady ms.
    since_ms: i64,
    probe_ms: i64,
    probes: u32,
    /// It was made because brokers refuse the current token, and takes its place only where more of them
    /// accept it.
    is_rival: bool,
}

/// A token whose place another has taken.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Retired {
    pub(super) held: Held,
    /// When it is ended, in brokers' ms; None while a target may still hold it.
    pub(super) end_ms: Option<i64>,
    expiry: Retry,
}

impl Retired {
    pub(super) fn new(held: Held, end_ms: Option<i64>) -> Self {
        Self { held, end_ms, expiry: Retry::default() }
    }

    /// Whether it is in use for longer than its last renewal lasts.
    fn serves_on(&self) -> bool {
        self.end_ms.is_none_or(|end_ms| end_ms > self.held.expiry_ms())
    }
}

/// What is to be done next.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Step {
    Create,
    /// Whether every broker accepts the successor.
    Probe(Token),
    Renew(Token),
    Expire(Token),
    /// Nothing until then, in steady ms; None is nothing at all.
    Wait(Option<i64>),
}

/// Which brokers accept a successor.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Acceptance {
    All,
    Some,
    None,
}

/// What came of a try of a successor on every broker.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Tried {
    pub(super) acceptance: Acceptance,
    /// How many brokers accept it.
    pub(super) accepted: usize,
    /// How many accept its [`rival`](Life::rival), where it has one.
    pub(super) accepted_before: usize,
}

/// How many brokers accept the current token, of those that could be asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Honoured {
    pub(super) by: usize,
    pub(super) of: usize,
}

/// Why a request about a token failed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Failure {
    /// The brokers do not know the token, or its time is over.
    Gone,
    /// Whatever else; it may work later.
    Other,
}

/// What a step came to, for the log and the metrics.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Turn {
    /// The successor is not accepted everywhere yet.
    Waiting,
    /// It is the current token from now on, and is to be published.
    Published,
    /// The same, but some brokers did not accept it in time.
    PublishedEarly,
    /// It ended before it could be published.
    Dropped,
    /// It is no better than the current token: no more brokers accept it.
    Useless,
}

/// One token and those before and after it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Life {
    policy: Policy,
    current: Option<Held>,
    successor: Option<Successor>,
    retired: Vec<Retired>,
    creation: Retry,
    /// The current token is not what the configuration asks for.
    is_outdated: bool,
    /// Brokers that accepted the current token once, and refuse it now: it was ended by others, or the
    /// brokers' secret key has changed.
    refused: Option<Honoured>,
    /// The value of `refused` when the last successor was no better.
    tried: Option<Honoured>,
    /// With `once`: the current token is as good as it gets.
    is_done: bool,
}

const MOST_PAUSE_MS: i64 = 30_000;
const FIRST_PROBE_MS: i64 = 100;
const MOST_PROBE_MS: i64 = 2_000;
const LAST_MOMENT_MS: i64 = 1_000;
const URGENT_MS: i64 = 3_000;
const SPREAD_MS: i64 = 2_000;

impl Life {
    /// A life that begins.
    pub(super) fn new(policy: Policy) -> Self {
        Self {
            policy,
            current: None,
            successor: None,
            retired: Vec::new(),
            creation: Retry::default(),
            is_outdated: false,
            refused: None,
            tried: None,
            is_done: false,
        }
    }

    /// A life that goes on from what a journal holds.
    pub(super) fn restore(
        policy: Policy,
        current: Option<Held>,
        successor: Option<Held>,
        retired: Vec<Retired>,
        now: Now,
    ) -> Self {
        let successor = successor.map(|held| Successor::new(held, now));
        Self { current, successor, retired, ..Self::new(policy) }
    }

    pub(super) fn current(&self) -> Option<&Held> {
        self.current.as_ref()
    }

    pub(super) fn successor(&self) -> Option<&Held> {
        self.successor.as_ref().map(|successor| &successor.held)
    }

    pub(super) fn retired(&self) -> &[Retired] {
        &self.retired
    }

    pub(super) fn policy(&self) -> &Policy {
        &self.policy
    }

    pub(super) fn set_policy(&mut self, policy: Policy) {
        self.policy = policy;
    }

    /// The current token is to be replaced now: the configuration asks for another one.
    pub(super) fn outdate(&mut self) {
        self.is_outdated = true;
        (self.refused, self.tried) = (None, None);
        self.creation.reset();
        // What was made by the old configuration is not published any more.
        if let Some(successor) = self.successor.take() {
            self.retired.push(Retired::new(successor.held, Some(0)));
        }
    }

    /// Brokers were asked whether they still accept the current token. The return value says whether
    /// another one is worth a try.
    pub(super) fn looked(&mut self, id: &str, honoured: Honoured) -> bool {
        let is_current = self.current().is_some_and(|held| held.token.id == id);
        if !is_current || honoured.of == 0 {
            return false;
        }
        self.refused = Some(honoured).filter(|Honoured { by, of }| by < of);
        if self.refused.is_none() {
            self.tried = None;
        }
        self.wants_better()
    }

    /// The token that the successor has to be better than.
    pub(super) fn rival(&self) -> Option<&Token> {
        let is_rival = self.successor.as_ref().is_some_and(|successor| successor.is_rival);
        self.current.as_ref().filter(|_| is_rival).map(|held| &held.token)
    }

    /// One try for each way in which brokers refuse the current token, and no more.
    fn wants_better(&self) -> bool {
        self.refused.is_some() && self.refused != self.tried
    }

    /// What to do now.
    pub(super) fn step(&self, now: Now) -> Step {
        let mut wait = Wait::default();
        // What is in use comes first.
        let still_read = self.retired.iter().filter(|retired| retired.serves_on());
        for held in self.current.iter().chain(still_read.map(|retired| &retired.held)) {
            if let Some(due_ms) = self.renewal_ms(held, now)
                && wait.is_due(due_ms, held.renewal, now)
            {
                return Step::Renew(held.token.clone());
            }
        }
        match &self.successor {
            Some(successor) => {
                if wait.is_due_steady(successor.probe_ms, now) {
                    return Step::Probe(successor.held.token.clone());
                }
            }
            None => {
                let due_ms = self.creation_ms(now);
                if wait.is_due(due_ms, self.creation, now) {
                    return Step::Create;
                }
            }
        }
        // By a clock that may be wrong, nothing is ended.
        for retired in self.retired.iter().filter(|_| now.is_exact) {
            // Without a successor's publication it goes on; what is over ends by itself.
            let end_ms = retired.end_ms.unwrap_or_else(|| retired.held.expiry_ms());
            if wait.is_due(end_ms, retired.expiry, now) {
                return Step::Expire(retired.held.token.clone());
            }
        }
        Step::Wait(wait.0)
    }

    /// When a token that is in use is renewed; None is never.
    fn renewal_ms(&self, held: &Held, now: Now) -> Option<i64> {
        if held.is_gone || held.is_over(now) && now.is_exact || !held.can_be_renewed() {
            return None;
        }
        // Its new expiry says what time it is; and whoever runs once cannot wait until it is due.
        let at_once = !held.is_fresh && (!now.is_exact || self.policy.once);
        Some(if at_once { i64::MIN } else { held.renew_ms() })
    }

    /// When the next token is made, where there is no successor.
    fn creation_ms(&self, now: Now) -> i64 {
        let Some(current) = self.current.as_ref() else { return i64::MIN };
        if self.is_outdated || current.is_gone || self.wants_better() {
            return i64::MIN;
        }
        let is_stuck = current.renewal.failures() > 0;
        if self.policy.once && (current.is_fresh || !current.can_be_renewed()) && !self.is_done {
            // What a run leaves behind has a renewal's time ahead of it.
            let left_ms = current.expiry_ms().saturating_sub(now.broker_ms);
            if left_ms < current.period_ms / 5 * 4 {
                return i64::MIN;
            }
        }
        if !current.can_be_renewed() && !now.is_exact {
            return i64::MIN; // the issue timestamp says what time it is
        }
        let mut due_ms = current.replace_ms(&self.policy).min(current.expiry_ms());
        if is_stuck {
            // It cannot be renewed: another one is made before it is over.
            let last_tenth = (current.expiry_ms().saturating_sub(current.granted_ms)) / 10;
            due_ms = due_ms.min(current.expiry_ms().saturating_sub(last_tenth));
        }
        due_ms
    }

    /// Brokers made a token.
    pub(super) fn created(&mut self, token: Token, now: Now, jitter: u32) {
        self.creation.reset();
        let held = Held::created(token, now, jitter);
        let is_gone = self.current.as_ref().is_none_or(|current| current.is_gone);
        let is_rival = self.wants_better() && !self.is_outdated && !is_gone;
        let successor = Successor { is_rival, ..Successor::new(held, now) };
        let earlier = self.successor.replace(successor);
        if let Some(earlier) = earlier {
            self.retired.push(Retired::new(earlier.held, Some(0)));
        }
    }

    pub(super) fn create_failed(&mut self, now: Now, random: u32) {
        let most_ms = self.current.as_ref().map_or(MOST_PAUSE_MS / 2, Held::most_pause_ms);
        self.creation.failed(now.steady_ms, most_ms, random);
    }

    /// The successor was tried on every broker that the cluster names.
    pub(super) fn probed(&mut self, tried: Tried, now: Now, random: u32) -> Turn {
        let Tried { acceptance, accepted, accepted_before } = tried;
        let Some(successor) = &mut self.successor else { return Turn::Waiting };
        if successor.held.is_over(now) && now.is_exact {
            self.successor = None;
            return Turn::Dropped;
        }
        // Better a token that some brokers know than one that ends in a moment.
        let is_urgent = self.current.as_ref().is_some_and(|current| {
            current.expiry_ms() <= now.broker_ms.saturating_add(LAST_MOMENT_MS)
        });
        let Policy { accept_timeout_ms, .. } = self.policy;
        let limit_ms = accept_timeout_ms.min(if is_urgent { URGENT_MS } else { i64::MAX });
        let age_ms = now.steady_ms.saturating_sub(successor.since_ms);
        let is_late = age_ms >= limit_ms;
        let is_rival = successor.is_rival;
        // All brokers have heard of it by then, unless something is wrong.
        let is_better = is_rival && accepted > accepted_before && age_ms >= SPREAD_MS;
        match acceptance {
            Acceptance::All => {
                self.promote();
                Turn::Published
            }
            // While secret keys change, no token is accepted everywhere.
            Acceptance::Some if is_better => {
                self.promote();
                Turn::PublishedEarly
            }
            Acceptance::Some | Acceptance::None if is_late && is_rival => {
                self.tried = self.refused;
                self.create_failed(now, random);
                if let Some(successor) = self.successor.take() {
                    self.retired.push(Retired::new(successor.held, Some(0)));
                }
                Turn::Useless
            }
            Acceptance::Some if is_late => {
                self.promote();
                Turn::PublishedEarly
            }
            Acceptance::Some | Acceptance::None => {
                successor.probes = successor.probes.saturating_add(1);
                let pause = FIRST_PROBE_MS << successor.probes.min(5);
                successor.probe_ms = now.steady_ms.saturating_add(pause.min(MOST_PROBE_MS));
                Turn::Waiting
            }
        }
    }

    fn promote(&mut self) {
        let Some(successor) = self.successor.take() else { return };
        let earlier = self.current.replace(successor.held);
        self.retired.extend(earlier.map(|held| Retired::new(held, None)));
        self.is_outdated = false;
        (self.refused, self.tried) = (None, None);
        self.is_done = true;
    }

    /// A token was renewed until `expiry_ms`.
    pub(super) fn renewed(&mut self, id: &str, expiry_ms: i64, now: Now, jitter: u32) {
        if let Some(held) = self.find(id) {
            held.token.expiry_ms = Some(expiry_ms);
            held.granted_ms = now.broker_ms;
            held.is_fresh = true;
            held.renewal.reset();
            held.jitter = jitter;
        }
    }

    pub(super) fn renew_failed(&mut self, id: &str, why: Failure, now: Now, random: u32) {
        if let Some(held) = self.find(id) {
            let most_ms = held.most_pause_ms();
            held.renewal.failed(now.steady_ms, most_ms, random);
        }
        if why == Failure::Gone {
            self.gone(id);
        }
    }

    /// A token is ended, or was.
    pub(super) fn expired(&mut self, id: &str) {
        self.retired.retain(|retired| retired.held.token.id != id);
        self.current.take_if(|held| held.token.id == id);
        self.successor.take_if(|successor| successor.held.token.id == id);
    }

    pub(super) fn expire_failed(&mut self, id: &str, why: Failure, now: Now, random: u32) {
        if why == Failure::Gone {
            self.retired.retain(|retired| retired.held.token.id != id);
        }
        let found = self.retired.iter_mut().find(|retired| retired.held.token.id == id);
        if let Some(retired) = found {
            retired.expiry.failed(now.steady_ms, MOST_PAUSE_MS, random);
        }
        // What brokers do not end, ends at its expiry.
        self.retired.retain(|retired| {
            let end_ms = retired.held.expiry_ms().saturating_add(MOST_PAUSE_MS);
            retired.expiry.failures() == 0 || !now.is_exact || end_ms > now.broker_ms
        });
    }

    /// Every target holds the current token. The return value says whether that changes anything.
    pub(super) fn settled(&mut self, now: Now) -> bool {
        let mut changed = false;
        for retired in self.retired.iter_mut().filter(|retired| retired.end_ms.is_none()) {
            retired.end_ms = Some(now.broker_ms.saturating_add(self.policy.grace_ms));
            changed = true;
        }
        changed
    }

    /// All tokens that can log in now, for revoking them.
    pub(super) fn all(&self) -> impl Iterator<Item = &Token> {
        let retired = self.retired.iter().map(|retired| &retired.held);
        self.current().into_iter().chain(self.successor()).chain(retired).map(|held| &held.token)
    }

    /// The brokers do not know the token any more.
    fn gone(&mut self, id: &str) {
        self.retired.retain(|retired| retired.held.token.id != id);
        if let Some(current) = self.current.as_mut().filter(|held| held.token.id == id) {
            current.is_gone = true;
            (self.refused, self.tried) = (None, None);
            self.creation.reset();
        }
    }

    fn find(&mut self, id: &str) -> Option<&mut Held> {
        let retired = self.retired.iter_mut().map(|retired| &mut retired.held);
        let successor = self.successor.iter_mut().map(|successor| &mut successor.held);
        let mut all = self.current.iter_mut().chain(successor).chain(retired);
        all.find(|held| held.token.id == id)
    }
}

impl Successor {
    fn new(held: Held, now: Now) -> Self {
        let now_ms = now.steady_ms;
        Self { held, since_ms: now_ms, probe_ms: now_ms, probes: 0, is_rival: false }
    }
}

/// The soonest of what is not due yet, in steady ms.
#[derive(Default)]
struct Wait(Option<i64>);

impl Wait {
    /// `due_ms` is the brokers'; a retry may move it.
    fn is_due(&mut self, due_ms: i64, retry: Retry, now: Now) -> bool {
        let in_ms = due_ms.saturating_sub(now.broker_ms).max(0);
        let steady_ms = now.steady_ms.saturating_add(in_ms).max(retry.not_before_ms());
        self.is_due_steady(steady_ms, now)
    }

    fn is_due_steady(&mut self, steady_ms: i64, now: Now) -> bool {
        if steady_ms <= now.steady_ms {
            return true;
        }
        self.0 = Some(self.0.map_or(steady_ms, |soonest| soonest.min(steady_ms)));
        false
    }
}
