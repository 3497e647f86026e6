//! `memory:`, a store of this process alone that ends with it.

use core::ops::{Bound, ControlFlow};
use std::collections::BTreeMap;

use parking_lot::{RwLock, RwLockReadGuard};
use zeroize::Zeroizing;

use super::backend::{Read, Table, Visit, Write, check_key};
use crate::error::Error;

/// Readers exclude the writer for as long as their transaction takes.
#[derive(Default)]
pub(super) struct Memory(RwLock<Tables>);

pub(super) type Snapshot<'a> = RwLockReadGuard<'a, Tables>;

impl Memory {
    pub(super) fn snapshot(&self) -> Snapshot<'_> {
        self.0.read()
    }

    pub(super) fn write<T>(
        &self,
        run: impl FnOnce(&mut dyn Write) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let mut tables = self.0.write();
        let mut changes = Changes { tables: &mut tables, undo: Vec::new() };
        let outcome = run(&mut changes)?;
        changes.undo.clear(); // committed
        Ok(outcome)
    }
}

/// Values hold keys of credentials, so they are zeroed when they go.
type Value = Zeroizing<Vec<u8>>;
type Entries = BTreeMap<Vec<u8>, Value>;

#[derive(Default)]
pub(super) struct Tables([Entries; Table::ALL.len()]);

impl Tables {
    #[expect(clippy::indexing_slicing, reason = "as many maps as the enum has variants")]
    fn of(&self, table: Table) -> &Entries {
        &self.0[table as usize]
    }

    #[expect(clippy::indexing_slicing, reason = "as many maps as the enum has variants")]
    fn of_mut(&mut self, table: Table) -> &mut Entries {
        &mut self.0[table as usize]
    }
}

impl Read for Tables {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<&[u8]>, Error> {
        Ok(self.of(table).get(key).map(|value| value.as_slice()))
    }

    fn scan(&self, table: Table, from: &[u8], visit: &mut Visit<'_>) -> Result<(), Error> {
        for (key, value) in
            self.of(table).range::<[u8], _>((Bound::Included(from), Bound::Unbounded))
        {
            if let ControlFlow::Break(()) = visit(key, value)? {
                break;
            }
        }
        Ok(())
    }

    fn len(&self, table: Table) -> Result<u64, Error> {
        Ok(self.of(table).len() as u64)
    }
}

/// What was changed is put back when this is dropped, but for what was committed.
struct Changes<'a> {
    tables: &'a mut Tables,
    /// What each changed key had, oldest change first.
    undo: Vec<(Table, Vec<u8>, Option<Value>)>,
}

impl Read for Changes<'_> {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<&[u8]>, Error> {
        self.tables.get(table, key)
    }

    fn scan(&self, table: Table, from: &[u8], visit: &mut Visit<'_>) -> Result<(), Error> {
        self.tables.scan(table, from, visit)
    }

    fn len(&self, table: Table) -> Result<u64, Error> {
        self.tables.len(table)
    }
}

impl Write for Changes<'_> {
    fn put(&mut self, table: Table, key: &[u8], value: &[u8]) -> Result<(), Error> {
        check_key(table, key)?;
        let value = Zeroizing::new(value.to_vec());
        let had = self.tables.of_mut(table).insert(key.to_vec(), value);
        self.undo.push((table, key.to_vec(), had));
        Ok(())
    }

    fn delete(&mut self, table: Table, key: &[u8]) -> Result<bool, Error> {
        let had = self.tables.of_mut(table).remove(key);
        let found = had.is_some();
        if found {
            self.undo.push((table, key.to_vec(), had));
        }
        Ok(found)
    }
}

impl Drop for Changes<'_> {
    fn drop(&mut self) {
        while let Some((table, key, had)) = self.undo.pop() {
            match had {
                Some(value) => self.tables.of_mut(table).insert(key, value),
                None => self.tables.of_mut(table).remove(&key),
            };
        }
    }
}
