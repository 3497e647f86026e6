//! The login of a connection without TLS: we take librdkafka's socket, log in, and give it back.
//!
//! While the login lasts, librdkafka's descriptor is one end of a socket pair, and the event loop
//! speaks on the other end and on the broker's socket. Both swaps run on the broker's own thread of
//! librdkafka, the descriptor's only user, at moments when nothing is in flight: librdkafka sends one
//! request at a time while it logs in (or logs in again), and reads no further than a frame.

use core::cell::{Cell, RefCell};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::sync::Arc;
use std::time::Instant;

use parking_lot::Mutex;
use rustix::io::{Errno, fcntl_dupfd_cloexec};
use rustix::net::{AddressFamily, Shutdown, SocketFlags, SocketType, shutdown, socketpair};

use super::event_loop::{EventLoop, Next, Outcome, Session, SessionId, Watched};
use super::frames::{Answered, Frames, SASL_HANDSHAKE};
use super::login::{Login, LoginConfig, Progress};
use super::socket::{Received, put, receive_frames, send_from};
use crate::{error::Error, status::Status};

thread_local! {
    /// The login of the connection that this thread of librdkafka's serves.
    static LOGIN: RefCell<Option<Handover>> = const { RefCell::new(None) };
    /// The socket on which this thread has sent SaslHandshake: the response's interceptor is not
    /// told it.
    static HANDSHAKE_SOCKET: Cell<Option<RawFd>> = const { Cell::new(None) };
}

/// librdkafka has sent a SaslHandshake of this version.
pub(super) fn handshake_sent(socket: RawFd, version: i16) {
    // A login that was under way on an earlier connection is over.
    LOGIN.take();
    // Version 0 is followed by messages without a frame; the broker then refuses the stand-in.
    HANDSHAKE_SOCKET.set((version >= 1 && socket >= 0).then_some(socket));
}

/// One of librdkafka's requests was answered: a login begins, or ends.
///
/// # Errors
///
/// As of [`Handover::begin`].
pub(super) fn answered(answered: Answered, config: Arc<LoginConfig>) -> Result<(), Error> {
    if !answered.is_good {
        // The connection may be closed already, and its number be another's.
        LOGIN.take();
        HANDSHAKE_SOCKET.take();
        return Ok(());
    }
    let Some(socket) = HANDSHAKE_SOCKET.get() else { return Ok(()) };
    if answered.api_key == SASL_HANDSHAKE {
        LOGIN.set(Some(Handover::begin(socket, config)?));
    } else if LOGIN.with_borrow(|login| login.as_ref().is_some_and(Handover::is_accepted))
        && let Some(login) = LOGIN.take()
    {
        HANDSHAKE_SOCKET.take();
        login.finish(socket);
    }
    Ok(())
}

/// A login under way, as the broker's thread of librdkafka holds it. Dropping it ends the login.
struct Handover {
    event_loop: &'static EventLoop,
    session: SessionId,
    accepted: Accepted,
}

/// The broker's socket, once the broker has accepted the login, and our end of the pair: were it
/// closed earlier, librdkafka would take that for the broker's hanging up.
type Accepted = Arc<Mutex<Option<(OwnedFd, OwnedFd)>>>;

impl Handover {
    /// Puts us in librdkafka's place on its socket `fd`, which waits for nothing.
    ///
    /// # Errors
    ///
    /// `IO` when the system has no descriptors or threads. The connection is shut down then, so that
    /// the broker never sees the stand-in.
    fn begin(fd: RawFd, config: Arc<LoginConfig>) -> Result<Self, Error> {
        // SAFETY: librdkafka holds this open socket for as long as the interceptor runs.
        let socket = unsafe { BorrowedFd::borrow_raw(fd) };
        Self::take_place(socket, config).inspect_err(|_| {
            let _ = shutdown(socket, Shutdown::Both);
        })
    }

    fn take_place(socket: BorrowedFd<'_>, config: Arc<LoginConfig>) -> Result<Self, Error> {
        let event_loop = EventLoop::get()?;
        let login = Login::new(config, Instant::now())?;
        let broker = fcntl_dupfd_cloexec(socket, 0).map_err(no_descriptors)?;
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let (theirs, ours) = socketpair(AddressFamily::UNIX, SocketType::STREAM, flags, None)
            .map_err(no_descriptors)?;
        // SAFETY: the interceptors run on the thread that alone uses the descriptor, between two of
        // its uses.
        unsafe { put(&theirs, socket.as_raw_fd()) }.map_err(no_descriptors)?;

        let accepted = Accepted::default();
        let session = event_loop.add(Box::new(HandoverSession {
            login,
            librdkafka: ours,
            from_librdkafka: Frames::default(),
            broker,
            from_broker: Frames::default(),
            accepted: Arc::clone(&accepted),
            progress: Progress::Going,
        }));
        Ok(Self { event_loop, session, accepted })
    }

    /// Whether the broker has accepted, and librdkafka has been told.
    fn is_accepted(&self) -> bool {
        self.accepted.lock().is_some()
    }

    /// Gives librdkafka the broker's socket back under its number `fd`, if the login succeeded.
    fn finish(self, fd: RawFd) {
        if let Some((broker, _ours)) = self.accepted.lock().take()
            // SAFETY: as in `take_place`.
            && let Err(error) = unsafe { put(&broker, fd) }
        {
            // What is left is a socket without an other end: librdkafka connects anew.
            super::warn(&format!("a socket cannot be given back to librdkafka: {error}"));
        }
    }
}

impl Drop for Handover {
    fn drop(&mut self) {
        self.event_loop.leave(self.session);
    }
}

/// A login under way, as the event loop holds it.
struct HandoverSession {
    login: Login,
    librdkafka: OwnedFd,
    from_librdkafka: Frames,
    broker: OwnedFd,
    from_broker: Frames,
    accepted: Accepted,
    progress: Progress,
}

impl HandoverSession {
    /// False when librdkafka has gone away.
    fn read_librdkafka(&mut self, event_loop: &'static EventLoop, id: SessionId) -> bool {
        loop {
            match receive_frames(&self.librdkafka, &mut self.from_librdkafka) {
                Ok(Received::Some(_)) => {}
                Ok(Received::Nothing) => break,
                Ok(Received::End) | Err(_) => return false,
            }
        }
        self.login.take_requests(&mut self.from_librdkafka, event_loop, id).is_ok()
    }

    fn read_broker(&mut self, event_loop: &'static EventLoop, id: SessionId, now: Instant) {
        while !self.login.has_failed() {
            let received = receive_frames(&self.broker, &mut self.from_broker);
            self.login.take_responses(&mut self.from_broker, now, event_loop, id);
            match received {
                Ok(Received::Some(_)) => {}
                Ok(Received::Nothing) => break,
                Ok(Received::End) => self.login.lose(None),
                Err(error) => self.login.lose(Some(error)),
            }
        }
    }
}

impl Session for HandoverSession {
    fn sockets(&self) -> [Option<Watched<'_>>; 2] {
        let librdkafka = Watched {
            socket: self.librdkafka.as_fd(),
            has_unsent: self.login.has_output_for_librdkafka(),
        };
        let broker =
            Watched { socket: self.broker.as_fd(), has_unsent: self.login.has_output_for_broker() };
        [Some(librdkafka), Some(broker)]
    }

    fn advance(&mut self, event_loop: &'static EventLoop, id: SessionId, now: Instant) -> Next {
        if !self.read_librdkafka(event_loop, id) {
            return Next::Finish;
        }
        self.read_broker(event_loop, id, now);
        if let Err(error) = send_from(&self.broker, self.login.broker_output()) {
            self.login.lose(Some(error));
        }
        self.progress = self.login.progress(now);
        if self.progress == Progress::Accepted || self.login.is_abandoned(now) {
            return Next::Finish;
        }
        // A socket pair takes these few bytes at once, unless librdkafka reads nothing.
        let sent = send_from(&self.librdkafka, self.login.librdkafka_output());
        if sent.is_err() || self.progress == Progress::Refused {
            return Next::Finish;
        }
        Next::Wait(Some(self.login.wake_at()))
    }

    fn take(&mut self, outcome: Outcome) {
        self.login.take(outcome);
    }

    fn finish(mut self: Box<Self>) {
        if self.progress == Progress::Accepted {
            // What came early would be lost to librdkafka. There is none: it is the broker's turn
            // only when librdkafka has asked.
            let clean = self.from_broker.is_empty() && self.from_librdkafka.is_empty();
            // Under the lock: the answer is what makes librdkafka's thread look for the socket.
            let mut accepted = self.accepted.lock();
            let _ = send_from(&self.librdkafka, self.login.librdkafka_output());
            *accepted = clean.then_some((self.broker, self.librdkafka));
        }
    }
}

fn no_descriptors(error: Errno) -> Error {
    Error::new(
        Status::IO,
        format!("cannot create the descriptors for a login: {error} (see ulimit -n)"),
    )
}
