//! Lookups: how a server gets to know what is kept of a name, by a callback or by a supply.

use core::ffi::{c_char, c_void};
use core::mem;
use std::sync::Arc;

use parking_lot::Mutex;

use super::audit::mechanism_c_name;
use super::boundary::{bytes, call, lent};
use super::callback::{Callback, check_answer};
use super::credential::{credential, scramtoken_credential};
use super::server_config::Settings;
use super::status::scramtoken_status;
use crate::error::Error;
use crate::scram::{
    AwaitClientFinal, IdentityKind, Mechanism, NeedCredential, Rejected, check_name,
};
use crate::status::Status;

/// As what a name is looked up: a SCRAM user.
pub const SCRAMTOKEN_IDENTITY_USER: i32 = 1;
/// As what a name is looked up: a delegation token's id.
pub const SCRAMTOKEN_IDENTITY_TOKEN: i32 = 2;
/// As what a name is looked up, with implicit tokens: a user first; where no mechanism has one of
/// that name, a token's id.
pub const SCRAMTOKEN_IDENTITY_EITHER: i32 = 3;

/// Where a lookup callback puts its answer. Valid within the callback.
pub struct scramtoken_lookup_reply {
    lookup: Mutex<Lookup>,
    settings: Arc<Settings>,
}

/// Looks a name up and answers by exactly one scramtoken_lookup_reply_*. An error that it returns
/// becomes the step's; no reply at all, or a second one, is INVALID_STATE. None of these is ever a
/// yes. `mechanism` is static, `name` (UTF-8, no NUL, otherwise anything) valid within the callback,
/// `kind` one of SCRAMTOKEN_IDENTITY_*. May run on several threads at once and must not unwind.
pub type scramtoken_lookup_fn = Option<
    unsafe extern "C" fn(
        userdata: *mut c_void,
        mechanism: *const c_char,
        name: *const u8,
        name_len: usize,
        kind: i32,
        reply: *mut scramtoken_lookup_reply,
    ) -> scramtoken_status,
>;

pub(super) type LookupFn = unsafe extern "C" fn(
    *mut c_void,
    *const c_char,
    *const u8,
    usize,
    i32,
    *mut scramtoken_lookup_reply,
) -> scramtoken_status;

/// A question for a credential and, once there is one, its answer.
pub(super) struct Lookup {
    state: LookupState,
    answered_twice: bool,
}

pub(super) enum LookupState {
    Asked(NeedCredential),
    Answered(Result<AwaitClientFinal, Rejected>),
    /// Only while an answer is made; what panics stays here.
    Answering,
}

impl Lookup {
    pub(super) fn new(question: NeedCredential) -> Self {
        Self { state: LookupState::Asked(question), answered_twice: false }
    }

    pub(super) fn state(&self) -> &LookupState {
        &self.state
    }

    /// The answer, or the lookup back where there is none.
    pub(super) fn into_answer(self) -> Result<Result<AwaitClientFinal, Rejected>, Self> {
        match self.state {
            LookupState::Answered(answer) => Ok(answer),
            state => Err(Self { state, ..self }),
        }
    }

    /// Takes a user for an answer.
    ///
    /// # Safety
    ///
    /// As for [`credential`].
    pub(super) unsafe fn answer_user(
        &mut self,
        supplied: *const scramtoken_credential,
    ) -> Result<Status, Error> {
        let mechanism = self.check(Some(IdentityKind::User))?;
        // SAFETY: the caller's promise.
        let credential = unsafe { credential(mechanism, supplied)? };
        self.answer(|question| question.supply_user(&credential))
    }

    /// Takes a token for an answer.
    ///
    /// # Safety
    ///
    /// As for [`credential`], and `owner` fits its length.
    pub(super) unsafe fn answer_token(
        &mut self,
        supplied: *const scramtoken_credential,
        owner: *const u8,
        owner_len: usize,
        expiry_ms: i64,
    ) -> Result<Status, Error> {
        let mechanism = self.check(Some(IdentityKind::Token))?;
        // SAFETY: the caller's promise.
        let (credential, owner) =
            unsafe { (credential(mechanism, supplied)?, bytes("owner_name", owner, owner_len)?) };
        let owner = check_name("owner's name", owner)?;
        self.answer(|question| question.supply_token(&credential, owner, expiry_ms))
    }

    /// Takes for an answer that there is nobody of that name.
    pub(super) fn answer_unknown(&mut self, settings: &Settings) -> Result<Status, Error> {
        self.check(None)?;
        let mock = settings.mock_challenges()?;
        self.answer(|question| question.supply_unknown(&mock))
    }

    /// Whether such an answer is wanted; the mechanism that it must be of.
    fn check(&mut self, kind: Option<IdentityKind>) -> Result<Mechanism, Error> {
        let LookupState::Asked(question) = &self.state else {
            self.answered_twice = true;
            let text = "the lookup has its answer already: only one counts";
            return Err(Error::new(Status::INVALID_STATE, text));
        };
        if kind.is_some_and(|kind| !question.kind().admits(kind)) {
            let text = match question.kind() {
                IdentityKind::User => "a user was asked for, and a token supplied",
                _ => "a token was asked for, and a user supplied",
            };
            return Err(Error::new(Status::INVALID_ARGUMENT, text));
        }
        Ok(question.mechanism())
    }

    fn answer(
        &mut self,
        answer: impl FnOnce(NeedCredential) -> Result<AwaitClientFinal, Rejected>,
    ) -> Result<Status, Error> {
        match mem::replace(&mut self.state, LookupState::Answering) {
            LookupState::Asked(question) => self.state = LookupState::Answered(answer(question)),
            state => self.state = state,
        }
        Ok(Status::OK)
    }
}

/// Asks the host's callback. Nothing is locked or borrowed exclusively while it runs.
pub(super) fn ask(
    callback: &Callback<LookupFn>,
    settings: &Arc<Settings>,
    question: NeedCredential,
) -> Result<AwaitClientFinal, Rejected> {
    // The name stays where it is when the question moves.
    let (name, name_len) = (question.name().as_ptr(), question.name().len());
    let (mechanism, kind) = (question.mechanism(), question.kind());
    let mut reply = scramtoken_lookup_reply {
        lookup: Mutex::new(Lookup::new(question)),
        settings: Arc::clone(settings),
    };
    // SAFETY: the function is the host's for this userdata, which its finalizer has not freed yet;
    // all pointers are valid for the call, the reply's through shared references alone.
    let status = Status::from_raw(unsafe {
        (callback.function())(
            callback.userdata(),
            mechanism_c_name(mechanism).as_ptr(),
            name,
            name_len,
            identity_kind(kind),
            &raw mut reply,
        )
    });
    let Lookup { state, answered_twice } = reply.lookup.into_inner();
    let fault = check_answer("lookup", status, answered_twice).err();
    match (state, fault) {
        (LookupState::Answered(answer), None) => answer,
        (LookupState::Answered(Ok(answered)), Some(fault)) => Err(answered.reject(fault)),
        (LookupState::Answered(Err(rejected)), Some(_)) => Err(rejected),
        (LookupState::Asked(question), Some(fault)) => Err(question.reject(fault)),
        (LookupState::Asked(question), None) => Err(question
            .reject(Error::new(Status::INVALID_STATE, "the lookup callback gave no answer"))),
        (LookupState::Answering, _) => {
            Err(Rejected::new(Error::new(Status::INTERNAL, "a fault while an answer was taken")))
        }
    }
}

/// The number that a kind has in C.
pub(super) fn identity_kind(kind: IdentityKind) -> i32 {
    match kind {
        IdentityKind::User => SCRAMTOKEN_IDENTITY_USER,
        IdentityKind::Token => SCRAMTOKEN_IDENTITY_TOKEN,
        IdentityKind::Either => SCRAMTOKEN_IDENTITY_EITHER,
    }
}

/// Runs the body of a function on a reply.
///
/// # Safety
///
/// As for [`lent`].
unsafe fn on_reply(
    reply: *mut scramtoken_lookup_reply,
    body: impl FnOnce(&mut Lookup, &Settings) -> Result<Status, Error>,
) -> scramtoken_status {
    call(|| {
        // SAFETY: the caller's promise.
        let reply = unsafe { lent("reply", reply)? };
        body(&mut reply.lookup.lock(), &reply.settings)
    })
}

/// # Lookup: how a callback answers
///
/// The name is a user's. The credential is copied.
///
/// Errors: INVALID_ARGUMENT (then no answer was given), INVALID_STATE for a second answer.
///
/// # Safety
///
/// The reply is NULL or valid, the credential's pointers fit their lengths.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn scramtoken_lookup_reply_user(
    reply: *mut scramtoken_lookup_reply,
    credential: *const scramtoken_credential,
) -> scramtoken_status {
    // SAFETY: the caller's promise.
    unsafe { on_reply(reply, |lookup, _| lookup.answer_user(credential)) }
}

/// The name is a token's id. The owner's name ("alice", UTF-8 without NUL) and the credential are
/// copied; the token ends at `expiry_ms` (-1: never), which the server's clock decides when the
/// client has proved itself.
///
/// Errors: INVALID_ARGUMENT (then no answer was given), INVALID_STATE for a second answer.
///
/// # Safety
///
/// The reply is NULL or valid, pointers fit their lengths.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn scramtoken_lookup_reply_token(
    reply: *mut scramtoken_lookup_reply,
    credential: *const scramtoken_credential,
    owner_name: *const u8,
    owner_name_len: usize,
    expiry_ms: i64,
) -> scramtoken_status {
    // SAFETY: the caller's promise.
    unsafe {
        on_reply(reply, |lookup, _| {
            lookup.answer_token(credential, owner_name, owner_name_len, expiry_ms)
        })
    }
}

/// Nobody has that name. The login goes on with a made-up challenge and is refused at its end.
///
/// Errors: INVALID_ARGUMENT, INVALID_STATE for a second answer, IO (no random numbers).
///
/// # Safety
///
/// The reply is NULL or valid.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn scramtoken_lookup_reply_unknown(
    reply: *mut scramtoken_lookup_reply,
) -> scramtoken_status {
    // SAFETY: the caller's promise.
    unsafe { on_reply(reply, |lookup, settings| lookup.answer_unknown(settings)) }
}
