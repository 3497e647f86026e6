//! A connection over TLS: librdkafka has one end of a socket pair, and we speak TLS to the broker.
//!
//! Bytes pass through both ways for as long as the connection lives. Requests are looked at just far
//! enough to see a SaslHandshake; the login that follows it is ours, at first and at each
//! re-authentication. librdkafka never has the network's socket, so no failure can make it speak to
//! the broker in the clear.

use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::time::Instant;

use rustls::ClientConnection;

use super::event_loop::{EventLoop, Next, Outcome, Session, SessionId, Watched};
use super::failure::Failure;
use super::frames::{AnswerScanner, Frames, HandshakeScanner, handshake_is_accepted};
use super::gate::Gate;
use super::login::{Login, LoginConfig, Progress};
use super::queue::Queue;
use super::refusal::Refusal;
use super::socket::{Connection, Received, connection, receive, receive_frames};
use super::tls;
use super::tls_stream::{Broken, TlsStream};
use crate::error::Error;

/// A connection of librdkafka's to a broker, as the event loop holds it.
pub(super) struct RelaySession {
    config: Arc<LoginConfig>,
    librdkafka: OwnedFd,
    to_librdkafka: Queue,
    /// None: it is not connected yet, or librdkafka is being told why not.
    broker: Option<TlsStream>,
    /// What librdkafka has asked, until the broker has said anything at all: over TLS 1.3 it refuses
    /// our certificate only after that.
    unheard: Option<Vec<u8>>,
    requests: HandshakeScanner,
    answers: AnswerScanner,
    mode: Mode,
    /// When the network's connection was made.
    started: Instant,
    /// librdkafka has closed its end, and what it wrote goes out until then at the latest.
    leaves_at: Option<Instant>,
    buffer: Box<[u8]>,
}

enum Mode {
    /// The network's socket is not connected yet.
    Connecting(Box<Connecting>),
    /// Everything passes.
    Stream,
    /// SaslHandshake has passed; its answer comes next.
    Handshake(Frames),
    Login(Box<Login>, FramesOfBoth),
    /// librdkafka is told why there is no broker.
    Refusal(Box<Refusal>),
}

/// What is needed when the network's socket has connected, or has failed to.
pub(super) struct Connecting {
    pub(super) gate: Gate,
    /// What librdkafka gets then.
    pub(super) theirs: OwnedFd,
    pub(super) socket: OwnedFd,
    pub(super) tls: ClientConnection,
}

#[derive(Default)]
struct FramesOfBoth {
    librdkafka: Frames,
    broker: Frames,
}

/// The connection is over.
struct End;

impl RelaySession {
    /// A connection that is being made to a broker.
    pub(super) fn connecting(
        config: Arc<LoginConfig>,
        librdkafka: OwnedFd,
        connecting: Connecting,
    ) -> Self {
        Self::new(config, librdkafka, Mode::Connecting(Box::new(connecting)))
    }

    /// No connection; librdkafka gets to hear why.
    pub(super) fn refused(config: Arc<LoginConfig>, librdkafka: OwnedFd, error: Error) -> Self {
        let refusal = Refusal::new(error.into(), config.mechanism, Instant::now());
        Self::new(config, librdkafka, Mode::Refusal(Box::new(refusal)))
    }

    fn new(config: Arc<LoginConfig>, librdkafka: OwnedFd, mode: Mode) -> Self {
        Self {
            config,
            librdkafka,
            to_librdkafka: Queue::default(),
            broker: None,
            unheard: Some(Vec::new()),
            requests: HandshakeScanner::default(),
            answers: AnswerScanner::default(),
            mode,
            started: Instant::now(),
            leaves_at: None,
            buffer: vec![0; BUFFER].into_boxed_slice(),
        }
    }

    /// Whether the network's socket is connected. When it has failed to, librdkafka gets it, to ask it
    /// why.
    fn connect(&mut self, now: Instant) -> Result<bool, End> {
        let Mode::Connecting(waiting) = &self.mode else { return Ok(true) };
        match connection(&waiting.socket) {
            Connection::Pending => return Ok(false),
            Connection::Failed => {
                waiting.gate.open(&waiting.socket);
                return Err(End);
            }
            Connection::Made => waiting.gate.open(&waiting.theirs),
        }
        if let Mode::Connecting(done) = core::mem::replace(&mut self.mode, Mode::Stream) {
            self.broker = Some(TlsStream::new(done.socket, done.tls));
            self.started = now;
        }
        Ok(true)
    }

    /// One round of both ways: whether anything was moved.
    fn pump(
        &mut self,
        event_loop: &'static EventLoop,
        id: SessionId,
        now: Instant,
    ) -> Result<bool, End> {
        if !self.connect(now)? {
            return Ok(false);
        }
        let mut moved = false;
        if self.to_librdkafka.len() < MOST_QUEUED {
            moved |= self.read_broker(event_loop, id, now)?;
        }
        moved |= self.read_librdkafka(event_loop, id)?;
        moved |= self.log_in(now)?;
        if let Some(broker) = &mut self.broker {
            moved |= broker.flush().map_err(|_| End)?;
        }
        moved |= self.to_librdkafka.send(&self.librdkafka).map_err(|_| End)? > 0;
        // Without a broker there may still be a reason to give.
        let is_over = self.broker.is_none()
            && !matches!(self.mode, Mode::Login(..) | Mode::Refusal(_))
            && self.to_librdkafka.len() == 0;
        if is_over { Err(End) } else { Ok(moved) }
    }

    /// One round of the way out alone: whether there may be more.
    fn drain(&mut self, event_loop: &'static EventLoop, id: SessionId) -> Result<bool, End> {
        let broker = self.broker.as_mut().ok_or(End)?;
        // An answer that nobody reads would make close(2) break the connection off.
        let Ok(Received::Some(_) | Received::Nothing) = broker.read(|_| {}) else {
            return Err(End);
        };
        broker.flush().map_err(|_| End)?;
        if broker.has_unsent() {
            return Ok(false);
        }
        if self.read_librdkafka(event_loop, id)? { Ok(true) } else { Err(End) }
    }

    fn read_broker(
        &mut self,
        event_loop: &'static EventLoop,
        id: SessionId,
        now: Instant,
    ) -> Result<bool, End> {
        let Self { broker: Some(broker), mode, to_librdkafka, unheard, answers, .. } = self else {
            return Ok(false);
        };
        let received = broker.read(|plain| match mode {
            Mode::Stream => {
                *unheard = None;
                answers.pass(plain);
                to_librdkafka.push(plain);
            }
            Mode::Handshake(frames) => frames.push(plain),
            Mode::Login(_, frames) => frames.broker.push(plain),
            Mode::Connecting(_) | Mode::Refusal(_) => {}
        });
        // librdkafka can do nothing with a part of an answer.
        broker.expect(answers.rest());
        let result = match received {
            Ok(Received::Some(_)) => Ok(true),
            Ok(Received::Nothing) => Ok(false),
            Ok(Received::End) => Err(None),
            Err(Broken::Socket(error)) => Err(Some(error)),
            Err(Broken::Tls(error)) => {
                self.refuse(tls::explain(&error).into(), now);
                return Ok(true);
            }
        };
        match &mut self.mode {
            Mode::Handshake(frames) => {
                if let Some(frame) = frames.next().map_err(|_| End)? {
                    self.begin_login(&frame, now)?;
                }
            }
            Mode::Login(login, frames) => {
                login.take_responses(&mut frames.broker, now, event_loop, id);
            }
            Mode::Connecting(_) | Mode::Stream | Mode::Refusal(_) => {}
        }
        let is_handshaking = self.is_handshaking();
        match (result, &mut self.mode) {
            (Ok(moved), _) => Ok(moved),
            (Err(error), Mode::Login(login, _)) => {
                login.lose(error);
                Ok(false)
            }
            (Err(error), _) if is_handshaking => {
                let advice = "is this its SSL listener's port?";
                self.refuse(Failure::lost(error, "the TLS handshake", advice), now);
                Ok(true)
            }
            (Err(_), _) => {
                // What it said last is still for librdkafka.
                self.broker = None;
                Ok(false)
            }
        }
    }

    /// The broker's answer to SaslHandshake has come.
    fn begin_login(&mut self, frame: &[u8], now: Instant) -> Result<(), End> {
        let length = u32::try_from(frame.len()).map_err(|_| End)?;
        self.to_librdkafka.push(&length.to_be_bytes());
        self.to_librdkafka.push(frame);
        self.mode = if handshake_is_accepted(frame) {
            let login = Login::new(Arc::clone(&self.config), now).map_err(|_| End)?;
            Mode::Login(Box::new(login), FramesOfBoth::default())
        } else {
            Mode::Stream // librdkafka itself says which mechanisms the broker has
        };
        Ok(())
    }

    fn read_librdkafka(
        &mut self,
        event_loop: &'static EventLoop,
        id: SessionId,
    ) -> Result<bool, End> {
        if let Mode::Login(login, frames) = &mut self.mode {
            let received = receive_frames(&self.librdkafka, &mut frames.librdkafka);
            login.take_requests(&mut frames.librdkafka, event_loop, id).map_err(|_| End)?;
            return match received {
                Ok(Received::Some(_)) => Ok(true),
                Ok(Received::Nothing) => Ok(false),
                Ok(Received::End) | Err(_) => Err(End),
            };
        }
        // Before TLS stands, and while the broker is slow, what librdkafka sends stays in the kernel.
        if self.broker.as_ref().is_some_and(|broker| broker.is_handshaking() || broker.has_unsent())
        {
            return Ok(false);
        }
        let length = match receive(&self.librdkafka, &mut self.buffer) {
            Ok(Received::Some(length)) => length,
            Ok(Received::Nothing) => return Ok(false),
            Ok(Received::End) | Err(_) => return Err(End),
        };
        let bytes = self.buffer.get(..length).unwrap_or_default();
        match (&mut self.mode, &mut self.broker) {
            (Mode::Stream, Some(broker)) => {
                broker.write(bytes);
                if let Some(unheard) = &mut self.unheard {
                    unheard.extend_from_slice(bytes);
                }
                if self.requests.ends_with_handshake(bytes) {
                    self.mode = Mode::Handshake(Frames::default());
                }
            }
            (Mode::Refusal(refusal), _) => {
                let answers = refusal.take(bytes).map_err(|_| End)?;
                self.to_librdkafka.push(&answers);
            }
            // librdkafka has nothing to say before the answer, and Login was dealt with.
            (Mode::Connecting(_) | Mode::Stream | Mode::Handshake(_) | Mode::Login(..), _) => {
                return Err(End);
            }
        }
        Ok(true)
    }

    fn log_in(&mut self, now: Instant) -> Result<bool, End> {
        match &mut self.mode {
            Mode::Login(login, _) => {
                let output = login.broker_output();
                if let Some(broker) = &mut self.broker {
                    broker.write(output);
                }
                output.clear();
                let progress = login.progress(now);
                if login.has_failed()
                    && let Some(mut broker) = self.broker.take()
                {
                    // Whoever sent what is of no use could fill our memory with it until librdkafka
                    // has been told.
                    broker.close();
                }
                let output = login.librdkafka_output();
                self.to_librdkafka.push(output);
                let moved = !output.is_empty();
                output.clear();
                if progress == Progress::Accepted {
                    self.mode = Mode::Stream;
                } else if progress == Progress::Refused || login.is_abandoned(now) {
                    let _ = self.to_librdkafka.send(&self.librdkafka);
                    return Err(End);
                }
                Ok(moved)
            }
            Mode::Refusal(refusal) => match refusal.last_answer(now) {
                Some(answer) => {
                    self.to_librdkafka.push(&answer);
                    let _ = self.to_librdkafka.send(&self.librdkafka);
                    Err(End)
                }
                None => Ok(false),
            },
            Mode::Connecting(_) | Mode::Stream | Mode::Handshake(_) => {
                if self.is_handshaking() && now >= self.started + self.config.timeout {
                    let seconds = self.config.timeout.as_secs_f32();
                    let text = format!(
                        "the broker has not completed the TLS handshake within {seconds} s: is \
                         this its SSL listener's port?"
                    );
                    self.refuse(Failure::timed_out(text), now);
                    return Ok(true);
                }
                Ok(false)
            }
        }
    }

    fn is_handshaking(&self) -> bool {
        self.broker.as_ref().is_some_and(TlsStream::is_handshaking)
    }

    fn refuse(&mut self, failure: Failure, now: Instant) {
        self.broker = None;
        let mut refusal = Refusal::new(failure, self.config.mechanism, now);
        // What is no request gets no answer, here as later.
        let answers = refusal.take(&self.unheard.take().unwrap_or_default());
        self.to_librdkafka.push(&answers.unwrap_or_default());
        self.mode = Mode::Refusal(Box::new(refusal));
    }

    fn wake_at(&self) -> Option<Instant> {
        match &self.mode {
            Mode::Login(login, _) => Some(login.wake_at()),
            Mode::Refusal(refusal) => refusal.wake_at(),
            Mode::Connecting(_) => None, // librdkafka's own timeout counts
            Mode::Stream | Mode::Handshake(_) => {
                self.is_handshaking().then_some(self.started + self.config.timeout)
            }
        }
    }
}

impl Session for RelaySession {
    fn sockets(&self) -> [Option<Watched<'_>>; 2] {
        let librdkafka =
            Watched { socket: self.librdkafka.as_fd(), has_unsent: self.to_librdkafka.len() > 0 };
        let broker = match (&self.mode, &self.broker) {
            (Mode::Connecting(connecting), _) => {
                Some(Watched { socket: connecting.socket.as_fd(), has_unsent: true })
            }
            (_, Some(broker)) => {
                Some(Watched { socket: broker.as_fd(), has_unsent: broker.has_unsent() })
            }
            (_, None) => None,
        };
        [Some(librdkafka), broker]
    }

    fn advance(&mut self, event_loop: &'static EventLoop, id: SessionId, now: Instant) -> Next {
        if self.leaves_at.is_some_and(|at| at <= now) {
            return Next::Finish;
        }
        for _ in 0..ROUNDS {
            let moved = match self.leaves_at {
                Some(_) => self.drain(event_loop, id),
                None => self.pump(event_loop, id, now),
            };
            match moved {
                Ok(true) => {}
                Ok(false) => return Next::Wait(self.leaves_at.or(self.wake_at())),
                Err(End) => return Next::Finish,
            }
        }
        // There is more, but others want their turn.
        Next::Wait(Some(now))
    }

    fn take(&mut self, outcome: Outcome) {
        if let Mode::Login(login, _) = &mut self.mode {
            login.take(outcome);
        }
    }

    /// What librdkafka wrote before it closed its end goes out, as it would by close(2).
    fn leave(&mut self, now: Instant) -> bool {
        let stands = matches!(self.mode, Mode::Stream) && !self.is_handshaking();
        self.leaves_at = stands.then(|| now + self.config.timeout);
        stands
    }

    fn finish(mut self: Box<Self>) {
        if let Some(broker) = &mut self.broker {
            broker.close();
        }
    }
}

const BUFFER: usize = 128 * 1024;
/// From here on the broker has to wait for librdkafka.
const MOST_QUEUED: usize = 512 * 1024;
/// After so many rounds it is another session's turn.
const ROUNDS: usize = 16;
