//! `scramtoken_server`: one login, server side.

use core::ffi::c_char;
use core::mem;
use std::borrow::Cow;
use std::sync::Arc;

use parking_lot::Mutex;

use super::boundary::{
    HasError, LastText, Object, bytes, call, call_on, check_out, hand_out, object, string,
    take_back, was_freed,
};
use super::credential::scramtoken_credential;
use super::lookup::{Lookup, LookupState, ask, identity_kind};
use super::server_config::{Lookups, Settings, scramtoken_server_config};
use super::status::scramtoken_status;
use super::verdict::scramtoken_verdict;
use crate::audit::Event;
use crate::error::Error;
use crate::scram::{
    Authenticated, AwaitClientFinal, AwaitClientFirst, MAX_MESSAGE, Mechanism, Nonce, Rejected,
};
use crate::status::Status;

/// One login, server side (RFC 5802). For one thread at a time. Any failing step ends the login.
///
/// ```c
/// scramtoken_server_new(config, "SCRAM-SHA-512", &server);
/// const uint8_t *in;
/// size_t in_len, out_len;
/// do {
///   const uint8_t *out = NULL;
///   receive(&in, &in_len); // from the client
///   status = scramtoken_server_step(server, in, in_len, &out, &out_len);
///   if (status == SCRAMTOKEN_NEED_CREDENTIAL) { // neither store nor lookup callback
///     supply(server); // scramtoken_server_identity, then one of scramtoken_server_supply_*
///     status = scramtoken_server_step(server, NULL, 0, &out, &out_len);
///   }
///   if (out != NULL) send_back(out, out_len); // with an error: the e= of a refusal
/// } while (status == SCRAMTOKEN_CONTINUE);
/// // SCRAMTOKEN_OK: authenticated, and scramtoken_server_verdict says as whom
/// scramtoken_server_free(server);
/// ```
pub struct scramtoken_server {
    mechanism: Mechanism,
    settings: Arc<Settings>,
    state: Mutex<State>,
    error: LastText,
}

enum State {
    /// With the nonce that a test chose.
    Start(Option<Nonce>),
    Lookup(Lookup),
    AwaitClientFinal(AwaitClientFinal),
    /// For as long as a step takes, its callbacks too.
    Stepping,
    Authenticated(Authenticated),
    Rejected(Status),
}

/// How a step failed: the login is over, and the peer may be told; or nothing happened.
enum Failure {
    Rejected(Rejected),
    Misuse(State, Error),
}

impl scramtoken_server {
    /// The state is out for as long as a step takes: what panics leaves the login rejected, and
    /// nothing is locked while a callback runs.
    fn step(&self, input: &[u8]) -> Result<Status, (Error, &'static [u8])> {
        let state = mem::replace(&mut *self.state.lock(), State::Stepping);
        let unless_it_panics = RejectOnDrop(&self.state);
        let (next, event, outcome) = match self.advance(state, input) {
            Ok((next, status)) => {
                let event = match &next {
                    State::Authenticated(login) => {
                        self.event(|now_ms| Event::authenticated(now_ms, self.mechanism, login))
                    }
                    _ => None,
                };
                (next, event, Ok(status))
            }
            Err(Failure::Rejected(rejected)) => {
                let event = self.event(|now_ms| Event::rejected(now_ms, self.mechanism, &rejected));
                let error = rejected.error().clone();
                (State::Rejected(error.status()), event, Err((error, rejected.message())))
            }
            Err(Failure::Misuse(state, error)) => (state, None, Err((error, &b""[..]))),
        };
        mem::forget(unless_it_panics);
        *self.state.lock() = next;
        // Last, so that who is told finds the verdict decided.
        if let Some(event) = event {
            self.settings.audit.tell(event);
        }
        outcome
    }

    fn event(&self, build: impl FnOnce(i64) -> Event) -> Option<Event> {
        self.settings.audit.event(|| build(self.settings.clock.now_ms()))
    }

    fn advance(&self, state: State, input: &[u8]) -> Result<(State, Status), Failure> {
        match state {
            State::Start(nonce) => self.read_client_first(nonce, input),
            State::Lookup(lookup) => challenge(lookup, input),
            State::AwaitClientFinal(state) => {
                let clock = &self.settings.clock;
                let input = if clock.is_foreign() {
                    // It may be the message of a client that the clock's callback frees. A message
                    // that is too long is cut, and still too long.
                    Cow::Owned(input.get(..=MAX_MESSAGE).unwrap_or(input).to_vec())
                } else {
                    Cow::Borrowed(input)
                };
                let login = state.step(&input, clock.now_ms()).map_err(Failure::Rejected)?;
                Ok((State::Authenticated(login), Status::OK))
            }
            State::Stepping => {
                let text = "a step is running: its callbacks cannot step";
                Err(Failure::Misuse(State::Stepping, Error::new(Status::INVALID_STATE, text)))
            }
            state @ (State::Authenticated(_) | State::Rejected(_)) => {
                let text = "the login is over: no step follows";
                Err(Failure::Misuse(state, Error::new(Status::INVALID_STATE, text)))
            }
        }
    }

    fn read_client_first(
        &self,
        nonce: Option<Nonce>,
        input: &[u8],
    ) -> Result<(State, Status), Failure> {
        let nonce = match nonce {
            Some(nonce) => nonce,
            None => Nonce::from_random(
                crate::random::bytes().map_err(|error| Failure::Rejected(Rejected::new(error)))?,
            ),
        };
        let start = AwaitClientFirst::new(self.mechanism, self.settings.policy, nonce);
        let question = start.step(input).map_err(Failure::Rejected)?;
        let answer = match &self.settings.lookup {
            Lookups::Caller => {
                return Ok((State::Lookup(Lookup::new(question)), Status::NEED_CREDENTIAL));
            }
            Lookups::Callback(callback) => ask(callback, &self.settings, question),
            Lookups::Store(store) => match self.settings.mock_challenges() {
                Ok(mock) => store.answer(question, &mock),
                Err(error) => Err(question.reject(error)),
            },
        };
        let next = answer.map_err(Failure::Rejected)?;
        Ok((State::AwaitClientFinal(next), Status::CONTINUE))
    }

    /// What the last step gave to send. It lives in the state, so until the next step or the end.
    fn output(&self) -> (*const u8, usize) {
        let state = self.state.lock();
        let message = match &*state {
            State::AwaitClientFinal(state) => state.message(),
            State::Authenticated(login) => login.message(),
            State::Start(_) | State::Lookup(_) | State::Stepping | State::Rejected(_) => b"",
        };
        (message.as_ptr(), message.len())
    }

    fn supply(
        &self,
        answer: impl FnOnce(&mut Lookup) -> Result<Status, Error>,
    ) -> Result<Status, Error> {
        match &mut *self.state.lock() {
            State::Lookup(lookup) => answer(lookup),
            _ => Err(Error::new(Status::INVALID_STATE, "no credential was asked for")),
        }
    }
}

/// Ends a login whose step panicked.
struct RejectOnDrop<'a>(&'a Mutex<State>);

impl Drop for RejectOnDrop<'_> {
    fn drop(&mut self) {
        *self.0.lock() = State::Rejected(Status::INTERNAL);
    }
}

/// Goes on once the caller has supplied.
fn challenge(lookup: Lookup, input: &[u8]) -> Result<(State, Status), Failure> {
    if !input.is_empty() {
        let text = "the step after a supply has no input: the peer's message has been read";
        let error = Error::new(Status::INVALID_ARGUMENT, text);
        return Err(Failure::Misuse(State::Lookup(lookup), error));
    }
    match lookup.into_answer() {
        Ok(answer) => {
            let next = answer.map_err(Failure::Rejected)?;
            Ok((State::AwaitClientFinal(next), Status::CONTINUE))
        }
        Err(lookup) => {
            let text = "a credential was asked for: supply one before the next step";
            let error = Error::new(Status::INVALID_STATE, text);
            Err(Failure::Misuse(State::Lookup(lookup), error))
        }
    }
}

impl Object for scramtoken_server {}

impl HasError for scramtoken_server {
    fn error(&self) -> &LastText {
        &self.error
    }
}

/// Runs the body of a function on a server.
///
/// # Safety
///
/// As for [`object`].
unsafe fn on_server(
    server: *const scramtoken_server,
    body: impl FnOnce(&Arc<scramtoken_server>) -> Result<Status, Error>,
) -> scramtoken_status {
    // SAFETY: the caller's promise.
    unsafe { call_on("server", server, body) }
}

/// # Server: one login, server side
///
/// Makes a server for one login by "SCRAM-SHA-256" or "SCRAM-SHA-512", with the config as it is now.
/// To be freed by scramtoken_server_free.
///
/// Errors: INVALID_ARGUMENT, UNSUPPORTED_MECHANISM.
///
/// # Safety
///
/// The config is NULL or a living object, `mechanism` is NULL or NUL-terminated, `out` is NULL or may
/// be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn scramtoken_server_new(
    config: *const scramtoken_server_config,
    mechanism: *const c_char,
    out: *mut *mut scramtoken_server,
) -> scramtoken_status {
    call(|| {
        check_out("out", out)?;
        // SAFETY: the caller's promise.
        let (config, mechanism) =
            unsafe { (object("config", config)?, string("mechanism", mechanism)?) };
        let server = scramtoken_server {
            mechanism: Mechanism::from_name(mechanism)?,
            settings: config.0.current(),
            state: Mutex::new(State::Start(None)),
            error: LastText::default(),
        };
        // SAFETY: not NULL, and the caller promises that it may be written.
        unsafe { hand_out(out, server) };
        Ok(Status::OK)
    })
}

/// For tests only: this nonce as the server's own part, in place of a random one. Printable ASCII
/// without a comma, not empty.
///
/// Errors: INVALID_ARGUMENT; INVALID_STATE after the first step.
///
/// # Safety
///
/// The server is NULL or a living object, the nonce fits its length.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn scramtoken_server_set_nonce(
    server: *mut scramtoken_server,
    nonce: *const u8,
    nonce_len: usize,
) -> scramtoken_status {
    // SAFETY: the caller's promise.
    unsafe {
        on_server(server, |server| {
            let nonce = Nonce::from_text(bytes("nonce", nonce, nonce_len)?)?;
            match &mut *server.state.lock() {
                State::Start(chosen) => *chosen = Some(nonce),
                _ => {
                    let text = "the login has begun: too late to set up";
                    return Err(Error::new(Status::INVALID_STATE, text));
                }
            }
            Ok(Status::OK)
        })
    }
}

/// Takes the client's message and gives the server's. Returns CONTINUE (send the output),
/// NEED_CREDENTIAL (the output is empty: look the identity up, supply, step with no input), OK (the
/// client is authenticated; send the output) or an error, which ends the login; the output, where
/// there is one, is then the e= to send. Outputs are valid until the next step or the free.
///
/// Errors: MALFORMED, TOO_LONG, NONCE, CHANNEL_BINDING, EXTENSION, AUTHZID, INVALID_PROOF,
/// TOKEN_EXPIRED, IO (no random numbers); what the lookup callback returned, or INVALID_STATE when it
/// did not answer once; of a store IO, CORRUPT, INVALID_STATE. INVALID_STATE also where a callback of
/// the step freed the server, and then there is no output. INVALID_STATE after the end, within a
/// callback of a step or for want of a supply, and INVALID_ARGUMENT, leave the login as it was.
///
/// # Safety
///
/// The server is NULL or a living object, `in` fits its length, outputs are NULL or may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn scramtoken_server_step(
    server: *mut scramtoken_server,
    r#in: *const u8,
    in_len: usize,
    out: *mut *const u8,
    out_len: *mut usize,
) -> scramtoken_status {
    // SAFETY: the caller's promise; the outputs are checked for NULL before they are written.
    unsafe {
        on_server(server, |server| {
            check_out("out", out)?;
            check_out("out_len", out_len)?;
            match server.step(bytes("in", r#in, in_len)?) {
                Ok(_) if was_freed(server) => {
                    let text = "the server was freed within a callback of its step";
                    Err(Error::new(Status::INVALID_STATE, text))
                }
                Ok(status) => {
                    let (message, len) = server.output();
                    out.write(message);
                    out_len.write(len);
                    Ok(status)
                }
                Err((error, message)) => {
                    if !message.is_empty() {
                        out.write(message.as_ptr());
                        out_len.write(message.len());
                    }
                    Err(error)
                }
            }
        })
    }
}

/// After NEED_CREDENTIAL: whom to look up (UTF-8, no NUL, otherwise anything; valid until the next
/// step), and as what (SCRAMTOKEN_IDENTITY_*).
///
/// Errors: INVALID_ARGUMENT; INVALID_STATE when nobody is asked for. Of both scramtoken_last_error
/// alone has the text.
///
/// # Safety
///
/// The server is NULL or a living object, outputs are NULL or may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn scramtoken_server_identity(
    server: *const scramtoken_server,
    name: *mut *const u8,
    name_len: *mut usize,
    kind: *mut i32,
) -> scramtoken_status {
    call(|| {
        check_out("name", name)?;
        check_out("name_len", name_len)?;
        check_out("kind", kind)?;
        // SAFETY: the caller's promise; the outputs are not NULL.
        unsafe {
            let server = object("server", server)?;
            let state = server.state.lock();
            let State::Lookup(lookup) = &*state else {
                return Err(Error::new(Status::INVALID_STATE, "no credential is asked for"));
            };
            let LookupState::Asked(question) = lookup.state() else {
                return Err(Error::new(Status::INVALID_STATE, "the credential was supplied"));
            };
            name.write(question.name().as_ptr());
            name_len.write(question.name().len());
            kind.write(identity_kind(question.kind()));
        }
        Ok(Status::OK)
    })
}

/// After NEED_CREDENTIAL: the name is a user's. The credential is copied.
///
/// Errors: INVALID_ARGUMENT, also when only a token would do (supply again); INVALID_STATE when
/// nobody is asked for.
///
/// # Safety
///
/// The server is NULL or a living object, the credential's pointers fit their lengths.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn scramtoken_server_supply_user(
    server: *mut scramtoken_server,
    credential: *const scramtoken_credential,
) -> scramtoken_status {
    // SAFETY: the caller's promise.
    unsafe { on_server(server, |server| server.supply(|lookup| lookup.answer_user(credential))) }
}

/// After NEED_CREDENTIAL: the name is a token's id. The owner's name ("alice", UTF-8 without NUL) and
/// the credential are copied; the token ends at `expiry_ms` (-1: never), which the config's clock
/// decides when the client has proved itself.
///
/// Errors: INVALID_ARGUMENT, also when only a user would do (supply again); INVALID_STATE when nobody
/// is asked for.
///
/// # Safety
///
/// The server is NULL or a living object, pointers fit their lengths.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn scramtoken_server_supply_token(
    server: *mut scramtoken_server,
    credential: *const scramtoken_credential,
    owner_name: *const u8,
    owner_name_len: usize,
    expiry_ms: i64,
) -> scramtoken_status {
    // SAFETY: the caller's promise.
    unsafe {
        on_server(server, |server| {
            server.supply(|lookup| {
                lookup.answer_token(credential, owner_name, owner_name_len, expiry_ms)
            })
        })
    }
}

/// After NEED_CREDENTIAL: nobody has that name. The login goes on with a made-up challenge and is
/// refused at its end.
///
/// Errors: INVALID_ARGUMENT; INVALID_STATE when nobody is asked for; IO (no random numbers).
///
/// # Safety
///
/// The server is NULL or a living object.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn scramtoken_server_supply_unknown(
    server: *mut scramtoken_server,
) -> scramtoken_status {
    // SAFETY: the caller's promise.
    unsafe {
        on_server(server, |server| server.supply(|lookup| lookup.answer_unknown(&server.settings)))
    }
}

/// What the login came to, at any time: undecided within the callbacks of a step, but for the audit's,
/// which is told of a decision.
///
/// Errors: INVALID_ARGUMENT, of which scramtoken_last_error alone has the text.
///
/// # Safety
///
/// The server is NULL or a living object, `out` is NULL or may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn scramtoken_server_verdict(
    server: *const scramtoken_server,
    out: *mut scramtoken_verdict,
) -> scramtoken_status {
    call(|| {
        check_out("out", out)?;
        // SAFETY: the caller's promise; the output is not NULL.
        unsafe {
            let server = object("server", server)?;
            out.write(match &*server.state.lock() {
                State::Authenticated(login) => scramtoken_verdict::authenticated(login),
                State::Rejected(reason) => scramtoken_verdict::rejected(*reason),
                State::Start(_)
                | State::Lookup(_)
                | State::AwaitClientFinal(_)
                | State::Stepping => scramtoken_verdict::undecided(),
            });
        }
        Ok(Status::OK)
    })
}

/// What went wrong in the server's last failing call, other than of scramtoken_server_identity and
/// scramtoken_server_verdict: one sentence without secrets, for the server's own log; empty where none
/// has failed, never NULL. Valid until its next such call or its free.
///
/// # Safety
///
/// The server is NULL or a living object.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn scramtoken_server_error(
    server: *const scramtoken_server,
) -> *const c_char {
    // SAFETY: the caller's promise.
    match unsafe { server.as_ref() } {
        Some(server) => server.error.as_ptr(),
        None => c"".as_ptr(),
    }
}

/// Frees a server and zeroes its keys. NULL is fine.
///
/// # Safety
///
/// The server is NULL or came from scramtoken_server_new, and is not used again.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn scramtoken_server_free(server: *mut scramtoken_server) {
    // SAFETY: the caller's promise.
    unsafe { take_back(server) };
}
