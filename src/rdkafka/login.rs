//! One login as a state machine without sockets: to librdkafka a server, to the broker a client.
//!
//! librdkafka logs in with a made-up credential (the stand-in) and gets its challenge at once, so
//! that its hashing overlaps with the broker's exchange. The proof that completes its login is sent
//! only when the broker has proved itself and granted a session.

use core::time::Duration;
use std::sync::Arc;
use std::time::Instant;

use rustix::io::Errno;
use zeroize::Zeroizing;

use super::event_loop::{EventLoop, Outcome, SessionId};
use super::failure::{Failure, SASL_AUTHENTICATION_FAILED};
use super::frames::{AuthenticateRequest, AuthenticateResponse, Frames, WITH_LIFETIME};
use super::source_reader::SourceReader;
use super::stand_in::StandIn;
use crate::scram::{
    AwaitClientFinal, AwaitClientFirst, AwaitServerFinal, AwaitServerFirst, Cancel,
    ClientCredential, ClientLogin, KeyCache, Mechanism, Nonce,
};
use crate::tls::Tls;
use crate::{error::Error, status::Status};

/// What the logins of one librdkafka client have in common.
pub(super) struct LoginConfig {
    /// None: scramtoken.source is not set, and every login fails with a text that says so.
    pub(super) source: Option<Arc<SourceReader>>,
    pub(super) mechanism: Mechanism,
    pub(super) stand_in: StandIn,
    /// The broker has this long to answer it all.
    pub(super) timeout: Duration,
    /// With SASL_SSL: how, or why not. No connection is then made without.
    pub(super) tls: Option<Result<Tls, Error>>,
}

/// A login that librdkafka has asked for.
pub(super) struct Login {
    config: Arc<LoginConfig>,
    started: Instant,
    librdkafka: LibrdkafkaSide,
    broker: BrokerSide,
    /// What librdkafka has asked and not been answered.
    request: Option<AuthenticateRequest>,
    failure: Option<Failure>,
    to_librdkafka: Vec<u8>,
    to_broker: Zeroizing<Vec<u8>>,
    is_token: bool,
    /// Set on drop, for a hash that may be running.
    cancel: Arc<Cancel>,
}

/// How far librdkafka is, whose server we are.
enum LibrdkafkaSide {
    First(AwaitClientFirst),
    Final(Box<AwaitClientFinal>),
    /// It has proved itself; this message completes its login, once the broker has accepted ours.
    Proved(Vec<u8>),
    Over,
}

/// How far the broker is, whose client we are.
enum BrokerSide {
    NotBegun,
    /// The credential is being read.
    Reading,
    First(AwaitServerFirst),
    Hashing,
    Final(AwaitServerFinal),
    /// The broker has proved itself and granted a session.
    Accepted {
        lifetime_ms: i64,
        at: Instant,
    },
    Over,
}

/// Where a login stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Progress {
    Going,
    /// The broker has accepted; once the output is sent, librdkafka is logged in too.
    Accepted,
    /// The output tells librdkafka why not.
    Refused,
}

impl Login {
    pub(super) fn new(config: Arc<LoginConfig>, now: Instant) -> Result<Self, Error> {
        let nonce = Nonce::random()?;
        Ok(Self {
            librdkafka: LibrdkafkaSide::First(config.stand_in.server(nonce)),
            config,
            started: now,
            broker: BrokerSide::NotBegun,
            request: None,
            failure: None,
            to_librdkafka: Vec::new(),
            to_broker: Zeroizing::default(),
            is_token: false,
            cancel: Arc::default(),
        })
    }

    /// Takes librdkafka's requests.
    ///
    /// # Errors
    ///
    /// `MALFORMED` when they are no frames, and librdkafka cannot be answered.
    pub(super) fn take_requests(
        &mut self,
        frames: &mut Frames,
        event_loop: &'static EventLoop,
        id: SessionId,
    ) -> Result<(), Error> {
        while let Some(frame) = frames.next()? {
            if let Err(failure) = self.take_request(&frame, event_loop, id) {
                self.fail(failure);
            }
        }
        Ok(())
    }

    /// Takes the broker's answers; long hashing goes to a thread of its own.
    pub(super) fn take_responses(
        &mut self,
        frames: &mut Frames,
        now: Instant,
        event_loop: &'static EventLoop,
        id: SessionId,
    ) {
        while self.failure.is_none() {
            match frames.next() {
                Ok(Some(frame)) => {
                    let Some(job) = self.take_response(&frame, now) else { continue };
                    if !job.is_long() {
                        self.take(Outcome::Hashed(job.run()));
                    } else if let Err(error) = event_loop.hash(id, move || job.run()) {
                        self.fail(Failure::no_resources(error));
                    }
                }
                Ok(None) => break,
                Err(error) => self.fail(error.into()),
            }
        }
    }

    fn take_request(
        &mut self,
        frame: &[u8],
        event_loop: &'static EventLoop,
        id: SessionId,
    ) -> Result<(), Failure> {
        let request = AuthenticateRequest::parse(frame)?;
        match core::mem::replace(&mut self.librdkafka, LibrdkafkaSide::Over) {
            LibrdkafkaSide::First(state) => {
                let next = self.config.stand_in.challenge(state, &request.message)?;
                let source = self.config.source.as_ref().ok_or_else(without_source);
                match source.map_err(Failure::from).and_then(|source| {
                    source.read_for(id, event_loop).map_err(Failure::no_resources)
                }) {
                    Ok(()) => {
                        self.broker = BrokerSide::Reading;
                        self.to_librdkafka.extend(request.answer(next.message(), 0));
                        self.librdkafka = LibrdkafkaSide::Final(Box::new(next));
                    }
                    Err(failure) => {
                        self.request = Some(request);
                        return Err(failure);
                    }
                }
            }
            LibrdkafkaSide::Final(state) => {
                let judged = state.step(&request.message, 0);
                self.request = Some(request);
                let proved = judged.map_err(|rejected| {
                    // Only another login to this end of the socket could bring this about.
                    Error::new(rejected.error().status(), "librdkafka's own proof is wrong")
                })?;
                self.librdkafka = LibrdkafkaSide::Proved(proved.message().to_vec());
            }
            LibrdkafkaSide::Proved(_) | LibrdkafkaSide::Over => {
                let text = "librdkafka went on after its login";
                return Err(Error::new(Status::MALFORMED, text).into());
            }
        }
        Ok(())
    }

    fn take_response(&mut self, frame: &[u8], now: Instant) -> Option<HashJob> {
        match self.broker_step(frame, now) {
            Ok(job) => job,
            Err(failure) => {
                self.fail(failure);
                None
            }
        }
    }

    /// Takes what another thread has done for this login.
    pub(super) fn take(&mut self, outcome: Outcome) {
        if self.has_failed() {
            return; // it came too late
        }
        let taken = match outcome {
            Outcome::Read(credential) => credential.and_then(|credential| self.begin(credential)),
            Outcome::Hashed(next) => next.map(|next| {
                self.send_to_broker(FINAL_ID, next.message());
                self.broker = BrokerSide::Final(next);
            }),
        };
        if let Err(error) = taken {
            self.fail(error.into());
        }
    }

    /// The login fails, unless it already has. librdkafka is told when it next asks.
    pub(super) fn fail(&mut self, failure: Failure) {
        self.broker = BrokerSide::Over;
        self.to_broker.clear();
        self.failure.get_or_insert(failure);
    }

    /// The broker's connection is gone.
    pub(super) fn lose(&mut self, error: Option<Errno>) {
        self.fail(Failure::lost(error, "the login", "see its log"));
    }

    /// Whether the login has failed: then the broker's connection is of no more use.
    pub(super) fn has_failed(&self) -> bool {
        self.failure.is_some()
    }

    /// Answers librdkafka as soon as there is an answer.
    pub(super) fn progress(&mut self, now: Instant) -> Progress {
        if self.failure.is_none() && now >= self.started + self.config.timeout {
            let seconds = self.config.timeout.as_secs_f32();
            self.fail(Failure::timed_out(match self.broker {
                BrokerSide::Reading => format!(
                    "the source has not been read within {seconds} s: does its file system hang?"
                ),
                _ => format!(
                    "the broker has not completed the login within {seconds} s: is it overloaded? \
                     scramtoken.login.timeout.ms says how long to wait"
                ),
            }));
        }
        if let Some(failure) = &self.failure {
            // Kafka holds its refusals back too; without, librdkafka would ask again at once.
            if let Some(request) = &self.request
                && now >= self.started + HOLD_BACK
            {
                self.to_librdkafka.extend(request.refuse(failure));
                self.request = None;
                return Progress::Refused;
            }
            return Progress::Going;
        }
        if let (LibrdkafkaSide::Proved(message), BrokerSide::Accepted { lifetime_ms, at }) =
            (&self.librdkafka, &self.broker)
            && let Some(request) = self.request.take()
        {
            let lifetime_ms = rest_of(*lifetime_ms, now.saturating_duration_since(*at));
            self.to_librdkafka.extend(request.answer(message, lifetime_ms));
            return Progress::Accepted;
        }
        Progress::Going
    }

    /// When `progress` wants to be called at the latest.
    pub(super) fn wake_at(&self) -> Instant {
        match (&self.failure, &self.request) {
            (None, _) => self.started + self.config.timeout,
            (Some(_), Some(_)) => self.started + HOLD_BACK,
            (Some(_), None) => self.started + self.config.timeout + HOLD_BACK,
        }
    }

    /// Whether librdkafka has not even asked in time, so that there is nobody to tell.
    pub(super) fn is_abandoned(&self, now: Instant) -> bool {
        self.failure.is_some()
            && self.request.is_none()
            && now >= self.started + self.config.timeout + HOLD_BACK
    }

    pub(super) fn has_output_for_librdkafka(&self) -> bool {
        !self.to_librdkafka.is_empty()
    }

    pub(super) fn has_output_for_broker(&self) -> bool {
        !self.to_broker.is_empty()
    }

    /// What is to be sent to librdkafka.
    pub(super) fn librdkafka_output(&mut self) -> &mut Vec<u8> {
        &mut self.to_librdkafka
    }

    /// What is to be sent to the broker.
    pub(super) fn broker_output(&mut self) -> &mut Zeroizing<Vec<u8>> {
        &mut self.to_broker
    }

    /// Begins the broker's exchange with the credential that is current now.
    fn begin(&mut self, credential: ClientCredential) -> Result<(), Error> {
        self.is_token = credential.is_token();
        let nonce = Nonce::random()?;
        let first = ClientLogin::new(self.config.mechanism, credential).start(&nonce)?;
        self.send_to_broker(FIRST_ID, first.message());
        self.broker = BrokerSide::First(first);
        Ok(())
    }

    fn broker_step(&mut self, frame: &[u8], now: Instant) -> Result<Option<HashJob>, Failure> {
        match core::mem::replace(&mut self.broker, BrokerSide::Over) {
            BrokerSide::First(state) => {
                let message = self.accepted_message(frame, FIRST_ID)?.message;
                self.broker = BrokerSide::Hashing;
                let key_cache = self.config.source.as_ref().map(|s| Arc::clone(s.key_cache()));
                let cancel = Arc::clone(&self.cancel);
                Ok(Some(HashJob { state, server_first: message.to_vec(), key_cache, cancel }))
            }
            BrokerSide::Final(state) => {
                let response = self.accepted_message(frame, FINAL_ID)?;
                state.step(response.message)?;
                let lifetime_ms = response.session_lifetime_ms;
                if self.is_token && lifetime_ms <= 0 {
                    return Err(expired().into());
                }
                self.broker = BrokerSide::Accepted { lifetime_ms, at: now };
                Ok(None)
            }
            _ => {
                let text = "the broker answered without being asked";
                Err(Error::new(Status::MALFORMED, text).into())
            }
        }
    }

    fn accepted_message<'a>(
        &self,
        frame: &'a [u8],
        correlation_id: i32,
    ) -> Result<AuthenticateResponse<'a>, Failure> {
        let response = AuthenticateResponse::parse(frame, correlation_id)?;
        match response.refusal {
            None => Ok(response),
            Some((code, text)) => Err(self.refused(code, text)),
        }
    }

    /// The broker's words, and what they mean for whoever keeps the source.
    fn refused(&self, code: i16, text: &str) -> Failure {
        let text = crate::audit::loggable(text);
        let advice = if code != SASL_AUTHENTICATION_FAILED {
            "" // it may pass by itself, and has nothing to do with the source
        } else if text.contains("Cannot change principals") {
            ": the source now holds a credential of another owner, and a session keeps its owner: \
             put one of the same owner there, or restart the client"
        } else if self.is_token {
            ": the broker does not know the token, or its HMAC is another: has it expired, or been \
             made on another cluster? Put a current token into the source"
        } else {
            ": check the user name and password in the source, and that the broker has a SCRAM \
             credential of this mechanism for the user"
        };
        let text = format!("the broker refused the login: {text} (error {code}){advice}");
        Failure::of_broker(code, Error::new(Status::SERVER_REFUSED, text))
    }

    fn send_to_broker(&mut self, correlation_id: i32, message: &[u8]) {
        let message = message.to_vec().into();
        let request = AuthenticateRequest { version: WITH_LIFETIME, correlation_id, message };
        self.to_broker.extend_from_slice(&Zeroizing::new(request.frame()));
    }
}

impl Drop for Login {
    fn drop(&mut self) {
        self.cancel.cancel();
    }
}

/// The hashing of a broker's challenge, which may take long: see [`is_long`](Self::is_long).
pub(super) struct HashJob {
    state: AwaitServerFirst,
    server_first: Vec<u8>,
    key_cache: Option<Arc<KeyCache>>,
    cancel: Arc<Cancel>,
}

impl HashJob {
    /// Whether it could take more than some milliseconds, by the broker's iteration count.
    pub(super) fn is_long(&self) -> bool {
        let mut attributes = self.server_first.split(|byte| *byte == b',');
        let iterations = attributes
            .find_map(|attribute| attribute.strip_prefix(b"i="))
            .and_then(|digits| str::from_utf8(digits).ok()?.parse::<u32>().ok());
        iterations.is_none_or(|iterations| iterations > SHORT_ITERATIONS)
    }

    pub(super) fn run(self) -> Result<AwaitServerFinal, Error> {
        self.state.step(&self.server_first, self.key_cache.as_deref(), &self.cancel)
    }
}

/// What is left of a lifetime; 0 stays no limit, and less than none would be it too.
fn rest_of(lifetime_ms: i64, passed: Duration) -> i64 {
    if lifetime_ms <= 0 {
        return 0;
    }
    let passed_ms = i64::try_from(passed.as_millis()).unwrap_or(i64::MAX);
    lifetime_ms.saturating_sub(passed_ms).max(1)
}

pub(super) fn without_source() -> Error {
    Error::new(
        Status::INVALID_STATE,
        "scramtoken.source is not set: set it to file:/path/of/token.json, dir:/path or env:",
    )
}

fn expired() -> Error {
    Error::new(
        Status::TOKEN_EXPIRED,
        "the delegation token has expired (the broker let it in with a session lifetime of 0, and \
         would cut it off): put a renewed or a new one into the source",
    )
}

/// How long a refusal is held back, as in Kafka (connection.failed.authentication.delay.ms is 100,
/// and its exchange takes the rest).
pub(super) const HOLD_BACK: Duration = Duration::from_millis(300);
/// Some 8 ms of SHA-512 on a slow machine; Kafka's default is 4096.
const SHORT_ITERATIONS: u32 = 8192;
/// Correlation ids of our two requests.
const FIRST_ID: i32 = 1;
const FINAL_ID: i32 = 2;
