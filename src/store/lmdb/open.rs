//! Opening an environment: once in a process, and only where LMDB can be trusted to work.

use core::convert::Infallible;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use heed::types::Bytes;
use heed::{CommitOrAbort, Database, Env, EnvFlags, MdbError, WithoutTls};
use rustix::fs::{fstat, ftruncate};
use rustix::io::Errno;

use super::super::backend::Table;
use super::directory::{DATA, Directory, LOCK, NO_STORE};
use super::explain::explain;
use super::opened::opened;
use super::presence::{FollowerLock, Presence};
use super::system::{MAX_READERS, open_environment};
use crate::fork::Process;
use crate::paths::io;
use crate::{error::Error, status::Status};

/// What all stores of one process that have the same directory share.
pub(super) struct Environment {
    // In the order in which they are to go.
    pub(super) env: Env<WithoutTls>,
    pub(super) tables: Tables,
    pub(super) path: PathBuf,
    /// None on a read-only file system, where nobody can write.
    presence: Option<Presence>,
    identity: (u64, u64),
    process: Process,
}

pub(super) type Tables = [Database<'static, Bytes, Bytes>; Table::ALL.len()];

impl Environment {
    /// Whether nothing can write to the store.
    pub(super) fn is_frozen(&self) -> bool {
        self.presence.is_none()
    }

    /// Keeps other followers of a cluster away.
    pub(super) fn lock_follower(&self) -> Result<FollowerLock, Error> {
        match &self.presence {
            Some(presence) => presence.lock_follower(),
            None => Err(explain(&self.path, heed::Error::Io(Errno::ROFS.into()))),
        }
    }

    pub(super) fn explain(&self, error: heed::Error) -> Error {
        explain(&self.path, error)
    }

    /// LMDB's locks and readers belong to the process that opened it.
    fn check_process(&self) -> Result<(), Error> {
        if self.process.is_current() {
            return Ok(());
        }
        let path = self.path.display();
        let text = format!(
            "{path}: the store was opened before this process was forked, and works in its parent \
             alone: free it here, and open it again"
        );
        Err(Error::new(Status::INVALID_STATE, text))
    }
}

/// A share of an environment; the last one closes it. Never empty until it is dropped.
pub(super) struct Share(Option<Arc<Environment>>);

impl Share {
    /// Opens the store of a directory, or shares it where this process has it open; makes it where
    /// it is missing and `create` says so. Gives what the host's log should be told, too.
    pub(super) fn open(path: &Path, create: bool) -> Result<(Self, Option<String>), Error> {
        let directory = Directory::open(path, create)?;
        let mut open = opened(); // LMDB may be opened once in a process
        if let Some(found) = open.iter().find(|found| found.identity == directory.identity) {
            found.check_process()?;
            return Ok((Self(Some(Arc::clone(found))), directory.warning()));
        }
        let environment = Arc::new(match Presence::begin(&directory)? {
            Some(presence) => open_shared(&directory, presence, create)?,
            None => open_frozen(&directory)?,
        });
        open.push(Arc::clone(&environment));
        Ok((Self(Some(environment)), directory.warning()))
    }

    /// The environment, where this process may use it.
    pub(super) fn environment(&self) -> Result<&Environment, Error> {
        let text = "a store was used while it was closed";
        let environment = self.0.as_deref();
        let environment = environment.ok_or_else(|| Error::new(Status::INTERNAL, text))?;
        environment.check_process()?;
        Ok(environment)
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut open = opened();
        let Some(environment) = self.0.take() else { return };
        // The list's and this one.
        if Arc::strong_count(&environment) == 2 {
            open.retain(|other| !Arc::ptr_eq(other, &environment));
        }
        drop(environment); // while the list is locked: who opens it next finds it closed
    }
}

fn open_shared(
    directory: &Directory,
    presence: Presence,
    create: bool,
) -> Result<Environment, Error> {
    directory.check_file(LOCK)?;
    let is_new = directory.check_file(DATA)?.is_none_or(|stat| stat.st_size == 0);
    if is_new && !create {
        return Err(io(directory.path(), NO_STORE));
    }
    let is_alone = presence.is_alone()?;
    if is_alone {
        directory.reserve_lock_file(LOCK_FILE_LEN)?;
    }
    presence.enter()?;
    let opened = open_lmdb(directory, EnvFlags::empty()).and_then(|env| {
        if is_alone {
            fill_up(directory, &env)?;
        }
        let tables = open_tables(directory, &env, create)?;
        Ok((env, tables))
    });
    if opened.is_err() && is_new {
        let _ = directory.remove(DATA); // a file without tables, or a part of one: nobody has it
    }
    let (env, tables) = opened?;
    if is_new {
        directory.sync()?;
    }
    env.clear_stale_readers().map_err(|error| explain(directory.path(), error))?;
    presence.opened()?;
    environment(directory, env, tables, Some(presence))
}

/// On a read-only file system LMDB has no locks, which is safe for as long as nobody writes. Who
/// opened it finds out whether that is promised.
fn open_frozen(directory: &Directory) -> Result<Environment, Error> {
    if directory.check_file(DATA)?.is_none() {
        return Err(io(directory.path(), NO_STORE));
    }
    let env = open_lmdb(directory, EnvFlags::READ_ONLY | EnvFlags::NO_LOCK)?;
    let tables = open_tables(directory, &env, false)?;
    environment(directory, env, tables, None)
}

fn environment(
    directory: &Directory,
    env: Env<WithoutTls>,
    tables: Tables,
    presence: Option<Presence>,
) -> Result<Environment, Error> {
    let (path, identity) = (directory.path().to_owned(), directory.identity);
    Ok(Environment { env, tables, path, presence, identity, process: Process::current()? })
}

fn open_tables(
    directory: &Directory,
    env: &Env<WithoutTls>,
    create: bool,
) -> Result<Tables, Error> {
    let explain = |error| explain(directory.path(), error);
    let is_empty = env.unnamed_database_stat().entries == 0;
    let opened = if is_empty && create {
        let transaction = env.write_txn().map_err(explain)?;
        env.create_databases_and_commit(transaction, |opener, write| {
            all(|table| opener.create_database(write, Some(table.name())))
        })
    } else if is_empty {
        return Err(io(directory.path(), NO_STORE));
    } else {
        let transaction = env.read_txn().map_err(explain)?;
        env.open_databases_and_commit(transaction, |opener, read| {
            all(|table| {
                let found = opener.open_database(read, Some(table.name()))?;
                found.ok_or(heed::Error::Mdb(MdbError::NotFound))
            })
        })
    };
    match opened.map_err(explain)? {
        CommitOrAbort::Commit(tables) => Ok(tables),
        CommitOrAbort::Abort(never) => match never {},
    }
}

fn all<T>(
    open: impl FnMut(Table) -> heed::Result<T>,
) -> heed::Result<CommitOrAbort<[T; Table::ALL.len()], Infallible>> {
    let [meta, users, tokens, hmacs, owners, expiries, keys] = Table::ALL.map(open);
    Ok(CommitOrAbort::Commit([meta?, users?, tokens?, hmacs?, owners?, expiries?, keys?]))
}

/// LMDB opens by path: what it opened must be what was checked.
fn open_lmdb(directory: &Directory, flags: EnvFlags) -> Result<Env<WithoutTls>, Error> {
    let path = directory.path();
    let explain = |error| explain(path, error);
    let env = open_environment(path, flags).map_err(explain)?;
    let opened = env.try_clone_inner_file().map_err(explain)?;
    let opened = fstat(opened).map_err(|errno| io(path, errno))?;
    let checked = directory.check_file(DATA)?;
    if checked.is_some_and(|is| (is.st_dev, is.st_ino) == (opened.st_dev, opened.st_ino)) {
        return Ok(env);
    }
    Err(io(path, "the directory was replaced while it was opened"))
}

/// Where the file was cut short, as by a copy that ended early, touching what is missing of its map
/// would be a SIGBUS; zeros LMDB knows to be wrong. Only while nobody else has the store open.
fn fill_up(directory: &Directory, env: &Env<WithoutTls>) -> Result<(), Error> {
    let explain = |error| explain(directory.path(), error);
    let info = env.info();
    let pages = info.last_page_number.saturating_add(1);
    let needed = pages.saturating_mul(env.unnamed_database_stat().page_size as usize);
    if needed > info.map_size {
        return Err(explain(heed::Error::Mdb(MdbError::Corrupted)));
    }
    if env.real_disk_size().map_err(explain)? < needed as u64 {
        let file = env.try_clone_inner_file().map_err(explain)?;
        ftruncate(file, needed as u64).map_err(|errno| io(directory.path(), errno))?;
    }
    Ok(())
}

/// LMDB's header and as many readers, 64 bytes each, and some to spare.
const LOCK_FILE_LEN: u64 = (MAX_READERS as u64 + 64) * 64;
