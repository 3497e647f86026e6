//! The agent's loop: does what is due, and sleeps until something is.

use core::ops::ControlFlow;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use super::brokers::{self, Brokers};
use super::clock::{Clock, steady_ms};
use super::config::{self, Config, JournalPlace, OnExit, TokenConfig, duration};
use super::http;
use super::journal::{Contents, Entry, Journal};
use super::keeper::{Keeper, Mark, Next};
use super::life::{Acceptance, Failure, Life, Now, Retry, Step, Turn};
use super::log::Log;
use super::systemd::Systemd;
use super::targets::{Delivered, Publication, Target};
use super::view::Shared;
use crate::token::Token;
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

struct Delivery {
    name: String,
    target: Arc<Target>,
    mark: Mark,
    outcome: Result<Delivered, Error>,
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
        for warning in config::check_properties(&config.cluster)? {
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

    fn create(&mut self, index: usize) {
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

    fn probe(&mut self, index: usize, token: &Token) {
        let Some(keeper) = self.keepers.get_mut(index) else { return };
        let probe = match self.brokers.probe(token, keeper.config.mechanism) {
            Ok(probe) => probe,
            Err(error) => return self.failed(index, "probe", &error, |_, _, _| ()),
        };
        let turn = keeper.life.probed(probe.acceptance, self.clock.now());
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
            Turn::Dropped => {
                let text = format!("token {id} expired before the brokers accepted it");
                log.warn(Some(&name), text);
            }
        }
        self.save_now();
    }

    fn renew(&mut self, index: usize, token: &Token) {
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

    fn expire(&mut self, index: usize, token: &Token) {
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

    /// Brokers answered.
    fn succeeded(&mut self, index: usize) {
        self.gate.reset();
        self.shared.write(|view| (view.is_cluster_up, view.cluster_error) = (Some(true), None));
        if let Some(since_ms) = self.away_since_ms.take() {
            self.said_ms.remove(BROKERS);
            let away = duration::show(steady_ms().saturating_sub(since_ms));
            self.log.info(None, format_args!("brokers answer again, after {away}"));
        }
        if let Some(keeper) = self.keepers.get_mut(index) {
            keeper.error = None;
        }
    }

    /// A request failed: because of the token, or for all of them.
    fn failed(
        &mut self,
        index: usize,
        operation: &'static str,
        error: &Error,
        of_token: impl FnOnce(&mut Life, Failure, Now),
    ) {
        self.shared.write(|view| *view.failures.entry(operation).or_default() += 1);
        let now = self.clock.now();
        let Some(keeper) = self.keepers.get_mut(index) else { return };
        let name = keeper.config.name.clone();
        keeper.error = Some(error.text().to_owned());
        if is_about_tokens(error.status()) {
            of_token(&mut keeper.life, brokers::failure(error), now);
            self.is_dirty = true;
            if self.may_say(&format!("{operation} {name}")) {
                self.log.warn(Some(&name), error);
            }
            return;
        }
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
    fn may_say(&mut self, what: &str) -> bool {
        let now_ms = steady_ms();
        match self.said_ms.get(what) {
            Some(said_ms) if now_ms.saturating_sub(*said_ms) < SAY_MS => false,
            _ => {
                self.said_ms.insert(what.to_owned(), now_ms);
                true
            }
        }
    }

    /// Starts a thread for each target that is to be written.
    fn write_targets(&mut self, index: usize, wake: &mut Wake) {
        let now = self.clock.now();
        while self.writers < MOST_WRITERS {
            let Some(keeper) = self.keepers.get_mut(index) else { return };
            let target = match keeper.next(now) {
                Next::Write(target) => target,
                Next::Wait(until_ms) => return wake.at(Some(until_ms)),
                Next::Nothing => return,
            };
            let (Some(mark), Some(held)) = (keeper.mark(), keeper.life.current()) else { return };
            let (mechanism, protocol) = match self.brokers.way(keeper.config.mechanism) {
                Ok(way) => way,
                Err(error) => {
                    wake.at(Some(now.steady_ms.saturating_add(IDLE_MS)));
                    return self.failed(index, "publish", &error, |_, _, _| ());
                }
            };
            let name = keeper.config.name.clone();
            let token = held.token.clone();
            let publication = Publication { name: name.clone(), token, mechanism, protocol };
            keeper.started(&target);
            self.writers += 1;
            let sender = self.sender.clone();
            let write = {
                let (name, target, mark) = (name.clone(), Arc::clone(&target), mark.clone());
                move || {
                    let outcome = target.deliver(&publication);
                    let delivery = Delivery { name, target, mark, outcome };
                    let _ = sender.send(Event::Delivered(Box::new(delivery)));
                }
            };
            let spawned = thread::Builder::new().stack_size(STACK).spawn(write);
            if let Err(error) = spawned {
                let outcome = Err(Error::new(Status::IO, format!("no thread to be had: {error}")));
                self.delivered(Delivery { name, target, mark, outcome });
            }
        }
    }

    fn delivered(&mut self, delivery: Delivery) {
        let Delivery { name, target, mark, outcome } = delivery;
        self.writers = self.writers.saturating_sub(1);
        let Some(keeper) = self.keepers.iter_mut().find(|keeper| keeper.config.name == name) else {
            return;
        };
        let had_failed = keeper.delivered(&target, mark, &outcome, random());
        self.is_dirty |= target.is_notice() && outcome.is_ok();
        let what = format!("publish {name} {target}");
        match outcome {
            Ok(delivered) => {
                self.said_ms.remove(&what);
                if delivered == Delivered::Changed {
                    self.log.info(Some(&name), format_args!("published to {target}"));
                } else if had_failed {
                    self.log.info(Some(&name), format_args!("{target} is as it should be again"));
                }
            }
            Err(error) => {
                self.shared.write(|view| *view.failures.entry("publish").or_default() += 1);
                if self.may_say(&what) {
                    let text = format!("{target} keeps what it held: {error}");
                    self.log.warn(Some(&name), text);
                }
            }
        }
    }

    /// Once a minute targets are looked at, for others may have changed them.
    fn recheck(&mut self, wake: &mut Wake) {
        let now_ms = steady_ms();
        if now_ms >= self.recheck_ms {
            self.recheck_ms = now_ms.saturating_add(RECHECK_MS);
            self.keepers.iter_mut().for_each(Keeper::doubt);
            wake.at(Some(now_ms));
        }
        wake.at(Some(self.recheck_ms));
    }

    /// Writes the journal, where something has changed.
    fn save(&mut self, wake: &mut Wake) {
        if self.is_dirty && self.journal_retry.not_before_ms() <= steady_ms() {
            self.save_now();
        }
        if self.is_dirty {
            wake.at(Some(self.journal_retry.not_before_ms()));
        }
    }

    fn save_now(&mut self) {
        if self.journal.is_remote() && self.journal_retry.not_before_ms() > steady_ms() {
            self.is_dirty = true;
            return; // a server that is away holds nothing up
        }
        let broker_ms = self.clock.now().broker_ms;
        self.others.retain(|_, entry| entry.is_alive(broker_ms));
        let ours = self.keepers.iter().map(|keeper| {
            let entry = Entry::of(&keeper.life, &keeper.config.asked, keeper.announced());
            (keeper.config.name.clone(), entry)
        });
        let tokens = ours.chain(self.others.clone()).collect();
        let outcome = self.journal.write(&Contents { clock: self.clock.save(), tokens });
        let text = outcome.as_ref().err().map(|error| error.text().to_owned());
        self.shared.write(|view| view.journal_error = text);
        match outcome {
            Ok(()) => {
                self.is_dirty = false;
                self.journal_retry.reset();
                if self.said_ms.remove(JOURNAL).is_some() {
                    self.log.info(None, "the journal is written again");
                }
            }
            Err(error) if error.status() == Status::INVALID_STATE => {
                self.is_taken_over = Some(error);
            }
            Err(error) => {
                self.is_dirty = true;
                self.journal_retry.failed(steady_ms(), 5_000, random());
                self.shared.write(|view| *view.failures.entry("journal").or_default() += 1);
                if self.may_say(JOURNAL) {
                    let text = format!("the journal cannot be written; it is tried again: {error}");
                    self.log.warn(None, text);
                }
            }
        }
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

    fn handle(&mut self, event: Event) -> ControlFlow<()> {
        match event {
            Event::Delivered(delivery) => self.delivered(*delivery),
            Event::Signal(SIGHUP) => self.reload(),
            Event::Signal(_) => return ControlFlow::Break(()),
        }
        ControlFlow::Continue(())
    }

    /// SIGHUP: the configuration anew, or the old one where that is broken.
    fn reload(&mut self) {
        self.systemd.reloading();
        match self.read_anew() {
            Ok(config) => {
                self.adopt(config);
                self.show();
                self.log.info(None, "the configuration was read anew");
            }
            Err(error) => {
                let text = format!("the configuration stays as it was: {error}");
                self.log.warn(None, text);
            }
        }
        if self.is_ready {
            self.systemd.ready();
        }
    }

    fn read_anew(&self) -> Result<Config, Error> {
        let config = Config::read(&self.path)?;
        config::check_properties(&config.cluster)?;
        for (key, is_same) in [
            ("journal", config.journal == self.config.journal),
            ("listen", config.listen == self.config.listen),
        ] {
            if !is_same {
                let text = format!(
                    "{}: {key} has changed, which takes a restart of the agent",
                    self.path.display()
                );
                return Err(Error::new(Status::INVALID_ARGUMENT, text));
            }
        }
        Ok(config)
    }

    fn adopt(&mut self, config: Config) {
        let now = self.clock.now();
        let mut earlier = std::mem::take(&mut self.keepers);
        for token in &config.tokens {
            let known = earlier.iter().position(|keeper| keeper.config.name == token.name);
            let keeper = match known.map(|index| earlier.swap_remove(index)) {
                Some(mut keeper) => {
                    keeper.reconfigure(token.clone());
                    keeper
                }
                None => {
                    let TokenConfig { name, .. } = token;
                    Keeper::new(token.clone(), self.others.remove(name), false, now)
                }
            };
            self.keepers.push(keeper);
        }
        // Tokens that are named no more stay valid, and in the journal, until they end.
        for keeper in earlier {
            let entry = Entry::of(&keeper.life, &keeper.config.asked, keeper.announced());
            self.log.info(Some(&keeper.config.name), "it is kept no longer, and left to its end");
            self.others.insert(keeper.config.name, entry);
        }
        self.log = Log(config.log);
        self.brokers = Brokers::new(config.cluster.clone());
        self.gate.reset();
        self.may_leave.store(config.on_exit == OnExit::Keep, Ordering::Relaxed);
        self.config = config;
        self.is_dirty = true;
    }

    /// SIGTERM or SIGINT.
    fn end(mut self) -> Result<(), Error> {
        self.systemd.stopping();
        if self.config.on_exit == OnExit::Revoke {
            self.revoke();
        }
        // What is being written is written to its end.
        let until_ms = steady_ms().saturating_add(WRITERS_MS);
        while self.writers > 0 && steady_ms() < until_ms {
            if let Ok(Event::Delivered(delivery)) = self.events.recv_timeout(TICK) {
                self.delivered(*delivery);
            }
        }
        if self.is_dirty {
            self.save_now();
        }
        self.log.info(None, "ended");
        Ok(())
    }

    /// Ends all tokens, for as long as whoever stops us is likely to wait.
    fn revoke(&mut self) {
        let until_ms = steady_ms().saturating_add(REVOKE_MS);
        for index in 0..self.keepers.len() {
            let Some(keeper) = self.keepers.get_mut(index) else { return };
            let name = keeper.config.name.clone();
            let tokens: Vec<Token> = keeper.life.all().cloned().collect();
            for token in tokens {
                if steady_ms() > until_ms {
                    self.log.warn(None, "not all tokens could be ended in time");
                    return;
                }
                let outcome = self.brokers.expire(&token);
                let is_gone =
                    outcome.as_ref().is_err_and(|error| brokers::failure(error) == Failure::Gone);
                match outcome {
                    Err(error) if !is_gone => {
                        let id = &token.id;
                        let text = format!("the token {id} could not be ended: {error}");
                        self.log.warn(Some(&name), text);
                    }
                    _ => {
                        keeper.life.expired(&token.id);
                        self.is_dirty = true;
                        self.log.info(Some(&name), format_args!("ended the token {}", token.id));
                    }
                }
            }
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

    fn catch_signals(&self) -> Result<(), Error> {
        let failed =
            |error: std::io::Error| Error::new(Status::IO, format!("catching signals: {error}"));
        let mut signals = Signals::new([SIGHUP, SIGTERM, SIGINT]).map_err(failed)?;
        let sender = self.sender.clone();
        let may_leave = Arc::clone(&self.may_leave);
        let forward = move || {
            for signal in &mut signals {
                let _ = sender.send(Event::Signal(signal));
                if signal != SIGHUP && may_leave.load(Ordering::Relaxed) {
                    // A request may hold the loop up. The journal is as good as after any kill.
                    thread::sleep(LEAVE);
                    std::process::exit(0);
                }
            }
        };
        let builder = thread::Builder::new().name("signals".to_owned()).stack_size(STACK);
        builder.spawn(forward).map_err(failed)?;
        Ok(())
    }
}

/// Of a Secret, the server may be away for a while.
fn open_journal(
    place: &JournalPlace,
    log: Log,
    once_ms: Option<i64>,
) -> Result<(Journal, Contents), Error> {
    let until_ms = once_ms.map(|ms| steady_ms().saturating_add(ms));
    let mut retry = Retry::default();
    let mut said_ms = None;
    loop {
        let error = match Journal::open(place) {
            Err(error) if error.status() == Status::IO => error,
            outcome => return outcome,
        };
        let now_ms = steady_ms();
        if matches!(place, JournalPlace::File(_)) || until_ms.is_some_and(|ms| now_ms >= ms) {
            return Err(error);
        }
        if said_ms.is_none_or(|said_ms| now_ms.saturating_sub(said_ms) >= SAY_MS) {
            said_ms = Some(now_ms);
            log.warn(None, format_args!("the journal cannot be read; it is tried again: {error}"));
        }
        retry.failed(now_ms, MOST_PAUSE_MS, random());
        let pause_ms = retry.not_before_ms().saturating_sub(now_ms);
        thread::sleep(Duration::from_millis(u64::try_from(pause_ms).unwrap_or_default()));
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

const BROKERS: &str = "brokers";
const JOURNAL: &str = "journal";
const SAY_MS: i64 = 60_000;
const RECHECK_MS: i64 = 60_000;
const MOST_PAUSE_MS: i64 = 15_000;
const WRITERS_MS: i64 = 2_000;
const TICK: Duration = Duration::from_millis(100);
const REVOKE_MS: i64 = 20_000;
/// A longer pause than this is worth a new connection.
const IDLE_MS: i64 = 2_000;
/// A new token that is not accepted for longer than this is worth a warning.
const LONG_MS: i64 = 5_000;
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);
const LEAVE: Duration = Duration::from_secs(3);
/// In one round: the first of a thousand tokens are published before the last are made. Brokers take
/// about as long to accept a token as a round takes to make so many.
const MOST_CREATIONS: usize = 100;
const MOST_WRITERS: usize = 16;
const STACK: usize = 512 * 1024;
