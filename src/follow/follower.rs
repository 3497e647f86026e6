//! The follower: one look after the other, and what follows from it.

use std::net::SocketAddr;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use super::look::{Look, see};
use super::mirror::{Changes, Mirror};
use super::view::{Shared, View};
use crate::kafka::{Cluster, end_process};
use crate::service::{self, Log, Retry, Systemd, duration, steady_ms};
use crate::store::tokens::StoredToken;
use crate::store::{FollowerLock, Following, Store, following, put_token, tokens};
use crate::token::Token;
use crate::{clock, error::Error, every_core, random, status::Status};

/// Brings a cluster's tokens into a store, for as long as the process lives.
pub(crate) struct Follower {
    store: Store,
    options: Options,
    connect: Connect,
    cluster: Option<Cluster>,
    mirror: Mirror,
    /// As the store has it; None until it is known which cluster this is.
    following: Option<Following>,
    /// Tokens of the cluster that the store lacks, from the last look.
    pending: Vec<Token>,
    /// How many there were at its end.
    pending_len: usize,
    on_progress: Progress,
    retry: Retry,
    next_look_ms: i64,
    log: Log,
    /// What was last complained of, and when.
    said: Option<(String, i64)>,
    shared: Shared,
    systemd: Systemd,
    is_ready: bool,
    _lock: FollowerLock,
}

/// Makes a client of the cluster, with the properties as they are now.
pub(crate) type Connect = Box<dyn FnMut() -> Result<Cluster, Error>>;

/// Is told how many of how many tokens of a look are in the store.
pub(crate) type Progress = Box<dyn FnMut(u64, u64)>;

/// How to follow.
pub(crate) struct Options {
    /// From the begin of one look to the next.
    pub(crate) interval_ms: i64,
    /// How old the last good look may be before servers of the store refuse its tokens.
    pub(crate) max_age_ms: Option<i64>,
    /// Where HTTP is served, by one that stays.
    pub(crate) listen: Option<SocketAddr>,
    pub(crate) log: Log,
}

/// What a look failed by.
enum Trouble {
    /// It may pass by itself.
    Passing(Error),
    /// Somebody has to mend it.
    Lasting(Error),
}

impl Follower {
    /// Takes the store for itself, and reads what it has.
    ///
    /// # Errors
    ///
    /// `INVALID_STATE` where another follower has it; the store's.
    pub(crate) fn new(
        store: Store,
        options: Options,
        connect: Connect,
        on_progress: Progress,
    ) -> Result<Self, Error> {
        let lock = store.lock_follower()?;
        let (mut mirror, shared) = (Mirror::default(), Shared::default());
        if let Some(following) = store.read(following::get)? {
            // Whether brokers answer or not; a longer limit needs a look first.
            let following = following.limited(options.max_age_ms);
            store.write(|write| following::put(write, &following))?;
            shared.write(|view| view.following = Some(following));
            let mut from = Some(Vec::new());
            while let Some(begin) = from {
                let page = store.read(|read| tokens::all(read, &begin, PAGE))?;
                page.items.iter().for_each(|token| mirror.put(token));
                from = page.next;
            }
        }
        Ok(Self {
            store,
            log: options.log,
            options,
            connect,
            cluster: None,
            mirror,
            following: None,
            pending: Vec::new(),
            pending_len: 0,
            on_progress,
            retry: Retry::default(),
            next_look_ms: steady_ms(),
            said: None,
            shared,
            systemd: Systemd::from_environment(),
            is_ready: false,
            _lock: lock,
        })
    }

    /// Looks once, and puts everything into the store. How many tokens it has, and what was changed.
    ///
    /// # Errors
    ///
    /// The cluster's and the store's.
    pub(crate) fn once(mut self) -> Result<String, Error> {
        let outcome = self.look().and_then(|()| {
            while !self.pending.is_empty() {
                self.put_some()?;
            }
            Ok(())
        });
        match outcome {
            Ok(()) => {}
            Err(Trouble::Lasting(error)) => return Err(error),
            Err(Trouble::Passing(error)) => {
                self.record_failure();
                return Err(error);
            }
        }
        let cluster = self.following.map(|following| following.cluster_id).unwrap_or_default();
        Ok(self.shared.read(|View { put, moved, removed, tokens, .. }| {
            format!(
                "The store has the {tokens} tokens of the cluster {cluster}: {put} were put into it, \
                 {moved} given another end, {removed} removed.\n"
            )
        }))
    }

    /// Follows until SIGTERM or SIGINT.
    ///
    /// # Errors
    ///
    /// Where HTTP cannot be served, and where the store is not this cluster's.
    pub(crate) fn run(mut self) -> Result<(), Error> {
        let events = catch_signals()?;
        if let Some(address) = self.options.listen {
            let (mend, shared) = ("give --listen another address", self.shared.clone());
            service::serve(address, mend, move |target| shared.page(target))?;
            self.log.info(None, format_args!("HTTP is served at {address}"));
        }
        loop {
            self.shared.write(|view| view.busy_since_ms = Some(steady_ms()));
            let alive_ms = self.systemd.alive();
            let now_ms = steady_ms();
            let done = if now_ms >= self.next_look_ms {
                self.look()
            } else if self.pending.is_empty() {
                Ok(())
            } else {
                self.put_some()
            };
            match done {
                Ok(()) => {}
                Err(Trouble::Passing(error)) => self.failed(&error),
                Err(Trouble::Lasting(error)) => return Err(error),
            }
            self.show_ready();
            self.shared.write(|view| view.busy_since_ms = None);
            let until_ms = self.next_look_ms.min(alive_ms.unwrap_or(i64::MAX));
            let pause_ms = until_ms.saturating_sub(steady_ms()).max(0);
            let pause_ms = if self.pending.is_empty() { pause_ms } else { 0 };
            let pause = Duration::from_millis(u64::try_from(pause_ms).unwrap_or_default());
            match events.recv_timeout(pause) {
                Err(RecvTimeoutError::Timeout) => {}
                Ok(()) | Err(RecvTimeoutError::Disconnected) => {
                    self.systemd.stopping();
                    self.log.info(None, "ended");
                    return Ok(());
                }
            }
        }
    }

    /// Looks at the cluster; what has gone or ends at another time is right in the store afterwards, and
    /// what is new is pending.
    fn look(&mut self) -> Result<(), Trouble> {
        let (began_ms, asked_ms) = (steady_ms(), clock::now_ms());
        let mut cluster = match self.cluster.take() {
            Some(cluster) => cluster,
            None => (self.connect)().map_err(Trouble::Passing)?,
        };
        let seen = see(&mut cluster, &mut self.mirror).map_err(Trouble::Passing)?;
        let has_looked = self.check_cluster(&seen.identity.id)?.looked_ms.is_some();
        let look = seen.judge(&mut cluster, &self.mirror, has_looked).map_err(Trouble::Passing)?;
        self.cluster = Some(cluster);
        let Look { changes, warning } = look;
        if let Some(warning) = warning {
            self.log.warn(None, warning);
        }
        self.apply(changes, asked_ms).map_err(of_store)?;
        self.succeeded(began_ms);
        Ok(())
    }

    /// That the cluster which answered is the store's. At first it becomes that, or there is no following
    /// it. Later some bootstrap server may lead to another one, and the next may be right again.
    fn check_cluster(&mut self, id: &str) -> Result<&Following, Trouble> {
        let following = match &self.following {
            Some(following) => {
                following.check_cluster(id).map_err(Trouble::Passing)?;
                following.clone()
            }
            None => {
                let begin = |write: &mut dyn crate::store::Write| {
                    following::begin(write, id, self.options.max_age_ms)
                };
                self.store.write(begin).map_err(of_store)?
            }
        };
        Ok(self.following.insert(following))
    }

    /// Ends what has ended, at once; what is new takes time.
    fn apply(&mut self, changes: Changes, asked_ms: i64) -> Result<(), Error> {
        let Changes { new, moved, gone, odd } = changes;
        for batch in gone.chunks(BATCH) {
            self.store.write(|write| tokens::remove_all(write, batch).map(drop))?;
            batch.iter().for_each(|id| self.mirror.removed(id));
        }
        for batch in moved.chunks(BATCH) {
            let lost = self.store.write(|write| {
                let mut lost = Vec::new();
                for (id, expiry_ms) in batch {
                    match tokens::by_id(&*write, id)? {
                        Some(token) => {
                            tokens::put(write, &StoredToken { expiry_ms: *expiry_ms, ..token })?;
                        }
                        None => lost.push(id.as_str()),
                    }
                }
                Ok(lost)
            })?;
            batch.iter().for_each(|(id, expiry_ms)| self.mirror.moved(id, *expiry_ms));
            // An older library that had the store open may have swept it: the next look puts it again.
            lost.into_iter().for_each(|id| self.mirror.removed(id));
        }
        if let Some(following) = self.following.clone() {
            let (looked_ms, lag) = (Some(asked_ms), new.len() as u64);
            let max_age_ms = self.options.max_age_ms;
            let following = Following { looked_ms, max_age_ms, lag, failures: 0, ..following };
            self.store.write(|write| following::put(write, &following))?;
            self.following = Some(following);
        }
        let (moved, gone) = (moved.len(), gone.len());
        if moved + gone + new.len() > 0 {
            let text = format!(
                "{} new tokens, {gone} that have gone, {moved} that end at another time",
                new.len()
            );
            self.log.info(None, text);
        }
        self.pending_len = new.len();
        self.pending = new;
        self.pending.reverse(); // taken from the end
        self.shared.write(|view| {
            view.moved += moved as u64;
            view.removed += gone as u64;
            view.odd = odd;
        });
        self.show();
        Ok(())
    }

    /// Derives some of the pending tokens on all cores, and puts them into the store.
    fn put_some(&mut self) -> Result<(), Trouble> {
        let rest = self.pending.len().saturating_sub(DERIVED);
        let batch = self.pending.split_off(rest);
        let derived = every_core::map(&batch, |share| self.store.derive_tokens(share));
        drop(batch); // with the HMACs
        let (mut put, mut odd) = (Vec::new(), 0);
        for token in derived.map_err(Trouble::Lasting)? {
            match token {
                Ok(token) => put.push(token),
                Err(error) => {
                    odd += 1;
                    self.log
                        .warn(None, format_args!("a token of the cluster is left out: {error}"));
                }
            }
        }
        let lag = self.pending.len() as u64;
        let following = self.following.clone().map(|following| Following { lag, ..following });
        let write = |write: &mut dyn crate::store::Write| {
            put.iter().try_for_each(|token| put_token::put(write, token.clone()))?;
            following.as_ref().map_or(Ok(()), |following| following::put(write, following))
        };
        if let Err(error) = self.store.write(write) {
            self.pending.clear(); // the next look has them again, after a pause
            return Err(of_store(error));
        }
        put.iter().for_each(|token| self.mirror.put(token));
        self.following = following;
        self.shared.write(|view| {
            view.put += put.len() as u64;
            view.odd += odd;
        });
        (self.on_progress)(self.pending_len as u64 - lag, self.pending_len as u64);
        self.show();
        Ok(())
    }

    fn succeeded(&mut self, began_ms: i64) {
        let now_ms = steady_ms();
        let took_ms = now_ms.saturating_sub(began_ms);
        // Half of the time is the brokers' to rest, and more of it for hashing where there is some to do.
        let share = if self.pending.is_empty() { 2 } else { 5 };
        let pause_ms = self.options.interval_ms.max(took_ms.saturating_mul(share));
        // The next look has to be over before this one is too old.
        let most_ms = self
            .options
            .max_age_ms
            .map_or(i64::MAX, |max_age_ms| (max_age_ms / 2).saturating_sub(took_ms).max(0));
        let pause_ms = pause_ms.min(most_ms);
        // A tenth more or less, so that hosts that began together do not ask together for ever.
        let jitter = pause_ms / 5 * i64::from(random() % 1024) / 1024 - pause_ms / 10;
        self.next_look_ms = began_ms.saturating_add(pause_ms).saturating_add(jitter).max(now_ms);
        if self.retry.failures() > 0 {
            self.log.info(None, "the cluster answers again");
        }
        self.retry.reset();
        self.said = None;
        self.shared.write(|view| {
            view.looks += 1;
            view.look_ms = took_ms;
            (view.is_up, view.error) = (Some(true), None);
        });
    }

    fn failed(&mut self, error: &Error) {
        self.cluster = None; // the properties are read anew
        let now_ms = steady_ms();
        let most_ms = self.options.max_age_ms.map_or(MOST_PAUSE_MS, |max_age_ms| max_age_ms / 4);
        self.retry.failed(now_ms, most_ms.min(MOST_PAUSE_MS), random());
        self.next_look_ms = self.retry.not_before_ms();
        self.record_failure();
        self.shared.write(|view| {
            view.failures += 1;
            (view.is_up, view.error) = (Some(false), Some(error.text().to_owned()));
        });
        let is_news = self.said.as_ref().is_none_or(|(text, said_ms)| {
            text != error.text() || now_ms.saturating_sub(*said_ms) >= SAY_MS
        });
        if is_news {
            self.said = Some((error.text().to_owned(), now_ms));
            let age = self.following.as_ref().and_then(|how| how.age_ms(clock::now_ms()));
            let age = age.map_or_else(String::new, |age_ms| {
                format!(" (the store is {} old)", duration::show(age_ms))
            });
            self.log.warn(None, format_args!("{error}{age}"));
        }
        self.show();
    }

    /// For `store stats`. Where even that fails, there is more to complain of.
    fn record_failure(&mut self) {
        let record = |write: &mut dyn crate::store::Write| {
            let Some(following) = following::get(&*write)? else { return Ok(None) };
            let failures = following.failures.saturating_add(1);
            let following = Following { failures, ..following };
            following::put(write, &following)?;
            Ok(Some(following))
        };
        if let Ok(recorded) = self.store.write(record) {
            if self.following.is_some() {
                self.following.clone_from(&recorded);
            }
            self.shared.write(|view| view.following = recorded);
        }
    }

    fn show(&mut self) {
        let (following, tokens) = (self.following.clone(), self.mirror.len() as u64);
        self.shared.write(|view| {
            view.following = following.or(view.following.take());
            view.tokens = tokens;
        });
    }

    fn show_ready(&mut self) {
        let has_looked = self.following.as_ref().is_some_and(|how| how.looked_ms.is_some());
        if self.is_ready || !has_looked || !self.pending.is_empty() {
            return;
        }
        self.is_ready = true;
        self.systemd.ready();
        let text = format!("the store has the {} tokens of the cluster", self.mirror.len());
        self.systemd.status(&text);
        self.log.info(None, format_args!("ready: {text}"));
    }
}

/// A full disk may get room; a store of another cluster stays one.
fn of_store(error: Error) -> Trouble {
    match error.status() {
        Status::IO => Trouble::Passing(error),
        _ => Trouble::Lasting(error),
    }
}

/// A message for each SIGTERM and SIGINT. A request may hold the loop up, and the store is as good as
/// after any kill: so the process ends a moment later in any case.
fn catch_signals() -> Result<Receiver<()>, Error> {
    let failed =
        |error: std::io::Error| Error::new(Status::IO, format!("catching signals: {error}"));
    let mut signals = Signals::new([SIGTERM, SIGINT]).map_err(failed)?;
    let (sender, events): (Sender<()>, _) = channel();
    let forward = move || {
        if signals.forever().next().is_some() {
            let _ = sender.send(());
            thread::sleep(LEAVE);
            end_process(0);
        }
        drop(sender);
    };
    thread::Builder::new().name("signals".to_owned()).spawn(forward).map_err(failed)?;
    Ok(events)
}

fn random() -> u32 {
    random::bytes().map_or(0, u32::from_ne_bytes)
}

/// How many tokens are derived between two commits: about half a second on two cores.
const DERIVED: usize = 256;
/// How many are removed or moved in one commit.
const BATCH: usize = 5_000;
const PAGE: usize = 256;
const MOST_PAUSE_MS: i64 = 15_000;
/// The same is said once in so long.
const SAY_MS: i64 = 60_000;
const LEAVE: Duration = Duration::from_secs(1);
