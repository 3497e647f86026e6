//! A connection over TLS: librdkafka has one end of a socket pair, and we speak TLS to the broker.
//!
//! Bytes pass through both ways for as long as the connection lives. Requests are looked at just far
//! enough to see a SaslHandshake; the login that follows it is ours, at first and at each
//! re-authentication. librdkafka never has the network's socket, so no failure can make it speak to
//! the broker in the clear.

use core::sync::atomic::Ordering;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::time::Instant;

use super::event_loop::{EventLoop, Next, Session, SessionId, Watched};
use super::frames::{AnswerScanner, Frames, HandshakeScanner, handshake_is_accepted};
use super::login::{HOLD_BACK, Login, LoginConfig, Progress};
use super::queue::Queue;
use super::refusal::Refusal;
use super::socket::{Received, receive, receive_frames};
use super::tls;
use super::tls_stream::{Broken, TlsStream};
use crate::scram::AwaitServerFinal;
use crate::{error::Error, status::Status};

/// A connection of librdkafka's to a broker, as the event loop holds it.
pub(super) struct RelaySession {
    config: Arc<LoginConfig>,
    librdkafka: OwnedFd,
    to_librdkafka: Queue,
    /// None: librdkafka is being told why.
    broker: Option<TlsStream>,
    /// What librdkafka has asked, until the broker has said anything at all: over TLS 1.3 it refuses
    /// our certificate only after that.
    unheard: Option<Vec<u8>>,
    requests: HandshakeScanner,
    answers: AnswerScanner,
    mode: Mode,
    started: Instant,
    /// librdkafka has closed its end, and what it wrote goes out until then at the latest.
    leaves_at: Option<Instant>,
    buffer: Box<[u8]>,
}

enum Mode {
    /// Everything passes.
    Stream,
    /// SaslHandshake has passed; its answer comes next.
    Handshake(Frames),
    Login(Box<Login>, FramesOfBoth),
    /// librdkafka is told why there is no broker.
    Refusal(Box<Refusal>),
    /// Nobody is there. librdkafka finds its connection closed then, and tries again as it does without
    /// us: an application may give up at a refusal.
    Down(Instant),
}

#[derive(Default)]
struct FramesOfBoth {
    librdkafka: Frames,
    broker: Frames,
}

/// The connection is over.
struct End;

impl RelaySession {
    /// A connection to a broker; without one, the reason is what librdkafka gets to hear.
    pub(super) fn new(
        config: Arc<LoginConfig>,
        librdkafka: OwnedFd,
        broker: Result<TlsStream, Error>,
    ) -> Self {
        let (broker, error) = match broker {
            Ok(broker) => (Some(broker), None),
            Err(error) => (None, Some(error)),
        };
        let mut session = Self {
            config,
            librdkafka,
            to_librdkafka: Queue::default(),
            broker,
            unheard: Some(Vec::new()),
            requests: HandshakeScanner::default(),
            answers: AnswerScanner::default(),
            mode: Mode::Stream,
            started: Instant::now(),
            leaves_at: None,
            buffer: vec![0; BUFFER].into_boxed_slice(),
        };
        if let Some(error) = error {
            session.refuse(error, Instant::now());
        }
        session
    }

    /// One round of both ways: whether anything was moved.
    fn pump(
        &mut self,
        event_loop: &'static EventLoop,
        id: SessionId,
        now: Instant,
    ) -> Result<bool, End> {
        let mut moved = false;
        if self.to_librdkafka.len() < MOST_QUEUED {
            moved |= self.read_broker(event_loop, id, now)?;
        }
        moved |= self.read_librdkafka()?;
        moved |= self.log_in(now)?;
        if let Some(broker) = &mut self.broker {
            moved |= broker.flush().map_err(|_| End)?;
        }
        moved |= self.to_librdkafka.send(&self.librdkafka).map_err(|_| End)? > 0;
        let has_reason = matches!(self.mode, Mode::Refusal(_) | Mode::Down(_));
        let is_over = self.broker.is_none() && !has_reason && self.to_librdkafka.len() == 0;
        if is_over { Err(End) } else { Ok(moved) }
    }

    /// One round of the way out alone: whether there may be more.
    fn drain(&mut self) -> Result<bool, End> {
        let broker = self.broker.as_mut().ok_or(End)?;
        // An answer that nobody reads would make close(2) break the connection off.
        let Ok(Received::Some(_) | Received::Nothing) = broker.read(|_| {}) else {
            return Err(End);
        };
        broker.flush().map_err(|_| End)?;
        if broker.has_unsent() {
            return Ok(false);
        }
        if self.read_librdkafka()? { Ok(true) } else { Err(End) }
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
            Mode::Refusal(_) | Mode::Down(_) => {}
        });
        // librdkafka can do nothing with a part of an answer.
        broker.expect(answers.rest());
        let result = match received {
            Ok(Received::Some(_)) => Ok(true),
            Ok(Received::Nothing) => Ok(false),
            Ok(Received::End) => Err("the broker closed the connection".to_owned()),
            Err(Broken::Socket(error)) => Err(format!("the broker's connection was lost: {error}")),
            Err(Broken::Tls(error)) => {
                self.refuse(tls::explain(&error), now);
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
            Mode::Stream | Mode::Refusal(_) | Mode::Down(_) => {}
        }
        let (is_handshaking, is_connected) = (self.is_handshaking(), self.is_connected());
        match (result, &mut self.mode) {
            (Ok(moved), _) => Ok(moved),
            (Err(text), Mode::Login(login, _)) => {
                login.fail(Error::new(Status::IO, format!("{text} in the login: see its log")));
                Ok(false)
            }
            (Err(text), _) if is_handshaking && !is_connected => {
                self.go_down(&text, now);
                Ok(false)
            }
            (Err(text), _) if is_handshaking => {
                let text = format!("{text} in the TLS handshake: is this its SSL listener's port?");
                self.refuse(Error::new(Status::IO, text), now);
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
        self.config.is_down.store(false, Ordering::Relaxed);
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

    fn read_librdkafka(&mut self) -> Result<bool, End> {
        if let Mode::Login(login, frames) = &mut self.mode {
            let received = receive_frames(&self.librdkafka, &mut frames.librdkafka);
            login.take_requests(&mut frames.librdkafka).map_err(|_| End)?;
            return match received {
                Ok(Received::Some(_)) => Ok(true),
                Ok(Received::Nothing) => Ok(false),
                Ok(Received::End) | Err(_) => Err(End),
            };
        }
        if let Mode::Down(_) = self.mode {
            return Ok(false);
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
            (Mode::Stream | Mode::Handshake(_) | Mode::Login(..) | Mode::Down(_), _) => {
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
            Mode::Down(until) => {
                if now >= *until {
                    Err(End)
                } else {
                    Ok(false)
                }
            }
            Mode::Stream | Mode::Handshake(_) => {
                if self.is_handshaking() && now >= self.started + self.config.timeout {
                    let seconds = self.config.timeout.as_secs_f32();
                    if !self.is_connected() {
                        self.go_down(&format!("it has not answered within {seconds} s"), now);
                        return Ok(false);
                    }
                    let text = format!(
                        "the broker has not completed the TLS handshake within {seconds} s: is \
                         this its SSL listener's port?"
                    );
                    self.refuse(Error::new(Status::IO, text), now);
                    return Ok(true);
                }
                Ok(false)
            }
        }
    }

    fn is_handshaking(&self) -> bool {
        self.broker.as_ref().is_some_and(TlsStream::is_handshaking)
    }

    fn is_connected(&self) -> bool {
        self.broker.as_ref().is_some_and(TlsStream::is_connected)
    }

    fn go_down(&mut self, why: &str, now: Instant) {
        if !self.config.is_down.swap(true, Ordering::Relaxed) {
            super::warn(&format!("no broker can be reached: {why}"));
        }
        self.broker = None;
        self.mode = Mode::Down(now + HOLD_BACK);
    }

    fn refuse(&mut self, error: Error, now: Instant) {
        self.broker = None;
        let mut refusal = Refusal::new(error, self.config.mechanism, now);
        // What is no request gets no answer, here as later.
        let answers = refusal.take(&self.unheard.take().unwrap_or_default());
        self.to_librdkafka.push(&answers.unwrap_or_default());
        self.mode = Mode::Refusal(Box::new(refusal));
    }

    fn wake_at(&self) -> Option<Instant> {
        match &self.mode {
            Mode::Login(login, _) => Some(login.wake_at()),
            Mode::Refusal(refusal) => refusal.wake_at(),
            Mode::Down(until) => Some(*until),
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
        let broker = self
            .broker
            .as_ref()
            .map(|broker| Watched { socket: broker.as_fd(), has_unsent: broker.has_unsent() });
        [Some(librdkafka), broker]
    }

    fn advance(&mut self, event_loop: &'static EventLoop, id: SessionId, now: Instant) -> Next {
        if self.leaves_at.is_some_and(|at| at <= now) {
            return Next::Finish;
        }
        for _ in 0..ROUNDS {
            let moved = match self.leaves_at {
                Some(_) => self.drain(),
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

    fn hashed(&mut self, result: Result<AwaitServerFinal, Error>) {
        if let Mode::Login(login, _) = &mut self.mode {
            login.hashed(result);
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
