//! One token with its targets: which of them hold it, and which are to be written next.

use std::sync::Arc;

use super::config::TokenConfig;
use super::journal::Entry;
use super::life::{Life, Now, Policy, Retry};
use super::targets::{Delivered, Target};
use super::view::{TargetView, TokenView};
use crate::error::Error;
use crate::service::steady_ms;

/// Which token a target holds, and with which expiry.
pub(super) type Mark = (String, i64);

pub(super) struct Keeper {
    pub(super) config: TokenConfig,
    pub(super) life: Life,
    pub(super) creations: u64,
    pub(super) renewals: u64,
    pub(super) error: Option<String>,
    places: Vec<Place>,
}

struct Place {
    target: Arc<Target>,
    /// What it holds, as far as we know.
    holds: Option<Mark>,
    /// A thread is writing it.
    is_busy: bool,
    /// It is to be looked at although it should hold the right thing.
    is_doubted: bool,
    retry: Retry,
    error: Option<String>,
    publications: u64,
    failures: u64,
}

/// The next target to write.
pub(super) enum Next {
    Write(Arc<Target>),
    /// Not before then, in steady ms.
    Wait(i64),
    Nothing,
}

impl Keeper {
    /// Begins with a token, or goes on with one from its entry in the journal.
    pub(super) fn new(config: TokenConfig, entry: Option<Entry>, once: bool, now: Now) -> Self {
        let policy = Policy::new(&config, once);
        let announced = entry.as_ref().and_then(|entry| entry.announced.clone());
        let life = match entry {
            None => Life::new(policy),
            Some(Entry { asked, current, successor, retired, .. }) => {
                let mut life = Life::restore(policy, current, successor, retired, now);
                if asked != config.asked {
                    life.outdate();
                }
                life
            }
        };
        let places = config.targets.iter().map(|target| Place {
            // What commands and signals told cannot be looked at.
            holds: announced.clone().filter(|_| target.is_notice()),
            ..Place::new(target)
        });
        let places = places.collect();
        Self { config, life, creations: 0, renewals: 0, error: None, places }
    }

    /// The configuration has changed.
    pub(super) fn reconfigure(&mut self, config: TokenConfig) {
        self.life.set_policy(Policy { once: false, ..Policy::new(&config, false) });
        if config.asked != self.config.asked {
            self.life.outdate();
        }
        let mut earlier = std::mem::take(&mut self.places);
        self.places = config
            .targets
            .iter()
            .map(|target| match earlier.iter().position(|place| *place.target == *target) {
                Some(index) => earlier.swap_remove(index),
                None => Place::new(target),
            })
            .collect();
        self.config = config;
    }

    /// What targets are to hold.
    pub(super) fn mark(&self) -> Option<Mark> {
        let current = self.life.current()?;
        Some((current.token.id.clone(), current.expiry_ms()))
    }

    /// Of which token all commands and signals have told.
    pub(super) fn announced(&self) -> Option<&Mark> {
        let mut notices = self.places.iter().filter(|place| place.target.is_notice());
        let first = notices.next()?.holds.as_ref()?;
        notices.all(|place| place.holds.as_ref() == Some(first)).then_some(first)
    }

    /// The target to write now: notices come after all others, one after the other.
    pub(super) fn next(&self, now: Now) -> Next {
        let Some(mark) = self.mark() else { return Next::Nothing };
        let mut soonest = Next::Nothing;
        let is_right = |place: &Place| place.holds.as_ref() == Some(&mark);
        let (notices, keeping): (Vec<_>, Vec<_>) =
            self.places.iter().partition(|place| place.target.is_notice());
        let all_kept = keeping.iter().all(|place| is_right(place) && !place.is_busy);
        let notice = notices.iter().find(|place| !is_right(place) || place.is_busy);
        for place in keeping.iter().chain(notice.filter(|_| all_kept)) {
            if place.is_busy || is_right(place) && !place.is_doubted {
                continue;
            }
            let not_before_ms = place.retry.not_before_ms();
            if not_before_ms <= now.steady_ms {
                return Next::Write(Arc::clone(&place.target));
            }
            if !matches!(soonest, Next::Wait(ms) if ms <= not_before_ms) {
                soonest = Next::Wait(not_before_ms);
            }
        }
        soonest
    }

    pub(super) fn started(&mut self, target: &Target) {
        if let Some(place) = self.place(target) {
            (place.is_busy, place.is_doubted) = (true, false);
        }
    }

    /// A target was written, or not. The return value says whether it failed or was failing before.
    pub(super) fn delivered(
        &mut self,
        target: &Target,
        mark: Mark,
        outcome: &Result<Delivered, Error>,
        random: u32,
    ) -> bool {
        let most_ms = match target {
            Target::Command(_) | Target::Signal(_) => MOST_PAUSE_MS,
            Target::Secret(_) => MOST_SECRET_PAUSE_MS,
            _ => MOST_FILE_PAUSE_MS,
        };
        let Some(place) = self.place(target) else { return false };
        place.is_busy = false;
        match outcome {
            Ok(delivered) => {
                place.publications += u64::from(*delivered == Delivered::Changed);
                place.holds = Some(mark);
                place.retry.reset();
                place.error.take().is_some()
            }
            Err(error) => {
                place.failures += 1;
                // Who knows what is there now.
                place.is_doubted = true;
                place.retry.failed(steady_ms(), most_ms, random);
                place.error = Some(error.text().to_owned());
                true
            }
        }
    }

    /// Others may have changed what targets hold.
    pub(super) fn doubt(&mut self) {
        for place in self.places.iter_mut().filter(|place| !place.target.is_notice()) {
            place.is_doubted = true;
        }
    }

    /// Whether whoever looks into any of its targets finds the current token.
    pub(super) fn is_published(&self) -> bool {
        self.holds_everywhere(|place| !place.target.is_notice())
    }

    /// Whether all that has to be done for the current token is done.
    pub(super) fn is_settled(&self) -> bool {
        self.holds_everywhere(|_| true)
    }

    /// Whether a thread is writing one of its targets.
    pub(super) fn is_busy(&self) -> bool {
        self.places.iter().any(|place| place.is_busy)
    }

    /// What is wrong with its targets.
    pub(super) fn place_errors(&self) -> impl Iterator<Item = &str> {
        self.places.iter().filter_map(|place| place.error.as_deref())
    }

    pub(super) fn view(&self) -> TokenView {
        let current = self.life.current();
        let mark = self.mark();
        let targets = self.places.iter().map(|place| TargetView {
            kind: place.target.kind(),
            place: place.target.place(),
            is_current: place.holds.is_some() && place.holds == mark,
            publications: place.publications,
            failures: place.failures,
            error: place.error.clone(),
        });
        TokenView {
            name: self.config.name.clone(),
            id: current.map(|held| held.token.id.clone()),
            owner: current.and_then(|held| held.token.owner.clone()),
            issue_ms: current.and_then(|held| held.token.issue_ms),
            expiry_ms: current.and_then(|held| held.token.expiry_ms),
            max_ms: current.and_then(|held| held.token.max_ms),
            renew_ms: current
                .filter(|held| held.expiry_ms() < held.max_ms())
                .map(super::life::Held::renew_ms),
            replace_ms: current.map(|held| held.replace_ms(self.life.policy())),
            is_published: self.is_published(),
            has_successor: self.life.successor().is_some(),
            retired: self.life.retired().len(),
            creations: self.creations,
            renewals: self.renewals,
            error: self.error.clone(),
            targets: targets.collect(),
        }
    }

    /// By the token's id: a renewal that a target does not show yet does no harm.
    fn holds_everywhere(&self, which: impl Fn(&Place) -> bool) -> bool {
        let Some(current) = self.life.current() else { return false };
        let mut places = self.places.iter().filter(|place| which(place));
        places.all(|place| {
            place.holds.as_ref().is_some_and(|(id, _)| *id == current.token.id)
                && (place.error.is_none() || place.target.is_notice())
        })
    }

    fn place(&mut self, target: &Target) -> Option<&mut Place> {
        self.places.iter_mut().find(|place| *place.target == *target)
    }
}

impl Place {
    fn new(target: &Target) -> Self {
        Self {
            target: Arc::new(target.clone()),
            holds: None,
            is_busy: false,
            is_doubted: false,
            retry: Retry::default(),
            error: None,
            publications: 0,
            failures: 0,
        }
    }
}

const MOST_PAUSE_MS: i64 = 60_000;
/// An API server that is in trouble is not asked by everybody all the time.
const MOST_SECRET_PAUSE_MS: i64 = 30_000;
const MOST_FILE_PAUSE_MS: i64 = 5_000;
