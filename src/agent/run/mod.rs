//! The agent's loop: does what is due, and sleeps until something is.

mod check;
mod end;
mod publish;
mod reload;
mod requests;
mod save;

use core::ops::ControlFlow;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

use signal_hook::consts::SIGHUP;

use self::check::Check;
use self::publish::{Delivery, RECHECK_MS};
use self::save::open_journal;
use super::brokers::Brokers;
use super::clock::Clock;
use super::config::{self, Config, OnExit};
use super::http;
use super::journal::{Entry, Journal};
use super::keeper::Keeper;
use super::life::{Retry, Step};
use super::view::Shared;
use crate::service::Log;
use crate::service::Systemd;
use crate::service::steady_ms;
use crate::{error::Error, random, status::Status};

pub(super) struct Agent {
    path: PathBuf,
    config: Config,
    /// Until when a run that does what is due has time, in steady ms; None stays.
    once_until_ms: Option<i64>,
    log: Log,
    clock: Clock,
    journal: Journal,
    journal_retry: Retry,
    is_dirty: bool,
    /// What the journal has of tokens that the configuration no longer names.
    others: BTreeMap<String, Entry>,
    brokers: Brokers,
    /// While brokers are away, one request finds out for all tokens.
    gate: Retry,
    away_since_ms: Option<i64>,
    keepers: Vec<Keeper>,
    /// When something was last complained of.
    said_ms: BTreeMap<String, i64>,
    recheck_ms: i64,
    check: Check,
    writers: usize,
    shared: Shared,
    systemd: Systemd,
    is_ready: bool,
    /// Another agent has taken the journal over.
    is_taken_over: Option<Error>,
    /// Whether the process may end although a request is under way.
    may_leave: Arc<AtomicBool>,
    sender: Sender<Event>,
    events: Receiver<Event>,
}

enum Event {
    Signal(i32),
    Delivered(Box<Delivery>),
}

impl Agent {
    /// Reads the configuration and the journal; asks nobody yet.
    ///
    /// # Errors
    ///
    /// Those of the configuration, the files that it names, and the journal.
    pub(super) fn new(path: &Path, once_ms: Option<i64>) -> Result<Self, Error> {
        let config = Config::read(path)?;
        let log = Log(config.log);
        for warning in config::check_properties(path, &config.cluster)? {
            log.warn(None, warning);
        }
        let (journal, mut contents) = open_journal(&config.journal, log, once_ms)?;
        let clock = Clock::new(contents.clock.as_ref());
        let now = clock.now();
        let keepers = config.tokens.iter().map(|token| {
            Keeper::new(token.clone(), contents.tokens.remove(&token.name), once_ms.is_some(), now)
        });
        let keepers = keepers.collect();
        let (sender, events) = channel();
        Ok(Self {
            path: path.to_owned(),
            once_until_ms: once_ms.map(|ms| now.steady_ms.saturating_add(ms)),
            log,
            clock,
            journal,
            journal_retry: Retry::default(),
            is_dirty: true,
            others: contents.tokens,
            brokers: Brokers::new(config.cluster.clone()),
            check: Check::Waits(now.steady_ms.saturating_add(config.check_interval_ms)),
            config,
            gate: Retry::default(),
            away_since_ms: None,
            keepers,
            said_ms: BTreeMap::new(),
            recheck_ms: now.steady_ms.saturating_add(RECHECK_MS),
            writers: 0,
            shared: Shared::default(),
            systemd: Systemd::from_environment(),
            is_ready: false,
            is_taken_over: None,
            may_leave: Arc::default(),
            sender,
            events,
        })
    }

    /// Keeps the tokens until it is told to end, or once.
    ///
    /// # Errors
    ///
    /// Where HTTP cannot be served; of a single run, where something is not done in time.
    pub(super) fn run(mut self) -> Result<(), Error> {
        self.may_leave.store(self.config.on_exit == OnExit::Keep, Ordering::Relaxed);
        self.catch_signals()?;
        if let (Some(address), None) = (self.config.listen, self.once_until_ms) {
            http::serve(address, self.shared.clone())?;
            self.log.info(None, format_args!("HTTP is served at {address}"));
        }
        loop {
            let round = self.round();
            if round.is_break() {
                return self.end();
            }
            if let Some(error) = self.is_taken_over.take() {
                return Err(error); // the tokens are that one's now
            }
            if let Some(outcome) = self.once_is_over() {
                return outcome;
            }
        }
    }

    /// Does everything that is due, then waits.
    fn round(&mut self) -> ControlFlow<()> {
        self.shared.write(|view| view.busy_since_ms = Some(steady_ms()));
        self.systemd.alive();
        let mut wake = Wake::default();
        let mut has_worked = false;
        let mut creations_left = MOST_CREATIONS;
        for index in 0..self.keepers.len() {
            has_worked |= self.turn(index, &mut wake, &mut creations_left);
            self.write_targets(index, &mut wake);
            // Signals and targets do not wait for a thousand tokens.
            while let Ok(event) = self.events.try_recv() {
                self.handle(event)?;
            }
        }
        self.recheck(&mut wake);
        has_worked |= self.check(&mut wake);
        self.save(&mut wake);
        self.show();
        if has_worked {
            return ControlFlow::Continue(());
        }
        wake.at(self.systemd.alive());
        wake.at(self.once_until_ms);
        let now_ms = steady_ms();
        let pause_ms = wake.0.map_or(i64::MAX, |ms| ms.saturating_sub(now_ms).max(0));
        if pause_ms > IDLE_MS {
            self.brokers.disconnect();
        }
        self.shared.write(|view| view.busy_since_ms = None);
        if self.once_until_ms.is_some() && self.is_done() {
            return ControlFlow::Continue(());
        }
        // Not exactly to the millisecond: one more is no wake-up for nothing.
        let pause = Duration::from_millis(u64::try_from(pause_ms).unwrap_or_default() + 1);
        let event = match self.events.recv_timeout(pause.min(LONGEST)) {
            Ok(event) => event,
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                return ControlFlow::Continue(());
            }
        };
        self.handle(event)
    }

    /// One request for one token, where one is due. Whether one was made.
    fn turn(&mut self, index: usize, wake: &mut Wake, creations_left: &mut usize) -> bool {
        let now = self.clock.now();
        let Some(keeper) = self.keepers.get_mut(index) else { return false };
        if keeper.is_settled() && keeper.life.settled(now) {
            self.is_dirty = true;
        }
        let step = keeper.life.step(now);
        if let Step::Wait(until_ms) = step {
            wake.at(until_ms);
            return false;
        }
        if self.gate.not_before_ms() > now.steady_ms {
            wake.at(Some(self.gate.not_before_ms()));
            return false;
        }
        match step {
            // The others had their turn, so the next round comes at once.
            Step::Create if *creations_left == 0 => return false,
            Step::Create => {
                *creations_left -= 1;
                self.create(index);
            }
            Step::Probe(token) => self.probe(index, &token),
            Step::Renew(token) => self.renew(index, &token),
            Step::Expire(token) => self.expire(index, &token),
            Step::Wait(_) => {}
        }
        true
    }

    fn handle(&mut self, event: Event) -> ControlFlow<()> {
        match event {
            Event::Delivered(delivery) => self.delivered(*delivery),
            Event::Signal(SIGHUP) => self.reload(),
            Event::Signal(_) => return ControlFlow::Break(()),
        }
        ControlFlow::Continue(())
    }

    /// Shows how things are to whoever asks.
    fn show(&mut self) {
        let now = self.clock.now();
        let tokens: Vec<_> = self.keepers.iter().map(Keeper::view).collect();
        let (ready, all) =
            (tokens.iter().filter(|token| token.is_ready(now.broker_ms)).count(), tokens.len());
        let ahead_ms = self.clock.ahead_ms();
        self.shared.write(|view| {
            view.tokens = tokens;
            view.clock_ahead_ms = ahead_ms;
            view.broker_offset_ms = now.broker_ms.saturating_sub(now.steady_ms);
        });
        if ready == all && !self.is_ready {
            self.is_ready = true;
            self.systemd.ready();
            self.systemd.status(&format!("{all} tokens are published"));
            self.log.info(None, format_args!("ready: {all} of {all} tokens are published"));
        } else if !self.is_ready {
            self.systemd.status(&format!("{ready} of {all} tokens are published"));
        }
    }

    /// Whether there is nothing more to do for now, for one that does not stay.
    fn is_done(&self) -> bool {
        let now = self.clock.now();
        let is_failing = self.gate.failures() > 0;
        !self.is_dirty
            && !is_failing
            && self.keepers.iter().all(|keeper| {
                keeper.error.is_none()
                    && keeper.life.successor().is_none()
                    && keeper.is_settled()
                    && !keeper.is_busy()
                    && matches!(keeper.life.step(now), Step::Wait(_))
                    && keeper.life.retired().iter().all(|retired| retired.end_ms.is_some())
            })
    }

    fn once_is_over(&self) -> Option<Result<(), Error>> {
        let until_ms = self.once_until_ms?;
        if self.is_done() {
            return Some(Ok(()));
        }
        if steady_ms() < until_ms {
            return None;
        }
        let of_brokers = self.shared.read(|view| view.cluster_error.clone());
        let of_tokens = self.keepers.iter().find_map(|keeper| {
            let error = keeper.error.clone();
            error.or_else(|| keeper.place_errors().next().map(str::to_owned))
        });
        let of_journal = self.shared.read(|view| view.journal_error.clone());
        let why = of_brokers.or(of_tokens).or(of_journal);
        let why = why.unwrap_or_else(|| "brokers do not accept a token yet".to_owned());
        let text = format!("not everything is done in time: {why}");
        Some(Err(Error::new(Status::IO, text)))
    }
}

fn random() -> u32 {
    random::bytes().map_or(0, u32::from_ne_bytes)
}

/// When there is something to do again, in steady ms.
#[derive(Default)]
struct Wake(Option<i64>);

impl Wake {
    fn at(&mut self, ms: Option<i64>) {
        self.0 = match (self.0, ms) {
            (Some(soonest), Some(ms)) => Some(soonest.min(ms)),
            (soonest, ms) => soonest.or(ms),
        };
    }
}

/// A longer pause than this is worth a new connection.
const IDLE_MS: i64 = 2_000;
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);
/// In one round: the first of a thousand tokens are published before the last are made. Brokers take
/// about as long to accept a token as a round takes to make so many.
const MOST_CREATIONS: usize = 100;
const STACK: usize = 512 * 1024;
