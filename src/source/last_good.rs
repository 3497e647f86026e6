//! What a file or directory last gave, for the time in which it cannot be read.

use core::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

use super::credential::{CurrentCredential, Reading, Warning};
use crate::{error::Error, status::Status};

/// The credential of the last reading that was good.
#[derive(Default)]
pub(super) struct LastGood {
    readings: AtomicU64,
    /// With the number of its reading: one that began earlier and ends later is not the last.
    kept: Mutex<Option<(u64, CurrentCredential)>>,
}

impl LastGood {
    /// What `read` gives or, where that is missing or damaged, what it gave before.
    pub(super) fn read_or_last(
        &self,
        now_ms: i64,
        read: impl FnOnce() -> Result<Reading, Error>,
    ) -> Result<Reading, Error> {
        let number = self.readings.fetch_add(1, Ordering::Relaxed);
        match read() {
            Ok(reading) => {
                self.keep(number, &reading.credential);
                Ok(reading)
            }
            Err(error) => self.instead_of(error, now_ms),
        }
    }

    fn keep(&self, number: u64, credential: &CurrentCredential) {
        let mut kept = self.kept.lock();
        if kept.as_ref().is_none_or(|(before, _)| *before < number) {
            *kept = Some((number, credential.clone()));
        }
    }

    fn instead_of(&self, error: Error, now_ms: i64) -> Result<Reading, Error> {
        // A secret that others can read, or may have planted, is never passed over in silence.
        if !matches!(error.status(), Status::IO | Status::CORRUPT) {
            return Err(error);
        }
        match &*self.kept.lock() {
            Some((_, credential)) if !credential.has_expired(now_ms) => Ok(Reading {
                credential: credential.clone(),
                warning: Some(Warning::LastGood(format!(
                    "{error}; until that is mended, logins use the last good credential"
                ))),
            }),
            _ => Err(error),
        }
    }
}
