//! What every backend must do, run against each of them.

use core::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;

use super::backend::{Backend, MAX_KEY, Read, Table, Write};
use super::lmdb::Lmdb;
use super::memory::Memory;
use crate::{error::Error, status::Status};

macro_rules! suite {
    ($($test:ident)*) => {
        mod memory {
            $(#[test] fn $test() { super::$test(&super::Backend::Memory(super::Memory::default())); })*
        }

        mod lmdb {
            $(#[test] fn $test() {
                let directory = tempfile::tempdir().unwrap();
                let path = directory.path().join("store");
                let (lmdb, _) = super::Lmdb::open(&path, false).unwrap();
                super::$test(&super::Backend::Lmdb(lmdb));
            })*
        }
    };
}

suite! {
    what_is_put_is_there
    tables_are_apart
    a_scan_goes_in_the_order_of_keys
    a_scan_ends_by_a_break_or_an_error
    a_transaction_sees_what_it_wrote
    an_error_undoes_everything
    a_panic_undoes_everything
    odd_keys_are_refused
    large_values
    readers_see_all_of_a_transaction_or_nothing
}

fn put(backend: &Backend, table: Table, key: &[u8], value: &[u8]) {
    backend.write(|write| write.put(table, key, value)).unwrap();
}

fn get(backend: &Backend, table: Table, key: &[u8]) -> Option<Vec<u8>> {
    backend.read(|read| Ok(read.get(table, key)?.map(<[u8]>::to_vec))).unwrap()
}

fn keys(read: &dyn Read, table: Table, from: &[u8]) -> Vec<Vec<u8>> {
    let mut keys = Vec::new();
    let visit = &mut |key: &[u8], _: &[u8]| {
        keys.push(key.to_vec());
        Ok(ControlFlow::Continue(()))
    };
    read.scan(table, from, visit).unwrap();
    keys
}

fn failure() -> Error {
    Error::new(Status::CANCELLED, "on purpose")
}

fn what_is_put_is_there(backend: &Backend) {
    let delete = |key: &[u8]| backend.write(|write| write.delete(Table::Users, key)).unwrap();
    assert_eq!(get(backend, Table::Users, b"key"), None);
    put(backend, Table::Users, b"key", b"value");
    put(backend, Table::Users, b"empty", b"");
    assert_eq!(get(backend, Table::Users, b"key").unwrap(), b"value");
    assert_eq!(get(backend, Table::Users, b"empty").unwrap(), b"");
    put(backend, Table::Users, b"key", b"another");
    assert_eq!(get(backend, Table::Users, b"key").unwrap(), b"another");
    assert_eq!(backend.read(|read| read.len(Table::Users)), Ok(2));
    assert!(delete(b"key"));
    assert!(!delete(b"key"));
    assert_eq!(get(backend, Table::Users, b"key"), None);
    assert_eq!(backend.read(|read| read.len(Table::Users)), Ok(1));
}

fn tables_are_apart(backend: &Backend) {
    for table in Table::ALL {
        put(backend, table, b"key", table.name().as_bytes());
    }
    for table in Table::ALL {
        assert_eq!(get(backend, table, b"key").unwrap(), table.name().as_bytes());
        assert_eq!(backend.read(|read| read.len(table)), Ok(1));
    }
}

fn a_scan_goes_in_the_order_of_keys(backend: &Backend) {
    let sorted: [&[u8]; 6] = [b"\0", b"a", b"a\0", b"ab", b"b", b"\xff\xff"];
    for key in [4, 0, 5, 2, 3, 1] {
        put(backend, Table::Expiries, sorted[key], b"");
    }
    let from = |from: &[u8]| backend.read(|read| Ok(keys(read, Table::Expiries, from))).unwrap();
    assert_eq!(from(b""), sorted);
    assert_eq!(from(b"a"), sorted[1..]);
    assert_eq!(from(b"aa"), sorted[3..]);
    assert_eq!(from(b"\xff\xff"), sorted[5..]);
    assert_eq!(from(b"\xff\xff\0"), sorted[6..]);
    assert_eq!(from(&[0xff; MAX_KEY + 1]), sorted[6..]);
}

fn a_scan_ends_by_a_break_or_an_error(backend: &Backend) {
    for key in [b"a", b"b", b"c"] {
        put(backend, Table::Principals, key, b"");
    }
    let scan = |end: fn() -> Result<ControlFlow<()>, Error>| {
        let mut seen = 0;
        let outcome = backend.read(|read| {
            read.scan(Table::Principals, b"", &mut |key, _| {
                seen += 1;
                if key == b"b" { end() } else { Ok(ControlFlow::Continue(())) }
            })
        });
        (seen, outcome)
    };
    assert_eq!(scan(|| Ok(ControlFlow::Break(()))), (2, Ok(())));
    assert_eq!(scan(|| Err(failure())), (2, Err(failure())));
}

fn a_transaction_sees_what_it_wrote(backend: &Backend) {
    put(backend, Table::Tokens, b"old", b"1");
    put(backend, Table::Tokens, b"gone", b"1");
    let transaction = |write: &mut dyn Write| {
        write.put(Table::Tokens, b"new", b"2")?;
        write.put(Table::Tokens, b"old", b"2")?;
        assert!(write.delete(Table::Tokens, b"gone")?);
        assert_eq!(write.get(Table::Tokens, b"old")?.unwrap(), b"2");
        assert_eq!(write.get(Table::Tokens, b"gone")?, None);
        assert_eq!(write.len(Table::Tokens)?, 2);
        assert_eq!(keys(&*write, Table::Tokens, b""), [b"new", b"old"]);
        Ok(())
    };
    backend.write(transaction).unwrap();
    assert_eq!(get(backend, Table::Tokens, b"new").unwrap(), b"2");
    assert_eq!(get(backend, Table::Tokens, b"gone"), None);
}

/// What is to be undone: new, changed, deleted, made and deleted again.
fn change_everything(write: &mut dyn Write) -> Result<(), Error> {
    write.put(Table::Tokens, b"new", b"2")?;
    write.put(Table::Tokens, b"old", b"2")?;
    write.put(Table::Tokens, b"old", b"3")?;
    write.delete(Table::Tokens, b"gone")?;
    write.put(Table::Tokens, b"gone", b"2")?;
    write.put(Table::Users, b"both", b"2")?;
    write.delete(Table::Users, b"both")?;
    Ok(())
}

fn nothing_changed(backend: &Backend) {
    let seen = backend.read(|read| Ok(keys(read, Table::Tokens, b""))).unwrap();
    assert_eq!(seen, [b"gone".as_slice(), b"old"]);
    assert_eq!(get(backend, Table::Tokens, b"old").unwrap(), b"1");
    assert_eq!(get(backend, Table::Tokens, b"gone").unwrap(), b"1");
    assert_eq!(get(backend, Table::Users, b"both"), None);
    put(backend, Table::Users, b"still", b"works");
    assert_eq!(get(backend, Table::Users, b"still").unwrap(), b"works");
}

fn an_error_undoes_everything(backend: &Backend) {
    put(backend, Table::Tokens, b"old", b"1");
    put(backend, Table::Tokens, b"gone", b"1");
    let outcome = backend.write(|write| {
        change_everything(write)?;
        Err::<(), _>(failure())
    });
    assert_eq!(outcome, Err(failure()));
    nothing_changed(backend);
}

fn a_panic_undoes_everything(backend: &Backend) {
    put(backend, Table::Tokens, b"old", b"1");
    put(backend, Table::Tokens, b"gone", b"1");
    let transaction = |write: &mut dyn Write| -> Result<(), Error> {
        change_everything(write)?;
        panic!("on purpose")
    };
    catch_unwind(AssertUnwindSafe(|| backend.write(transaction))).unwrap_err();
    nothing_changed(backend);
}

fn odd_keys_are_refused(backend: &Backend) {
    let longest = [7; MAX_KEY];
    put(backend, Table::Keys, &longest, b"");
    assert_eq!(get(backend, Table::Keys, &longest).unwrap(), b"");
    for key in [&b""[..], &[7; MAX_KEY + 1], &[7; 4096]] {
        let error = backend.write(|write| write.put(Table::Keys, key, b"")).unwrap_err();
        assert_eq!(error.status(), Status::INVALID_ARGUMENT);
        assert!(error.text().contains(&key.len().to_string()), "{error}");
        assert_eq!(get(backend, Table::Keys, key), None);
        assert_eq!(backend.write(|write| write.delete(Table::Keys, key)), Ok(false));
    }
}

fn large_values(backend: &Backend) {
    let large: Vec<u8> = (0..1_000_000_u32).map(|number| number.to_be_bytes()[3]).collect();
    put(backend, Table::Users, b"key", &large);
    assert_eq!(get(backend, Table::Users, b"key").unwrap(), large);
}

fn readers_see_all_of_a_transaction_or_nothing(backend: &Backend) {
    let count = |read: &dyn Read, table| Ok(read.get(table, b"count")?.map_or(0, |value| value[0]));
    thread::scope(|scope| {
        let writer = scope.spawn(|| {
            for number in 1..=200 {
                let transaction = |write: &mut dyn Write| {
                    write.put(Table::Users, b"count", &[number])?;
                    write.put(Table::Tokens, b"count", &[number])
                };
                backend.write(transaction).unwrap();
            }
        });
        while !writer.is_finished() {
            let seen = backend.read(|read| {
                Ok::<_, Error>((count(read, Table::Users)?, count(read, Table::Tokens)?))
            });
            let (users, tokens) = seen.unwrap();
            assert_eq!(users, tokens);
        }
    });
}
