//! The one thread of a process that moves the bytes of all logins, started by the first of them.

use core::ptr;
use core::sync::atomic::{AtomicPtr, AtomicU64, Ordering};
use core::time::Duration;
use std::collections::{BTreeSet, HashMap};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::thread;
use std::time::Instant;

use parking_lot::{Condvar, Mutex};
use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};
use rustix::event::{EventfdFlags, Timespec, eventfd};
use rustix::io::Errno;

use super::boundary::guard;
use super::signals;
use crate::fork::Process;
use crate::scram::{AwaitServerFinal, ClientCredential};
use crate::{error::Error, status::Status};

/// Something with sockets that the loop carries on.
pub(super) trait Session: Send {
    /// The sockets to watch; one that the session has closed since is missing.
    fn sockets(&self) -> [Option<Watched<'_>>; 2];

    /// Reads and writes all that can be now. Called whenever a socket may have become readable or
    /// writable, and when the time that was asked for has come.
    fn advance(&mut self, event_loop: &'static EventLoop, id: SessionId, now: Instant) -> Next;

    /// What a thread of its own has done for the session.
    fn take(&mut self, outcome: Outcome);

    /// librdkafka has closed its end. Whether something that it wrote is still to go out, which
    /// `advance` then does until it is finished.
    fn leave(&mut self, _now: Instant) -> bool {
        false
    }

    /// The end: the sockets are no longer watched.
    fn finish(self: Box<Self>);
}

pub(super) type SessionId = u64;

/// What came of slow work, which is done on a thread of its own.
pub(super) enum Outcome {
    /// The source was read.
    Read(Result<ClientCredential, Error>),
    /// The proof was hashed.
    Hashed(Result<AwaitServerFinal, Error>),
}

/// A socket of a session's. It is always read.
pub(super) struct Watched<'a> {
    pub(super) socket: BorrowedFd<'a>,
    /// Whether something waits to be written. To be told without need that there is room costs a
    /// relay more than anything: a socket pair says it at each read of its other end.
    pub(super) has_unsent: bool,
}

impl Watched<'_> {
    /// Edge-triggered: a session always reads and writes until it would block.
    fn events(&self) -> EventFlags {
        let events = EventFlags::IN | EventFlags::RDHUP | EventFlags::ET;
        if self.has_unsent { events | EventFlags::OUT } else { events }
    }
}

/// What a session wants of the loop.
pub(super) enum Next {
    /// To be called at an event, and at this time at the latest.
    Wait(Option<Instant>),
    /// To be ended.
    Finish,
}

/// The part that other threads see.
pub(super) struct EventLoop {
    /// A forked child has the memory and not the thread.
    process: Process,
    epoll: OwnedFd,
    wake: OwnedFd,
    next_id: AtomicU64,
    commands: Mutex<Vec<Command>>,
    /// How many sessions are to end and have not.
    leaving: Mutex<usize>,
    left: Condvar,
}

enum Command {
    Add(SessionId, Box<dyn Session>),
    Leave(SessionId),
    Tell(SessionId, Outcome),
}

/// The loop of this process. Never freed: its thread runs until the process ends, and a forked
/// child makes one of its own.
static CURRENT: AtomicPtr<EventLoop> = AtomicPtr::new(ptr::null_mut());

impl EventLoop {
    /// The loop of this process, started when there is none.
    pub(super) fn get() -> Result<&'static Self, Error> {
        let current = CURRENT.load(Ordering::Acquire);
        if let Some(event_loop) = Self::of_this_process(current) {
            return Ok(event_loop);
        }
        let fresh: &'static Self =
            Box::leak(Box::new(Self::new(Process::current()?).map_err(unavailable)?));
        let swapped = CURRENT.compare_exchange(
            current,
            ptr::from_ref(fresh).cast_mut(),
            Ordering::AcqRel,
            Ordering::Acquire,
        );
        if swapped.is_err() {
            // Another thread was first; what is lost is some words, once in a process.
            return Self::get();
        }
        let started = signals::with_all_blocked(|| {
            thread::Builder::new().name("scramtoken".into()).spawn(move || fresh.run())
        });
        if let Err(error) = started {
            CURRENT.store(ptr::null_mut(), Ordering::Release);
            return Err(Error::new(Status::IO, format!("no thread can be started: {error}")));
        }
        Ok(fresh)
    }

    fn of_this_process(current: *mut Self) -> Option<&'static Self> {
        // SAFETY: it is null or came from Box::leak in `get`, and is never freed.
        let event_loop = unsafe { current.as_ref() }?;
        event_loop.process.is_current().then_some(event_loop)
    }

    fn new(process: Process) -> Result<Self, Errno> {
        let epoll = epoll::create(CreateFlags::CLOEXEC)?;
        let wake = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        epoll::add(&epoll, &wake, EventData::new_u64(WAKE), EventFlags::IN)?;
        Ok(Self {
            process,
            epoll,
            wake,
            next_id: AtomicU64::new(WAKE + 1),
            commands: Mutex::default(),
            leaving: Mutex::default(),
            left: Condvar::new(),
        })
    }

    /// Gives a session to the loop.
    pub(super) fn add(&self, session: Box<dyn Session>) -> SessionId {
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        self.send(Command::Add(id, session));
        id
    }

    /// Ends a session, which may have ended already, when what librdkafka wrote has gone out.
    pub(super) fn leave(&self, id: SessionId) {
        *self.leaving.lock() += 1;
        self.send(Command::Leave(id));
    }

    fn has_left(&self) {
        *self.leaving.lock() -= 1;
        self.left.notify_all();
    }

    /// Waits until the sessions that are to end have ended, and no longer than that. A process that
    /// ends takes this thread with it, and what librdkafka has written by then would be lost.
    pub(super) fn wait_for_leaving(longest: Duration) {
        if let Some(event_loop) = Self::of_this_process(CURRENT.load(Ordering::Acquire)) {
            let mut leaving = event_loop.leaving.lock();
            event_loop.left.wait_while_for(&mut leaving, |number| *number > 0, longest);
        }
    }

    /// Runs a hash that may take long on a thread of its own, for the loop to serve others.
    pub(super) fn hash(
        &'static self,
        id: SessionId,
        job: impl FnOnce() -> Result<AwaitServerFinal, Error> + Send + 'static,
    ) -> Result<(), Error> {
        // The loop's thread blocks all signals, and what it starts does too.
        thread::Builder::new()
            .name("scramtoken hash".into())
            .spawn(move || self.tell(id, Outcome::Hashed(job())))
            .map(drop)
            .map_err(|error| Error::new(Status::IO, format!("no thread can be started: {error}")))
    }

    /// Tells a session, if it is still there.
    pub(super) fn tell(&self, id: SessionId, outcome: Outcome) {
        self.send(Command::Tell(id, outcome));
    }

    fn send(&self, command: Command) {
        self.commands.lock().push(command);
        // Full means that the loop has been woken often enough.
        let _ = rustix::io::write(&self.wake, &1_u64.to_ne_bytes());
    }

    /// The thread.
    fn run(&'static self) {
        let mut sessions =
            Sessions { event_loop: self, by_id: HashMap::new(), timers: BTreeSet::new() };
        let mut events = Vec::with_capacity(256);
        loop {
            events.clear();
            let timeout = sessions.timeout(Instant::now());
            match epoll::wait(
                &self.epoll,
                rustix::buffer::spare_capacity(&mut events),
                timeout.as_ref(),
            ) {
                Ok(_) | Err(Errno::INTR) => {}
                // The descriptor is ours and stays open, so this cannot be; do not spin.
                Err(_) => thread::sleep(Duration::from_millis(100)),
            }
            for event in &events {
                match event.data.u64() {
                    WAKE => sessions.obey(),
                    id => sessions.advance(id),
                }
            }
            sessions.advance_due();
        }
    }
}

/// What only the loop's thread sees. A fault of one session's ends that session, and not the thread
/// that carries all the others.
struct Sessions {
    event_loop: &'static EventLoop,
    by_id: HashMap<SessionId, Entry>,
    timers: BTreeSet<(Instant, SessionId)>,
}

struct Entry {
    session: Box<dyn Session>,
    /// What its sockets are watched for.
    events: [Option<EventFlags>; 2],
    wake_at: Option<Instant>,
    is_leaving: bool,
}

impl Sessions {
    fn obey(&mut self) {
        let mut count = [0; 8];
        let _ = rustix::io::read(&self.event_loop.wake, &mut count);
        let commands = core::mem::take(&mut *self.event_loop.commands.lock());
        for command in commands {
            match command {
                Command::Add(id, session) => self.add(id, session),
                Command::Leave(id) => self.leave(id),
                Command::Tell(id, outcome) => self.tell(id, outcome),
            }
        }
    }

    fn add(&mut self, id: SessionId, session: Box<dyn Session>) {
        let mut events = [None; 2];
        let watched =
            session.sockets().into_iter().zip(&mut events).try_for_each(|(each, events)| {
                let Some(watched) = each else { return Ok(()) };
                *events = Some(watched.events());
                let data = EventData::new_u64(id);
                epoll::add(&self.event_loop.epoll, watched.socket, data, watched.events())
            });
        if let Err(error) = watched {
            super::warn(&format!("a login cannot be watched: {error}"));
            return session.finish();
        }
        self.by_id.insert(id, Entry { session, events, wake_at: None, is_leaving: false });
        self.advance(id);
    }

    fn advance(&mut self, id: SessionId) {
        let Some(entry) = self.by_id.get_mut(&id) else { return };
        if let Some(at) = entry.wake_at.take() {
            self.timers.remove(&(at, id));
        }
        match guard(|| Ok(entry.session.advance(self.event_loop, id, Instant::now()))) {
            Ok(Next::Wait(at)) => {
                entry.watch(&self.event_loop.epoll, id);
                entry.wake_at = at;
                self.timers.extend(at.map(|at| (at, id)));
            }
            Ok(Next::Finish) | Err(_) => self.remove(id),
        }
    }

    fn tell(&mut self, id: SessionId, outcome: Outcome) {
        let Some(entry) = self.by_id.get_mut(&id) else { return };
        let taken = guard(|| {
            entry.session.take(outcome);
            Ok(())
        });
        match taken {
            Ok(()) => self.advance(id),
            Err(_) => self.remove(id),
        }
    }

    fn leave(&mut self, id: SessionId) {
        let Some(entry) = self.by_id.get_mut(&id) else { return self.event_loop.has_left() };
        entry.is_leaving = true;
        match guard(|| Ok(entry.session.leave(Instant::now()))) {
            Ok(true) => self.advance(id),
            Ok(false) | Err(_) => self.remove(id),
        }
    }

    fn remove(&mut self, id: SessionId) {
        let Some(entry) = self.by_id.remove(&id) else { return };
        if let Some(at) = entry.wake_at {
            self.timers.remove(&(at, id));
        }
        // Closing does not end the watch of a socket that has another descriptor, as one that is
        // handed over has, and every one after a fork.
        for watched in entry.session.sockets().into_iter().flatten() {
            let _ = epoll::delete(&self.event_loop.epoll, watched.socket);
        }
        let _ = guard(|| {
            entry.session.finish();
            Ok(())
        });
        if entry.is_leaving {
            self.event_loop.has_left();
        }
    }

    fn advance_due(&mut self) {
        let now = Instant::now();
        while let Some((at, id)) = self.timers.first().copied()
            && at <= now
        {
            self.timers.pop_first();
            self.advance(id);
        }
    }

    fn timeout(&self, now: Instant) -> Option<Timespec> {
        let (at, _) = self.timers.first()?;
        // A millisecond more, so that a timer is due when the wait is over.
        let wait = match at.checked_duration_since(now) {
            Some(wait) if !wait.is_zero() => wait + Duration::from_millis(1),
            _ => Duration::ZERO,
        };
        Timespec::try_from(wait).ok()
    }
}

impl Entry {
    /// Watches its sockets for what it waits for now, which tells at once what is there already.
    fn watch(&mut self, epoll: &OwnedFd, id: SessionId) {
        for (watched, events) in self.session.sockets().into_iter().zip(&mut self.events) {
            if let Some(watched) = watched
                && *events != Some(watched.events())
            {
                *events = Some(watched.events());
                // It was added, so that this cannot fail.
                let data = EventData::new_u64(id);
                let _ = epoll::modify(epoll, watched.socket, data, watched.events());
            }
        }
    }
}

impl core::fmt::Debug for EventLoop {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "EventLoop({:?})", self.epoll.as_fd())
    }
}

fn unavailable(error: Errno) -> Error {
    Error::new(Status::IO, format!("cannot create the descriptors for logins: {error}"))
}

const WAKE: SessionId = 0;
