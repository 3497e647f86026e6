//! Reading a source on a thread of its own: a file system that hangs holds up the logins of one client
//! and nothing else.

use std::sync::Arc;
use std::thread;

use parking_lot::Mutex;

use super::boundary::guard;
use super::event_loop::{EventLoop, Outcome, SessionId};
use crate::clock::now_ms;
use crate::scram::{ClientCredential, KeyCache};
use crate::source::Source;
use crate::{error::Error, status::Status};

/// The source of one client. One thread at most reads it at a time, and is there only while somebody
/// waits: where a reading hangs for good, logins that time out leave no threads behind.
pub(super) struct SourceReader {
    source: Arc<Source>,
    queue: Mutex<Queue>,
}

#[derive(Default)]
struct Queue {
    waiting: Vec<SessionId>,
    is_reading: bool,
}

impl SourceReader {
    pub(super) fn new(source: Arc<Source>) -> Self {
        Self { source, queue: Mutex::default() }
    }

    /// The keys that logins by this source have derived.
    pub(super) fn key_cache(&self) -> &Arc<KeyCache> {
        self.source.key_cache()
    }

    /// Has the source read for a session, which gets an [`Outcome::Read`].
    ///
    /// # Errors
    ///
    /// `IO` when no thread can be started.
    pub(super) fn read_for(
        self: &Arc<Self>,
        id: SessionId,
        event_loop: &'static EventLoop,
    ) -> Result<(), Error> {
        let mut queue = self.queue.lock();
        if !queue.is_reading {
            let reader = Arc::clone(self);
            thread::Builder::new()
                .name("scramtoken read".into())
                .spawn(move || reader.run(event_loop))
                .map_err(|error| {
                    Error::new(Status::IO, format!("no thread can be started: {error}"))
                })?;
            queue.is_reading = true;
        }
        queue.waiting.push(id);
        Ok(())
    }

    /// The thread. Each reading is for those that waited when it began.
    fn run(&self, event_loop: &'static EventLoop) {
        while let Some(waiting) = self.next() {
            let read = guard(|| self.read());
            for id in waiting {
                event_loop.tell(id, Outcome::Read(read.clone()));
            }
        }
    }

    fn next(&self) -> Option<Vec<SessionId>> {
        let mut queue = self.queue.lock();
        queue.is_reading = !queue.waiting.is_empty();
        queue.is_reading.then(|| core::mem::take(&mut queue.waiting))
    }

    fn read(&self) -> Result<ClientCredential, Error> {
        let login = self.source.log_in(now_ms())?;
        if let Some(warning) = login.warning {
            super::warn(&warning);
        }
        Ok(login.credential)
    }
}

#[cfg(test)]
mod tests {
    use core::time::Duration;
    use std::os::fd::OwnedFd;
    use std::sync::mpsc;
    use std::time::Instant;

    use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};

    use super::*;
    use crate::rdkafka::event_loop::{Next, Session, Watched};
    use crate::source::CurrentCredential;

    /// Hands on what it is told.
    struct Listener(OwnedFd, mpsc::Sender<String>);

    impl Session for Listener {
        fn sockets(&self) -> [Option<Watched<'_>>; 2] {
            use std::os::fd::AsFd;
            [Some(Watched { socket: self.0.as_fd(), has_unsent: false }), None]
        }

        fn advance(&mut self, _: &'static EventLoop, _: SessionId, _: Instant) -> Next {
            Next::Wait(None)
        }

        fn take(&mut self, outcome: Outcome) {
            if let Outcome::Read(credential) = outcome {
                self.1.send(credential.unwrap().name().to_owned()).unwrap();
            }
        }

        fn finish(self: Box<Self>) {}
    }

    fn reader(name: &'static str, wait: impl Fn() + Send + Sync + 'static) -> Arc<SourceReader> {
        let ask = move || {
            wait();
            let credential = ClientCredential::password(name.as_bytes(), b"secret")?;
            Ok(CurrentCredential::Password(credential))
        };
        Arc::new(SourceReader::new(Arc::new(Source::from_callback(ask, [7; 32]))))
    }

    #[test]
    fn a_source_that_hangs_holds_up_nobody_else() {
        let event_loop = EventLoop::get().unwrap();
        let (told, tells) = mpsc::channel();
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let (socket, _other) =
            socketpair(AddressFamily::UNIX, SocketType::STREAM, flags, None).unwrap();
        let id = event_loop.add(Box::new(Listener(socket, told)));

        let (let_go, waits) = mpsc::channel::<()>();
        let (waits, readings) = (Mutex::new(waits), Arc::new(Mutex::new(0)));
        let counted = Arc::clone(&readings);
        let hanging = reader("slow", move || {
            *counted.lock() += 1;
            waits.lock().recv().unwrap();
        });
        for _ in 0..5 {
            hanging.read_for(id, event_loop).unwrap();
        }
        reader("quick", || {}).read_for(id, event_loop).unwrap();
        let soon = Duration::from_secs(20);
        assert_eq!(tells.recv_timeout(soon).unwrap(), "quick");
        // One reading for the first, which began it, and one for all that came meanwhile.
        let_go.send(()).unwrap();
        let_go.send(()).unwrap();
        for _ in 0..5 {
            assert_eq!(tells.recv_timeout(soon).unwrap(), "slow");
        }
        assert!(*readings.lock() <= 2);
        event_loop.leave(id);
    }
}
