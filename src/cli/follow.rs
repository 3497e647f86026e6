//! `store follow`: the tokens of a Kafka cluster, in a store of this host.

use std::cell::Cell;
use std::io::{self, IsTerminal};
use std::net::SocketAddr;

use clap::Args;

use super::cluster_args::ClusterArguments;
use super::progress::bar;
use super::store_args::{self, Missing};
use super::{exit, output};
use crate::follow::{Connect, Follower, Options, Progress};
use crate::kafka::{Address, Cluster};
use crate::service::{Log, LogFormat, duration, steady_ms};
use crate::{error::Error, random, status::Status};

/// Bring the delegation tokens of a Kafka cluster into the store, and keep them as the cluster has them
///
/// Servers of the store then let the cluster's tokens in, without asking the cluster at each login. Stays
/// in the foreground; SIGTERM ends it. While no broker answers, the store keeps what it has: each token
/// ends at its own time, and all of them are refused once --max-age is over. The principal that logs in
/// needs the operation Describe on all delegation tokens, or is a super user. Tokens of such a store are
/// made and ended in the cluster alone; its users stay its own.
#[derive(Args)]
#[command(after_help = exit::HELP)]
pub(super) struct Arguments {
    /// The store: lmdb:/path, a directory that is made where it is missing. One follower each
    #[arg(long, value_name = "URI")]
    store: String,

    #[command(flatten)]
    cluster: ClusterArguments,

    /// Look once, put everything into the store, and exit
    #[arg(long, conflicts_with = "listen")]
    once: bool,

    /// How often to look
    #[arg(long, value_name = "DURATION", default_value = "2s", value_parser = parse)]
    interval: i64,

    /// Let servers of the store refuse its tokens (not its users) when the last look is older than this;
    /// without it they go on letting in what the store has
    #[arg(long, value_name = "DURATION", value_parser = parse)]
    max_age: Option<i64>,

    /// Serve /metrics, /healthz, /readyz and /status by HTTP, as at 127.0.0.1:9713
    #[arg(long, value_name = "HOST:PORT")]
    listen: Option<SocketAddr>,

    /// Log in JSON, one object a line
    #[arg(long)]
    log_json: bool,
}

impl Arguments {
    pub(super) fn run(&self) -> Result<(), Error> {
        let invalid = |text| Err(Error::new(Status::INVALID_ARGUMENT, text));
        if !(LEAST_MS..=DAY_MS).contains(&self.interval) {
            return invalid("--interval is from 100ms to 1d");
        }
        if self.max_age.is_some_and(|max_age_ms| !(LEAST_MS..=YEAR_MS).contains(&max_age_ms)) {
            return invalid("--max-age is from 100ms to 365d");
        }
        if !self.once && self.max_age.is_some_and(|max_age_ms| max_age_ms < 2 * self.interval) {
            return invalid(
                "--max-age must be at least twice --interval, or tokens are refused in between",
            );
        }
        // What can be refused is refused before there is a store.
        let config = self.cluster.config(None)?;
        let is_local = self.cluster.servers(&config)?.iter().all(Address::is_loopback);
        let is_open = !config.protocol().uses_tls() && !is_local;
        drop(self.cluster.cluster(config)?);
        let store = store_args::open(&self.store, Missing::Make).map_err(exit::of_file)?;
        let format = if self.log_json { LogFormat::Json } else { LogFormat::Text };
        let log = Log(format);
        let options = Options {
            interval_ms: self.interval,
            max_age_ms: self.max_age,
            listen: self.listen,
            log,
        };
        let (cluster, once) = (self.cluster.clone(), self.once);
        let connect: Connect = Box::new(move || connect(&cluster, once));
        if is_open {
            log.warn(
                None,
                "security.protocol is without TLS: whoever listens on the way to the brokers can log in \
                 with the tokens, and whoever changes an answer can make tokens of his own; use SASL_SSL, or \
                 SSL",
            );
        }
        let follower = Follower::new(store, options, connect, progress(log))?;
        if self.once {
            return output::print(&follower.once()?);
        }
        follower.run()
    }
}

/// A client with the properties as they are now; one that stays has its own patience.
fn connect(cluster: &ClusterArguments, once: bool) -> Result<Cluster, Error> {
    let (config, _) = cluster.read(None)?;
    if once {
        return cluster.cluster(config);
    }
    let mut servers = cluster.servers(&config)?;
    // Many hosts have the same list, and not all of them are to ask its first broker.
    let random = random::bytes().map_or(0, usize::from_ne_bytes);
    let count = servers.len();
    servers.rotate_left(random.checked_rem(count).unwrap_or_default());
    Ok(Cluster::new(servers, config.impatient(REQUEST).trying_each(count), |_| ()))
}

/// A bar where somebody watches, else a line now and then.
fn progress(log: Log) -> Progress {
    if io::stderr().is_terminal() {
        let bar = bar("{bar:40} {human_pos} of {human_len} tokens  {eta} left");
        return Box::new(move |done, total| {
            if bar.is_finished() {
                return; // the first fill is what takes time
            }
            bar.set_length(total);
            bar.set_position(done);
            if done == total {
                bar.finish_and_clear();
            }
        });
    }
    let said_ms = Cell::new(steady_ms());
    Box::new(move |done, total| {
        let now_ms = steady_ms();
        if now_ms.saturating_sub(said_ms.get()) >= SAY_MS {
            said_ms.set(now_ms);
            log.info(None, format_args!("{done} of {total} new tokens are in the store"));
        }
    })
}

fn parse(text: &str) -> Result<i64, &'static str> {
    duration::parse(text).ok_or("write it as 500ms, 2s, 5m or 1h")
}

const LEAST_MS: i64 = 100;
const DAY_MS: i64 = 24 * 60 * 60 * 1000;
const YEAR_MS: i64 = 365 * DAY_MS;
const SAY_MS: i64 = 5_000;
/// The most that one look may take, with its tries.
const REQUEST: std::time::Duration = std::time::Duration::from_secs(30);
