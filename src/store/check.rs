//! Looking at everything that a store has, and whether it fits together.

use core::ops::ControlFlow;

use super::backend::{Read, Table};
use super::indexes::{self, INDEXES};
use super::keys::{self, KeyState};
use super::record::{self, Decoder};
use super::tokens::{self, StoredToken};
use super::{Store, following, schema, users};
use crate::error::Error;

/// What a look at every record came to.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct Check {
    /// How many records there are.
    pub records: u64,
    /// How many tokens of removed secret keys wait to be swept; nobody can log in with them.
    pub to_sweep: u64,
    /// What is wrong, one sentence each; of many the first 100.
    pub problems: Vec<String>,
    /// How many more are wrong.
    pub more_problems: u64,
}

impl Store {
    /// Reads every record in one snapshot, and checks that indexes and tokens agree. Others may use
    /// the store meanwhile. `progress` is told how many records of how many were seen.
    ///
    /// # Errors
    ///
    /// `IO`, `CORRUPT` where the tables cannot be read at all, `INVALID_STATE` (opened before a fork).
    pub fn check(&self, mut progress: impl FnMut(u64, u64)) -> Result<Check, Error> {
        self.read(|read| {
            let mut total = 0;
            for table in Table::ALL {
                total += read.len(table)?;
            }
            let mut check = Check::default();
            check.note(schema::check(read));
            check.note(schema::mock_secret(read).map(|_| ()));
            for table in Table::ALL {
                read.scan(table, b"", &mut |key, record| {
                    let outcome = entry(read, table, key, record, &mut check.to_sweep);
                    check.note(outcome);
                    check.records += 1;
                    if check.records.is_multiple_of(STEP) {
                        progress(check.records, total);
                    }
                    Ok(ControlFlow::Continue(()))
                })?;
            }
            progress(check.records, total);
            Ok(check)
        })
    }
}

impl Check {
    fn note(&mut self, outcome: Result<(), Error>) {
        match outcome {
            Ok(()) => {}
            Err(error) if self.problems.len() < MAX_PROBLEMS => {
                self.problems.push(error.text().to_owned());
            }
            Err(_) => self.more_problems += 1,
        }
    }
}

const MAX_PROBLEMS: usize = 100;
/// How many records progress is told after.
const STEP: u64 = 4096;

fn entry(
    read: &dyn Read,
    table: Table,
    key: &[u8],
    record: &[u8],
    to_sweep: &mut u64,
) -> Result<(), Error> {
    let mut decoder = Decoder::new(table, key, record)?;
    match table {
        Table::Meta => following::check(key, decoder),
        Table::Users => users::decode(&mut decoder, key).map(|_| ()),
        Table::Keys => keys::decode(key, decoder).map(|_| ()),
        Table::Tokens => {
            let token = tokens::decode(key, decoder)?;
            *to_sweep += u64::from(keys::state(read, token.key_number)? == KeyState::Ending);
            token_entry(read, key, &token)
        }
        Table::Hmacs | Table::Principals | Table::Expiries => {
            decoder.end()?;
            index_entry(read, table, key)
        }
    }
}

/// Every index has the token, and its secret key may have tokens.
fn token_entry(read: &dyn Read, key: &[u8], token: &StoredToken) -> Result<(), Error> {
    let missing = |index: Table| {
        let what = format!("is not in the index {}", index.name());
        record::corrupt(Table::Tokens, key, &what)
    };
    if keys::state(read, token.key_number)? == KeyState::Ended {
        let what = "is of a secret key that was removed, with all its tokens";
        return Err(record::corrupt(Table::Tokens, key, what));
    }
    for index in INDEXES {
        for entry in token.index_keys(index) {
            if read.get(index, &entry)?.is_none() {
                return Err(missing(index));
            }
        }
    }
    Ok(())
}

/// What an index says of a token is so.
fn index_entry(read: &dyn Read, index: Table, key: &[u8]) -> Result<(), Error> {
    let id = indexes::id_in(index, key);
    let token = read.get(Table::Tokens, id)?;
    let token = token.map(|record| tokens::decode(id, Decoder::new(Table::Tokens, id, record)?));
    match token {
        // A damaged token is a problem of its own.
        Some(Err(_)) => Ok(()),
        Some(Ok(token)) if token.index_keys(index).iter().any(|has| has == key) => Ok(()),
        Some(Ok(_)) => Err(record::corrupt(index, key, "says of its token what is not so")),
        None => Err(record::corrupt(index, key, "names a token that is not there")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::backend::Write;
    use super::super::tokens::tests::token;
    use super::*;

    fn store() -> Store {
        let store = Store::open("memory:").unwrap();
        let tokens = [token("a", "User:alice", 5000), token("b", "User:bob", 6000)];
        store
            .write(|write| {
                keys::register(write, "key", &[1; 32])?;
                tokens.iter().try_for_each(|token| tokens::put(write, token))
            })
            .unwrap();
        store.put_user(crate::Mechanism::ScramSha256, b"carol", b"pencil", 4096).unwrap();
        store
    }

    fn problems(store: &Store) -> Vec<String> {
        let mut seen = (0, 0);
        let check = store.check(|done, total| seen = (done, total)).unwrap();
        assert_eq!(seen, (check.records, check.records));
        check.problems
    }

    #[test]
    fn a_sound_store_has_no_problems() {
        let store = store();
        assert_eq!(problems(&store), [""; 0]);
        let key = store.read(|read| keys::by_name(read, "key")).unwrap().unwrap();
        store.write(|write| keys::remove(write, &key)).unwrap();
        let check = store.check(|_, _| ()).unwrap();
        assert_eq!((check.to_sweep, check.problems.len()), (2, 0));
        store.write(|write| keys::ended(write, &key)).unwrap();
        assert_eq!(problems(&store).len(), 2);
    }

    #[test]
    fn whatever_is_missing_is_noticed() {
        for table in [Table::Hmacs, Table::Principals, Table::Expiries, Table::Tokens, Table::Meta]
        {
            let store = store();
            let mut keys = Vec::new();
            let scan = |read: &dyn Read| {
                read.scan(table, b"", &mut |key, _| {
                    keys.push(key.to_vec());
                    Ok(ControlFlow::Continue(()))
                })
            };
            store.read(scan).unwrap();
            for key in keys {
                let record = store.read(|read| Ok(read.get(table, &key)?.map(<[u8]>::to_vec)));
                let record = record.unwrap().unwrap();
                store.write(|write| write.delete(table, &key)).unwrap();
                let found = problems(&store);
                assert!(!found.is_empty(), "{table:?} {key:?}");
                assert!(found.iter().all(|text| text.contains("the store's table")), "{found:?}");
                store.write(|write| write.put(table, &key, &record)).unwrap();
                assert_eq!(problems(&store), [""; 0]);
            }
        }
    }

    #[test]
    fn every_damaged_record_is_named() {
        for table in Table::ALL {
            let store = store();
            let damage = |write: &mut dyn Write| {
                let mut found = None;
                write.scan(table, b"", &mut |key, record| {
                    found = Some((key.to_vec(), record.to_vec()));
                    Ok(ControlFlow::Break(()))
                })?;
                let (key, mut record) = found.unwrap();
                let last = record.len() - 1;
                record[last] ^= 1;
                write.put(table, &key, &record)
            };
            store.write(damage).unwrap();
            let found = problems(&store);
            let expected = format!("the store's table {}:", table.name());
            assert!(found.iter().any(|text| text.starts_with(&expected)), "{table:?}: {found:?}");
        }
    }
}
