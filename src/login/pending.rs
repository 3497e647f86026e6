//! A question for a credential and, once there is one, its answer: exactly one counts.

use core::mem;

use crate::error::Error;
use crate::scram::{
    AwaitClientFinal, Credential, IdentityKind, MadeUp, Mechanism, NeedCredential, Rejected,
    check_name,
};
use crate::status::Status;

/// A question that waits for somebody else's answer.
pub(crate) struct Pending {
    state: State,
    /// The challenge for the case that nobody has the name.
    made_up: MadeUp,
    answered_twice: bool,
}

enum State {
    Asked(NeedCredential),
    Answered(Result<AwaitClientFinal, Rejected>),
    /// Only while an answer is made. What panics stays here.
    Answering,
}

impl Pending {
    pub(crate) fn new(question: NeedCredential, made_up: MadeUp) -> Self {
        Self { state: State::Asked(question), made_up, answered_twice: false }
    }

    /// The question, while it has no answer.
    pub(crate) fn question(&self) -> Option<&NeedCredential> {
        match &self.state {
            State::Asked(question) => Some(question),
            State::Answered(_) | State::Answering => None,
        }
    }

    /// The name is a user's. `credential` makes what is kept of it, for the mechanism asked for.
    ///
    /// # Errors
    ///
    /// `INVALID_STATE` for a second answer, `INVALID_ARGUMENT` when only a token would do or for a
    /// credential of the other mechanism, and those of `credential`: the question then still stands.
    pub(crate) fn supply_user<'a>(
        &mut self,
        credential: impl FnOnce(Mechanism) -> Result<Credential<'a>, Error>,
    ) -> Result<(), Error> {
        let credential = self.admit(IdentityKind::User, credential)?;
        self.answer(|question| question.supply_user(&credential))
    }

    /// The name is a token's id. It ends at `expiry_ms` (-1: never).
    ///
    /// # Errors
    ///
    /// As of [`supply_user`](Self::supply_user), and for an owner that is no name or could not be read.
    pub(crate) fn supply_token<'a>(
        &mut self,
        credential: impl FnOnce(Mechanism) -> Result<Credential<'a>, Error>,
        owner: Result<&[u8], Error>,
        expiry_ms: i64,
    ) -> Result<(), Error> {
        let credential = self.admit(IdentityKind::Token, credential)?;
        let owner = check_name("owner's name", owner?)?;
        self.answer(|question| question.supply_token(&credential, owner, expiry_ms))
    }

    /// Nobody has that name: the login goes on with a made-up challenge, and fails at its end.
    ///
    /// # Errors
    ///
    /// `INVALID_STATE` for a second answer.
    pub(crate) fn supply_unknown(&mut self) -> Result<(), Error> {
        self.asked()?;
        let made_up = self.made_up;
        self.answer(|question| question.supply_made_up(&made_up))
    }

    /// [`supply_unknown`](Self::supply_unknown) with a credential, whosever, that is handed over and
    /// checked as a real one is, so that strangers are not told from others by the time it takes.
    ///
    /// # Errors
    ///
    /// As of [`supply_user`](Self::supply_user).
    pub(crate) fn supply_nobody<'a>(
        &mut self,
        credential: impl FnOnce(Mechanism) -> Result<Credential<'a>, Error>,
    ) -> Result<(), Error> {
        let credential = credential(self.asked()?.mechanism())?;
        let made_up = self.made_up;
        self.answer(|question| question.supply_nobody(&made_up, &credential))
    }

    /// The answer, or the question back where there is none.
    pub(super) fn into_answer(self) -> Result<Result<AwaitClientFinal, Rejected>, Self> {
        match self.state {
            State::Answered(answer) => Ok(answer),
            state => Err(Self { state, ..self }),
        }
    }

    /// What a callback made of the question. `returned` is how the callback ended; no answer, or
    /// more than one, is never a yes.
    pub(crate) fn settle(self, returned: Result<(), Error>) -> Result<AwaitClientFinal, Rejected> {
        let fault = returned.err().or_else(|| {
            let text = "the lookup callback answered twice";
            self.answered_twice.then(|| Error::new(Status::INVALID_STATE, text))
        });
        match (self.state, fault) {
            (State::Answered(answer), None) => answer,
            (State::Answered(Ok(answered)), Some(fault)) => Err(answered.reject(fault)),
            (State::Answered(Err(rejected)), Some(_)) => Err(rejected),
            (State::Asked(question), fault) => Err(question.reject(fault.unwrap_or_else(|| {
                Error::new(Status::INVALID_STATE, "the lookup callback gave no answer")
            }))),
            (State::Answering, _) => Err(Rejected::new(Error::new(
                Status::INTERNAL,
                "a fault while an answer was taken",
            ))),
        }
    }

    fn asked(&mut self) -> Result<&NeedCredential, Error> {
        if let State::Asked(question) = &self.state {
            return Ok(question);
        }
        self.answered_twice = true;
        let text = "the lookup has its answer already: only one counts";
        Err(Error::new(Status::INVALID_STATE, text))
    }

    /// Whether such an answer is wanted.
    fn admit<'a>(
        &mut self,
        kind: IdentityKind,
        credential: impl FnOnce(Mechanism) -> Result<Credential<'a>, Error>,
    ) -> Result<Credential<'a>, Error> {
        let question = self.asked()?;
        let mechanism = question.mechanism();
        let invalid = |text| Err(Error::new(Status::INVALID_ARGUMENT, text));
        if !question.kind().admits(kind) {
            return invalid(match kind {
                IdentityKind::Token => "a user was asked for, and a token supplied",
                _ => "a token was asked for, and a user supplied",
            });
        }
        let credential = credential(mechanism)?;
        if credential.mechanism() != mechanism {
            return invalid("the credential is of the other mechanism");
        }
        Ok(credential)
    }

    fn answer(
        &mut self,
        answer: impl FnOnce(NeedCredential) -> Result<AwaitClientFinal, Rejected>,
    ) -> Result<(), Error> {
        match mem::replace(&mut self.state, State::Answering) {
            State::Asked(question) => self.state = State::Answered(answer(question)),
            state => self.state = state,
        }
        Ok(())
    }
}
