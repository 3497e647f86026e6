//! `configs --import`: many SCRAM users from a file into a store.

use std::path::Path;

use super::output;
use super::progress::bar;
use super::user_file::{Entry, UserFile};
use crate::scram::Mechanism;
use crate::store::{NewUser, Store};
use crate::{error::Error, every_core};

/// What to do with each user of a file.
pub(super) struct Import<'a> {
    pub(super) store: &'a Store,
    /// The credentials that each user gets, and their iterations.
    pub(super) credentials: &'a [(Mechanism, u32)],
    /// Leave users alone that have all of these already.
    pub(super) skip_existing: bool,
}

#[derive(Default)]
struct Progress {
    imported: usize,
    skipped: usize,
}

/// How many users are written in one transaction: a quarter of a second of hashing.
const BATCH: usize = 256;

impl Import<'_> {
    /// Imports the file at `path` in the order of lines: whatever ends it, the lines before are imported.
    ///
    /// # Errors
    ///
    /// What is wrong with a line, which it names without its password; the file's and the store's.
    pub(super) fn run(&self, path: &Path, mut file: UserFile) -> Result<(), Error> {
        let bar = bar("{bar:40} {percent}%  {msg} users  {eta} left");
        bar.set_length(file.len());
        let mut done = Progress::default();
        let outcome = loop {
            let (entries, fault) = read_batch(&mut file);
            let is_last = entries.is_empty();
            let outcome = self.import(entries, &mut done).and(fault.map_or(Ok(()), Err));
            bar.set_position(file.position());
            bar.set_message(done.imported.to_string());
            if is_last || outcome.is_err() {
                break outcome;
            }
        };
        bar.finish_and_clear();
        let Progress { imported, skipped } = done;
        outcome.map_err(|error| {
            let text = format!(
                "{}: {error}; the users before it are imported ({imported}): --skip-existing goes on",
                path.display()
            );
            Error::new(error.status(), text)
        })?;
        let skipped = match skipped {
            0 => String::new(),
            _ => format!(", and left {skipped} alone that were there"),
        };
        output::print(&format!("Completed importing {imported} users{skipped}.\n"))
    }

    /// Imports up to the first one that cannot be.
    fn import(&self, mut entries: Vec<Entry>, done: &mut Progress) -> Result<(), Error> {
        if self.skip_existing {
            let before = entries.len();
            let mut wanted = Vec::with_capacity(before);
            for entry in entries {
                if !self.exists(&entry)? {
                    wanted.push(entry);
                }
            }
            entries = wanted;
            done.skipped += before - entries.len();
        }
        let (users, fault) = self.derive(&entries);
        if !users.is_empty() {
            self.store.put_users(&users)?;
            done.imported += users.len() / self.credentials.len();
        }
        fault
    }

    fn exists(&self, entry: &Entry) -> Result<bool, Error> {
        let found = self.store.users_of_name(&entry.name)?;
        Ok(self.credentials.iter().all(|(mechanism, iterations)| {
            found.iter().any(|user| user.mechanism == *mechanism && user.iterations == *iterations)
        }))
    }

    /// Hashes on every processor. The users before the first fault, and the fault.
    fn derive(&self, entries: &[Entry]) -> (Vec<NewUser>, Result<(), Error>) {
        let mut users = Vec::with_capacity(entries.len() * self.credentials.len());
        let all = match every_core::map(entries, |share| self.derive_share(share)) {
            Ok(all) => all,
            Err(fault) => return (users, Err(fault)),
        };
        for derived in all {
            match derived {
                Ok(derived) => users.extend(derived),
                Err(fault) => return (users, Err(fault)),
            }
        }
        (users, Ok(()))
    }

    /// For each entry.
    fn derive_share(&self, entries: &[Entry]) -> Vec<Derived> {
        let of = entries.iter().map(|entry| (entry.name.as_bytes(), entry.password.as_bytes()));
        let of: Vec<(&[u8], &[u8])> = of.collect();
        let mut all: Vec<Derived> = entries.iter().map(|_| Ok(Vec::new())).collect();
        for (mechanism, iterations) in self.credentials {
            let users = NewUser::derive_many(*mechanism, *iterations, &of);
            for ((all, user), entry) in all.iter_mut().zip(users).zip(entries) {
                match (&mut *all, user) {
                    (Ok(all), Ok(user)) => all.push(user),
                    (Ok(_), Err(error)) => *all = Err(entry.explain(&error)),
                    (Err(_), _) => {}
                }
            }
        }
        all
    }
}

/// The credentials of one user.
type Derived = Result<Vec<NewUser>, Error>;

/// A batch, and what is wrong with the line behind it.
fn read_batch(file: &mut UserFile) -> (Vec<Entry>, Option<Error>) {
    let mut entries = Vec::with_capacity(BATCH);
    while entries.len() < BATCH {
        match file.next() {
            Ok(Some(entry)) => entries.push(entry),
            Ok(None) => break,
            Err(fault) => return (entries, Some(fault)),
        }
    }
    (entries, None)
}
