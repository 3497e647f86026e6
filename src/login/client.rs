//! A login while it runs, client side.

use core::mem;
use std::sync::Arc;

use once_cell::sync::OnceCell;
use parking_lot::Mutex;

use super::{nonce, over, stepping, too_late};
use crate::clock;
use crate::error::Error;
use crate::scram::{
    Authzid, AwaitServerFinal, AwaitServerFirst, Cancel, ClientCredential, ClientLogin,
    IterationLimits, KeyCache, Mechanism, Nonce, cancelled,
};
use crate::source::Source;
use crate::status::Status;

/// One login, client side (RFC 5802). A step that fails ends it for good; a call out of order leaves
/// it as it was.
///
/// ```
/// use scramtoken::{Client, ClientCredential, ClientProgress, Mechanism};
///
/// # fn log_in(mut exchange: impl FnMut(&[u8]) -> Vec<u8>) -> Result<(), scramtoken::Error> {
/// let client = Client::new(Mechanism::ScramSha512);
/// client.set_credential(ClientCredential::password(b"alice", b"pencil")?)?;
/// let mut progress = client.step(b"")?;
/// while progress == ClientProgress::Continue {
///     progress = client.step(&exchange(&client.message()))?; // to the server, and its answer
/// }
/// // Authenticated: logged in, and the server has proved itself
/// # Ok(())
/// # }
/// ```
pub struct Client {
    // Outside of the mutex, for any thread to set while another one steps.
    cancel: Cancel,
    state: Mutex<State>,
    credential: OnceCell<CredentialKind>,
    warning: Mutex<Option<String>>,
}

/// What a step came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ClientProgress {
    /// There is a message to send; step again with the server's answer.
    Continue,
    /// The server has proved itself.
    Authenticated,
}

/// What a client logs in with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CredentialKind {
    /// A SCRAM user's password.
    Password,
    /// A delegation token.
    Token,
}

enum State {
    Setup(Setup),
    AwaitServerFirst(AwaitServerFirst, Option<Arc<KeyCache>>),
    AwaitServerFinal(AwaitServerFinal),
    /// For as long as a step takes, its source's callback too.
    Stepping,
    Over,
}

/// What the setters collect before the first step.
struct Setup {
    mechanism: Mechanism,
    credential: Option<Credential>,
    authzid: Option<Authzid>,
    iteration_limits: IterationLimits,
    key_cache: Option<Arc<KeyCache>>,
    nonce: Option<Nonce>,
}

/// What to log in with, known from the beginning or found at the first step.
enum Credential {
    Fixed(ClientCredential),
    Source(Arc<Source>),
}

impl Client {
    /// A login by this mechanism, which needs a credential or a source before its first step.
    pub fn new(mechanism: Mechanism) -> Self {
        let setup = Setup {
            mechanism,
            credential: None,
            authzid: None,
            iteration_limits: IterationLimits::default(),
            key_cache: None,
            nonce: None,
        };
        Self {
            cancel: Cancel::default(),
            state: Mutex::new(State::Setup(setup)),
            credential: OnceCell::new(),
            warning: Mutex::default(),
        }
    }

    /// Logs in with this credential, in place of an earlier one or of a source.
    ///
    /// # Errors
    ///
    /// `INVALID_STATE` after the first step, as of each of these functions.
    pub fn set_credential(&self, credential: ClientCredential) -> Result<(), Error> {
        self.set_up(|setup| setup.credential.replace(Credential::Fixed(credential)))
    }

    /// Logs in with the credential that this source has at the first step, and with the source's key
    /// cache unless the client is given one.
    ///
    /// # Errors
    ///
    /// `INVALID_STATE` after the first step.
    pub fn set_source(&self, source: &Arc<Source>) -> Result<(), Error> {
        let source = Arc::clone(source);
        self.set_up(|setup| setup.credential.replace(Credential::Source(source)))
    }

    /// Keeps derived keys in this cache, and takes them from it.
    ///
    /// # Errors
    ///
    /// `INVALID_STATE` after the first step.
    pub fn set_key_cache(&self, cache: &Arc<KeyCache>) -> Result<(), Error> {
        let cache = Arc::clone(cache);
        self.set_up(|setup| setup.key_cache.replace(cache))
    }

    /// Asks to act as this identity. Kafka accepts only the user name itself or, for a token, its id.
    ///
    /// # Errors
    ///
    /// `INVALID_STATE` after the first step.
    pub fn set_authzid(&self, authzid: Authzid) -> Result<(), Error> {
        self.set_up(|setup| setup.authzid = Some(authzid))
    }

    /// Which iteration counts to hash for the server.
    ///
    /// # Errors
    ///
    /// `INVALID_STATE` after the first step.
    pub fn set_iteration_limits(&self, limits: IterationLimits) -> Result<(), Error> {
        self.set_up(|setup| setup.iteration_limits = limits)
    }

    /// For tests only: this nonce in place of a random one.
    ///
    /// # Errors
    ///
    /// `INVALID_STATE` after the first step.
    pub fn set_nonce(&self, nonce: Nonce) -> Result<(), Error> {
        self.set_up(|setup| setup.nonce = Some(nonce))
    }

    /// Takes the server's message; the first step has none. What to send is then
    /// [`message`](Self::message). The second step hashes, for milliseconds at 4096 iterations, unless
    /// a key cache knows the challenge.
    ///
    /// # Errors
    ///
    /// The login is over: `MALFORMED`, `TOO_LONG`, `NONCE`, `ITERATIONS`, `EXTENSION`,
    /// `SERVER_SIGNATURE`, `SERVER_REFUSED`, `CANCELLED`, `IO` (no random numbers); of a source, at
    /// the first step, what [`Source::log_in`] fails with. The login is as it was: `INVALID_STATE`
    /// after the end, within a source's callback or for want of a credential, and `INVALID_ARGUMENT`
    /// for input to the first step.
    pub fn step(&self, input: &[u8]) -> Result<ClientProgress, Error> {
        // The state is out for as long as the step takes: what fails or panics leaves the login over,
        // and nothing is locked while it hashes or a callback runs.
        let state = self.take_state(input)?;
        let unless_it_goes_on = EndOnDrop(&self.state);
        let (next, progress) = match state {
            State::Setup(setup) => (self.start(setup)?, ClientProgress::Continue),
            State::AwaitServerFirst(state, key_cache) => {
                let next = state.step(input, key_cache.as_deref(), &self.cancel)?;
                (State::AwaitServerFinal(next), ClientProgress::Continue)
            }
            State::AwaitServerFinal(state) => {
                state.step(input)?;
                (State::Over, ClientProgress::Authenticated)
            }
            State::Stepping | State::Over => return Err(over()), // take_state gives neither
        };
        mem::forget(unless_it_goes_on);
        *self.state.lock() = next;
        Ok(progress)
    }

    /// Gives what the last step gave to send; nothing at the end.
    pub fn with_message<R>(&self, read: impl FnOnce(&[u8]) -> R) -> R {
        match &*self.state.lock() {
            State::AwaitServerFirst(state, _) => read(state.message()),
            State::AwaitServerFinal(state) => read(state.message()),
            State::Setup(_) | State::Stepping | State::Over => read(b""),
        }
    }

    /// A copy of what the last step gave to send.
    pub fn message(&self) -> Vec<u8> {
        self.with_message(<[u8]>::to_vec)
    }

    /// Cancels the login, from any thread: the step that is hashing, or else the next one, returns
    /// `CANCELLED`, and the login is over.
    pub fn cancel(&self) {
        self.cancel.cancel();
    }

    /// What the login is with, once the first step has read it.
    pub fn credential_kind(&self) -> Option<CredentialKind> {
        self.credential.get().copied()
    }

    /// What the host's log should be told of the client's source, once: one sentence without secrets,
    /// there after the first step.
    pub fn take_warning(&self) -> Option<String> {
        self.warning.lock().take()
    }

    /// Changes the set-up. What `change` gives back is dropped without the lock: the end of a source
    /// may be foreign code.
    fn set_up<T>(&self, change: impl FnOnce(&mut Setup) -> T) -> Result<(), Error> {
        let replaced = match &mut *self.state.lock() {
            State::Setup(setup) => change(setup),
            _ => return Err(too_late()),
        };
        drop(replaced);
        Ok(())
    }

    /// The state of a login that goes on; what stays behind says that it steps.
    fn take_state(&self, input: &[u8]) -> Result<State, Error> {
        let mut state = self.state.lock();
        match &*state {
            State::Over => return Err(over()),
            State::Stepping => return Err(stepping()),
            _ if self.cancel.is_cancelled() => {
                let ended = mem::replace(&mut *state, State::Over);
                drop(state);
                drop(ended); // without the lock, as in set_up
                return Err(cancelled());
            }
            State::Setup(setup) => setup.check(input)?,
            State::AwaitServerFirst(..) | State::AwaitServerFinal(_) => {}
        }
        Ok(mem::replace(&mut *state, State::Stepping))
    }

    fn start(&self, mut setup: Setup) -> Result<State, Error> {
        let credential = match setup.credential.take() {
            Some(Credential::Fixed(credential)) => credential,
            Some(Credential::Source(source)) => {
                let login = source.log_in(clock::now_ms())?;
                *self.warning.lock() = login.warning;
                setup.key_cache.get_or_insert_with(|| Arc::clone(source.key_cache()));
                login.credential
            }
            None => return Err(without_credential()), // checked before
        };
        let is_token = credential.is_token();
        let kind = if is_token { CredentialKind::Token } else { CredentialKind::Password };
        // It is set once, for a login starts once.
        let _ = self.credential.set(kind);
        let mut login = ClientLogin::new(setup.mechanism, credential);
        if let Some(authzid) = setup.authzid {
            login.set_authzid(authzid);
        }
        login.set_iteration_limits(setup.iteration_limits);
        Ok(State::AwaitServerFirst(login.start(&nonce(setup.nonce)?)?, setup.key_cache))
    }
}

impl Setup {
    /// What the caller, and not the peer, does wrong at the first step.
    fn check(&self, input: &[u8]) -> Result<(), Error> {
        if self.credential.is_none() {
            return Err(without_credential());
        }
        if !input.is_empty() {
            let text = "a client's first step has no input: the client speaks first";
            return Err(Error::new(Status::INVALID_ARGUMENT, text));
        }
        Ok(())
    }
}

fn without_credential() -> Error {
    let text = "the client has no credential: set one before the first step";
    Error::new(Status::INVALID_STATE, text)
}

/// Ends a login whose step failed or panicked.
struct EndOnDrop<'a>(&'a Mutex<State>);

impl Drop for EndOnDrop<'_> {
    fn drop(&mut self) {
        *self.0.lock() = State::Over;
    }
}

impl From<ClientProgress> for Status {
    fn from(progress: ClientProgress) -> Self {
        match progress {
            ClientProgress::Continue => Self::CONTINUE,
            ClientProgress::Authenticated => Self::OK,
        }
    }
}
