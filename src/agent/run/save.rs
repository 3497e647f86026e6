//! The journal: read at the start, written after each change.

use std::thread;
use std::time::Duration;

use super::requests::{MOST_PAUSE_MS, SAY_MS};
use super::{Agent, Wake, random};
use crate::agent::config::JournalPlace;
use crate::agent::journal::{Contents, Entry, Journal};
use crate::service::Log;
use crate::service::Retry;
use crate::service::steady_ms;
use crate::{error::Error, status::Status};

/// Of a Secret, the server may be away for a while.
pub(super) fn open_journal(
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

impl Agent {
    /// Writes the journal, where something has changed.
    pub(super) fn save(&mut self, wake: &mut Wake) {
        if self.is_dirty && self.journal_retry.not_before_ms() <= steady_ms() {
            self.save_now();
        }
        if self.is_dirty {
            wake.at(Some(self.journal_retry.not_before_ms()));
        }
    }

    pub(super) fn save_now(&mut self) {
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
}

const JOURNAL: &str = "journal";
