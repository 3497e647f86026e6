//! A login while it runs, server side.

use core::mem;
use std::sync::Arc;

use parking_lot::{Mutex, MutexGuard};

use super::config::{Lookup, ServerConfig};
use super::pending::Pending;
use super::{nonce, over, stepping, too_late};
use crate::audit::Event;
use crate::error::Error;
use crate::scram::{
    Authenticated, AwaitClientFinal, AwaitClientFirst, Credential, Mechanism, NeedCredential,
    Nonce, Rejected,
};
use crate::status::Status;

/// One login, server side (RFC 5802). A step that the peer makes fail ends it for good; a call out of
/// order leaves it as it was.
///
/// ```
/// use std::sync::Arc;
/// # use scramtoken::{Client, ClientCredential};
/// use scramtoken::{Credential, Mechanism, Server, ServerConfig, ServerProgress, StoredKeys};
///
/// let keys = StoredKeys::derive(Mechanism::ScramSha256, b"pencil", b"0123456789abcdef", 4096)?;
/// let mut config = ServerConfig::default();
/// config.set_mock_secret(b"32 bytes, the same on every server, kept")?;
/// config.set_lookup(move |question, made_up| match question.name() {
///     "alice" if question.kind().admits(scramtoken::IdentityKind::User) => {
///         let (stored_key, server_key) = (keys.stored_key(), keys.server_key());
///         let mechanism = question.mechanism();
///         match Credential::new(mechanism, b"0123456789abcdef", 4096, stored_key, server_key) {
///             Ok(credential) => question.supply_user(&credential),
///             Err(error) => Err(question.reject(error)),
///         }
///     }
///     _ => question.supply_made_up(&made_up),
/// });
/// config.set_audit(|event| println!("{:?} {}", event.requester, event.status));
///
/// let server = Server::new(Arc::new(config), Mechanism::ScramSha256);
/// # let client = Client::new(Mechanism::ScramSha256);
/// # client.set_credential(ClientCredential::password(b"alice", b"pencil")?)?;
/// # client.step(b"")?;
/// # let receive = || client.message();
/// # let send = |message: &[u8]| client.step(message).map(|_| ());
/// loop {
///     match server.step(&receive()) {
///         Ok(progress) => {
///             send(&server.message())?;
///             if progress == ServerProgress::Authenticated {
///                 break;
///             }
///         }
///         Err(failed) => {
///             if !failed.answer.is_empty() {
///                 send(failed.answer)?;
///             }
///             return Err(failed.error); // the true reason: for the server's own log
///         }
///     }
/// }
/// assert_eq!(server.name().as_deref(), Some("alice"));
/// # Ok::<(), scramtoken::Error>(())
/// ```
pub struct Server {
    mechanism: Mechanism,
    config: Arc<ServerConfig>,
    state: Mutex<State>,
}

/// What a step came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ServerProgress {
    /// There is a message to send; step again with the client's answer.
    Continue,
    /// Nothing to send: look the name up, supply, and step again without input.
    NeedCredential,
    /// The client is who it says it is; there is a message to send.
    Authenticated,
}

/// A step that failed.
#[derive(Debug)]
pub struct StepError {
    /// The true reason: for the server's own log, not for the peer.
    pub error: Error,
    /// The `e=` to send, with which the login is over; empty where the call was out of order, and the
    /// login is as it was.
    pub answer: &'static [u8],
}

/// What a login came to.
#[derive(Debug)]
pub enum Verdict<'a> {
    /// Nothing yet.
    Undecided,
    /// The peer is who it says it is.
    Authenticated(&'a Authenticated),
    /// The login failed.
    Rejected(&'a Rejected),
}

enum State {
    /// With the nonce that a test chose.
    Start(Option<Nonce>),
    NeedCredential(Pending),
    AwaitClientFinal(AwaitClientFinal),
    /// For as long as a step takes, its callbacks too.
    Stepping,
    Authenticated(Authenticated),
    Rejected(Rejected),
}

/// How a step failed: the login is over, and the peer may be told; or nothing happened.
enum Failure {
    Rejected(Rejected),
    Misuse(Box<State>, Error),
}

impl Server {
    /// A login by this mechanism, with the config as it is now.
    pub fn new(config: Arc<ServerConfig>, mechanism: Mechanism) -> Self {
        Self { mechanism, config, state: Mutex::new(State::Start(None)) }
    }

    /// The login's mechanism.
    pub fn mechanism(&self) -> Mechanism {
        self.mechanism
    }

    /// Whether a step calls the host's clock.
    pub(crate) fn has_host_clock(&self) -> bool {
        self.config.clock.is_hosts()
    }

    /// For tests only: this nonce as the server's own part, in place of a random one.
    ///
    /// # Errors
    ///
    /// `INVALID_STATE` after the first step.
    pub fn set_nonce(&self, nonce: Nonce) -> Result<(), Error> {
        match &mut *self.state.lock() {
            State::Start(chosen) => {
                *chosen = Some(nonce);
                Ok(())
            }
            _ => Err(too_late()),
        }
    }

    /// Takes the client's message; what to send is then [`message`](Self::message).
    ///
    /// # Errors
    ///
    /// Of the peer, and the login is over: `MALFORMED`, `TOO_LONG`, `NONCE`, `CHANNEL_BINDING`,
    /// `EXTENSION`, `AUTHZID`, `INVALID_PROOF`, `UNKNOWN_USER`, `TOKEN_NOT_FOUND`, `TOKEN_EXPIRED`,
    /// `TOKENS_STALE`; of the lookup whatever it fails with; `IO` (no random numbers). Of the caller,
    /// and the login is as it was: `INVALID_STATE` after the end, within a callback of a step or for
    /// want of a supply, and `INVALID_ARGUMENT` for input after a supply.
    pub fn step(&self, input: &[u8]) -> Result<ServerProgress, StepError> {
        self.step_and_read(input, |progress, _| progress)
    }

    /// [`step`](Self::step), which gives what there is to send, too.
    pub(crate) fn step_and_read<R>(
        &self,
        input: &[u8],
        read: impl FnOnce(ServerProgress, &[u8]) -> R,
    ) -> Result<R, StepError> {
        let mut state = self.state.lock();
        if matches!(*state, State::Stepping) {
            return Err(StepError { error: stepping(), answer: b"" });
        }
        let before = mem::replace(&mut *state, State::Stepping);
        let mut step = Step(state);
        // Nothing is locked while code of the host's runs.
        let (outcome, decided_ms) = if self.calls_back() {
            MutexGuard::unlocked(&mut step.0, || {
                let outcome = self.advance(before, input);
                let is_told = is_decided(&outcome) && self.config.audit.is_heard();
                let decided_ms = is_told.then(|| self.config.clock.now_ms());
                (outcome, decided_ms)
            })
        } else {
            (self.advance(before, input), None)
        };
        let result = match outcome {
            Ok((next, progress)) => {
                *step.0 = next;
                Ok(read(progress, step.0.message()))
            }
            Err(Failure::Rejected(rejected)) => {
                let (error, answer) = (rejected.error().clone(), rejected.message());
                *step.0 = State::Rejected(rejected);
                Err(StepError { error, answer })
            }
            Err(Failure::Misuse(state, error)) => {
                *step.0 = *state;
                return Err(StepError { error, answer: b"" });
            }
        };
        let event = decided_ms.and_then(|time_ms| self.event(&step.0, time_ms));
        drop(step);
        // Last, so that who is told finds the verdict decided.
        if let Some(event) = event {
            self.config.audit.tell(&event);
        }
        result
    }

    /// Whether a step may run code of the host's, which may use this login.
    pub(crate) fn calls_back(&self) -> bool {
        self.config.calls_back()
    }

    /// Gives what the last step gave to send: the challenge, the server-final-message, or nothing.
    pub fn with_message<R>(&self, read: impl FnOnce(&[u8]) -> R) -> R {
        read(self.state.lock().message())
    }

    /// A copy of what the last step gave to send.
    pub fn message(&self) -> Vec<u8> {
        self.with_message(<[u8]>::to_vec)
    }

    /// Gives the question that a step which came to `NeedCredential` asks.
    ///
    /// # Errors
    ///
    /// `INVALID_STATE` when none is asked, or it has its answer.
    pub fn with_question<R>(&self, read: impl FnOnce(&NeedCredential) -> R) -> Result<R, Error> {
        let state = self.state.lock();
        let State::NeedCredential(pending) = &*state else {
            return Err(Error::new(Status::INVALID_STATE, "no credential is asked for"));
        };
        let supplied = || Error::new(Status::INVALID_STATE, "the credential was supplied");
        pending.question().map(read).ok_or_else(supplied)
    }

    /// After `NeedCredential`: the name is a user's.
    ///
    /// # Errors
    ///
    /// `INVALID_STATE` when nobody is asked for; `INVALID_ARGUMENT` when only a token would do, or
    /// for a credential of the other mechanism: supply again.
    pub fn supply_user(&self, credential: &Credential<'_>) -> Result<(), Error> {
        self.supply(|pending| pending.supply_user(|_| Ok(*credential)))
    }

    /// After `NeedCredential`: the name is a token's id. It ends at `expiry_ms` (-1: never), which the
    /// config's clock decides when the client has proved itself.
    ///
    /// # Errors
    ///
    /// As of [`supply_user`](Self::supply_user), and `INVALID_ARGUMENT` for an owner that is empty or
    /// holds a NUL.
    pub fn supply_token(
        &self,
        credential: &Credential<'_>,
        owner: &str,
        expiry_ms: i64,
    ) -> Result<(), Error> {
        self.supply(|pending| {
            pending.supply_token(|_| Ok(*credential), Ok(owner.as_bytes()), expiry_ms)
        })
    }

    /// After `NeedCredential`: nobody has that name. The login goes on with a made-up challenge, and
    /// is refused at its end.
    ///
    /// # Errors
    ///
    /// `INVALID_STATE` when nobody is asked for.
    pub fn supply_unknown(&self) -> Result<(), Error> {
        self.supply(Pending::supply_unknown)
    }

    pub(crate) fn supply<T>(
        &self,
        answer: impl FnOnce(&mut Pending) -> Result<T, Error>,
    ) -> Result<T, Error> {
        match &mut *self.state.lock() {
            State::NeedCredential(pending) => answer(pending),
            _ => Err(nobody_asked()),
        }
    }

    /// Gives what the login came to, at any time: undecided within the callbacks of a step, but for
    /// the audit's, which is told of a decision.
    pub fn with_verdict<R>(&self, read: impl FnOnce(Verdict<'_>) -> R) -> R {
        match &*self.state.lock() {
            State::Authenticated(login) => read(Verdict::Authenticated(login)),
            State::Rejected(rejected) => read(Verdict::Rejected(rejected)),
            State::Start(_)
            | State::NeedCredential(_)
            | State::AwaitClientFinal(_)
            | State::Stepping => read(Verdict::Undecided),
        }
    }

    /// Whom to treat the peer as: the user, or a token's owner. None unless it is authenticated.
    pub fn name(&self) -> Option<String> {
        self.with_verdict(|verdict| match verdict {
            Verdict::Authenticated(login) => Some(login.name().to_owned()),
            Verdict::Undecided | Verdict::Rejected(_) => None,
        })
    }

    fn advance(&self, state: State, input: &[u8]) -> Result<(State, ServerProgress), Failure> {
        match state {
            State::Start(nonce) => self.read_client_first(nonce, input),
            State::NeedCredential(pending) => challenge(pending, input),
            State::AwaitClientFinal(state) => {
                let now_ms = if state.is_timed() { self.config.clock.now_ms() } else { 0 };
                let login = state.step(input, now_ms).map_err(Failure::Rejected)?;
                Ok((State::Authenticated(login), ServerProgress::Authenticated))
            }
            state @ (State::Authenticated(_) | State::Rejected(_) | State::Stepping) => {
                Err(Failure::Misuse(Box::new(state), over()))
            }
        }
    }

    fn read_client_first(
        &self,
        chosen: Option<Nonce>,
        input: &[u8],
    ) -> Result<(State, ServerProgress), Failure> {
        let failed = |error| Failure::Rejected(Rejected::new(error));
        let nonce = nonce(chosen).map_err(failed)?;
        let start = AwaitClientFirst::new(self.mechanism, self.config.policy, nonce);
        let question = start.step(input).map_err(Failure::Rejected)?;
        let mock = match self.config.mock_challenges(self.mechanism) {
            Ok(mock) => mock,
            Err(error) => return Err(Failure::Rejected(question.reject(error))),
        };
        let answer = match &self.config.lookup {
            Lookup::Caller => {
                let made_up = question.make_up(&mock);
                let pending = Pending::new(question, made_up);
                return Ok((State::NeedCredential(pending), ServerProgress::NeedCredential));
            }
            Lookup::Callback(answer) => {
                let made_up = question.make_up(&mock);
                answer(question, made_up)
            }
            #[cfg(feature = "store")]
            Lookup::Store(store) => store.answer(question, &mock),
        };
        let next = answer.map_err(Failure::Rejected)?;
        Ok((State::AwaitClientFinal(next), ServerProgress::Continue))
    }

    /// What the audit is told of a state that decides.
    fn event(&self, state: &State, time_ms: i64) -> Option<Event> {
        match state {
            State::Authenticated(login) => {
                Some(Event::authenticated(time_ms, self.mechanism, login))
            }
            State::Rejected(rejected) => Some(Event::rejected(time_ms, self.mechanism, rejected)),
            _ => None,
        }
    }
}

fn is_decided(outcome: &Result<(State, ServerProgress), Failure>) -> bool {
    matches!(outcome, Ok((State::Authenticated(_), _)) | Err(Failure::Rejected(_)))
}

/// Goes on once the caller has supplied.
fn challenge(pending: Pending, input: &[u8]) -> Result<(State, ServerProgress), Failure> {
    if !input.is_empty() {
        let text = "the step after a supply has no input: the peer's message has been read";
        let error = Error::new(Status::INVALID_ARGUMENT, text);
        return Err(Failure::Misuse(Box::new(State::NeedCredential(pending)), error));
    }
    match pending.into_answer() {
        Ok(answer) => {
            let next = answer.map_err(Failure::Rejected)?;
            Ok((State::AwaitClientFinal(next), ServerProgress::Continue))
        }
        Err(pending) => {
            let text = "a credential was asked for: supply one before the next step";
            let error = Error::new(Status::INVALID_STATE, text);
            Err(Failure::Misuse(Box::new(State::NeedCredential(pending)), error))
        }
    }
}

fn nobody_asked() -> Error {
    Error::new(Status::INVALID_STATE, "no credential was asked for")
}

/// A step while it runs, for which the state is out. What panics leaves the login rejected.
struct Step<'a>(MutexGuard<'a, State>);

impl Drop for Step<'_> {
    fn drop(&mut self) {
        if matches!(*self.0, State::Stepping) {
            let error = Error::new(Status::INTERNAL, "a fault inside a step ended the login");
            *self.0 = State::Rejected(Rejected::new(error));
        }
    }
}

impl State {
    /// What the last step gave to send.
    fn message(&self) -> &[u8] {
        match self {
            Self::AwaitClientFinal(state) => state.message(),
            Self::Authenticated(login) => login.message(),
            Self::Start(_) | Self::NeedCredential(_) | Self::Stepping | Self::Rejected(_) => b"",
        }
    }
}

impl From<ServerProgress> for Status {
    fn from(progress: ServerProgress) -> Self {
        match progress {
            ServerProgress::Continue => Self::CONTINUE,
            ServerProgress::NeedCredential => Self::NEED_CREDENTIAL,
            ServerProgress::Authenticated => Self::OK,
        }
    }
}
