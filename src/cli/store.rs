//! `store`: looking after a store of users and tokens.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use serde_json::json;

use super::progress::bar;
use super::store_args::{self, Missing};
use super::{exit, follow, output, signals};
use crate::authority::TokenManager;
use crate::kafka::escape;
use crate::service::duration;
use crate::store::{Check, Following, Stats, Store};
use crate::{clock, error::Error, json, status::Status};

/// Check, back up, measure and sweep a store of users and tokens, and let it follow a Kafka cluster
#[derive(Args)]
#[command(after_help = exit::HELP)]
pub(super) struct Arguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Read every record, and check that all of it fits together; others may use the store meanwhile
    Check(Report),
    /// Copy the store, as it is at one moment, into a new directory; others may use it meanwhile
    Backup(Backup),
    /// Count what the store holds, and the room it takes
    Stats(Report),
    /// Bring the delegation tokens of a Kafka cluster into the store, and keep them as the cluster has them
    Follow(Box<follow::Arguments>),
    /// Remove tokens that have ended, which no server lets in any more; for cron, say
    Sweep(Place),
}

#[derive(Args)]
struct Place {
    /// The store: lmdb:/path
    #[arg(long, value_name = "URI")]
    store: String,
}

#[derive(Args)]
struct Report {
    #[command(flatten)]
    place: Place,

    /// How to print the result
    #[arg(long, value_enum, default_value_t = Format::Table)]
    output: Format,
}

#[derive(Args)]
struct Backup {
    #[command(flatten)]
    place: Place,

    /// Where to: a directory that is made. It is a store itself: open it, or copy it back
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A line for each figure
    Table,
    /// One object
    Json,
}

impl Arguments {
    pub(super) fn run(&self) -> Result<(), Error> {
        let done = match &self.action {
            Action::Check(report) => report.check(),
            Action::Backup(backup) => backup.run(),
            Action::Stats(report) => report.stats(),
            Action::Sweep(place) => place.sweep(),
            // Not all that fails there is a file's.
            Action::Follow(arguments) => return arguments.run(),
        };
        done.map_err(exit::of_file)
    }
}

impl Place {
    fn sweep(&self) -> Result<(), Error> {
        let store = store_args::open(&self.store, Missing::Refuse)?;
        let swept = TokenManager::new(&store).sweep_store(clock::now_ms())?;
        output::print(&format!("Tokens that had ended and were removed: {swept}\n"))
    }

    fn open(&self) -> Result<Store, Error> {
        Store::open_read_only(&self.store).map(store_args::told_of)
    }
}

impl Report {
    fn check(&self) -> Result<(), Error> {
        let bar = bar("{bar:40} {human_pos} of {human_len} records");
        let check = self.place.open()?.check(|done, total| {
            bar.set_length(total);
            bar.set_position(done);
        })?;
        bar.finish_and_clear();
        let Check { records, to_sweep, problems, more_problems, .. } = &check;
        let wrong = problems.len() as u64 + more_problems;
        match self.output {
            Format::Json => output::print(&json::text(&json!({
                "records": records,
                "to_sweep": to_sweep,
                "problems": problems,
                "more_problems": more_problems,
            })))?,
            Format::Table => {
                let rows = [
                    ("records", *records),
                    ("tokens of removed keys", *to_sweep),
                    ("problems", wrong),
                ];
                let problems: String = problems.iter().map(|text| format!("{text}\n")).collect();
                output::print(&(table(&rows) + &problems))?;
            }
        }
        if wrong == 0 {
            return Ok(());
        }
        let text = format!("the store has {wrong} damaged records: restore a backup");
        Err(Error::new(Status::CORRUPT, text))
    }

    fn stats(&self) -> Result<(), Error> {
        let stats = self.place.open()?.stats(clock::now_ms())?;
        let Stats { users, tokens, expired_tokens, secret_keys, removed_secret_keys, file, .. } =
            stats;
        let following = stats.following;
        let now_ms = clock::now_ms();
        let text = match self.output {
            Format::Json => json::text(&json!({
                "users": users,
                "tokens": tokens,
                "expired_tokens": expired_tokens,
                "secret_keys": secret_keys,
                "removed_secret_keys": removed_secret_keys,
                "file_bytes": file.map(|file| file.bytes),
                "max_file_bytes": file.map(|file| file.max_bytes),
                "readers": file.map(|file| file.readers),
                "max_readers": file.map(|file| file.max_readers),
                "following": following.map(|how| json!({
                    "cluster_id": how.cluster_id,
                    "last_look_timestamp_ms": how.looked_ms,
                    "last_look_age_ms": how.age_ms(now_ms),
                    "max_age_ms": how.max_age_ms,
                    "lag": how.lag,
                    "failures": how.failures,
                })),
            }))
            .to_string(),
            Format::Table => {
                let mut rows = vec![
                    ("users", users),
                    ("tokens", tokens),
                    ("expired tokens", expired_tokens),
                    ("secret keys", secret_keys),
                    ("removed secret keys", removed_secret_keys),
                ];
                if let Some(file) = file {
                    rows.extend([
                        ("bytes of the file", file.bytes),
                        ("bytes at most", file.max_bytes),
                        ("readers at once", file.readers.into()),
                        ("readers at most", file.max_readers.into()),
                    ]);
                }
                table(&rows) + &following.map_or_else(String::new, |how| followed(&how, now_ms))
            }
        };
        output::print(&text)
    }
}

impl Backup {
    fn run(&self) -> Result<(), Error> {
        let store = self.place.open()?;
        signals::remove_temporaries();
        let spinner = bar("{spinner} copying, for {elapsed}");
        spinner.enable_steady_tick(Duration::from_millis(200));
        let outcome = store.backup(&self.out);
        spinner.finish_and_clear();
        outcome
    }
}

/// How the store stands with the cluster that it follows.
fn followed(how: &Following, now_ms: i64) -> String {
    let shown = |ms: Option<i64>, none: &str| ms.map_or(none.to_owned(), duration::show);
    let rows = [
        ("follows the cluster", escape(&how.cluster_id)),
        ("age of last look", shown(how.age_ms(now_ms), "never looked")),
        ("age at most", shown(how.max_age_ms, "any")),
        ("tokens to come", how.lag.to_string()),
        ("failed looks since", how.failures.to_string()),
    ];
    rows.iter().map(|(name, value)| format!("{name:<20} {value:>15}\n")).collect()
}

/// A line for each figure.
fn table(rows: &[(&str, u64)]) -> String {
    rows.iter().map(|(name, value)| format!("{name:<20} {value:>15}\n")).collect()
}
