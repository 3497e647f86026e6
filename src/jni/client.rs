//! NativeClient: one login, client side, with the credential that its source has.

use core::mem;
use std::sync::Arc;

use jni::objects::{JByteArray, JClass, JObject, JString};
use jni::sys::jlong;
use jni::{Env, NativeMethod, native_method};
use parking_lot::Mutex;

use super::boundary::{Failure, Throw, copy_message, hand_out, object, take_back};
use super::source::source;
use crate::error::Error;
use crate::scram::{AwaitServerFinal, AwaitServerFirst, Cancel, ClientLogin, Mechanism, Nonce};
use crate::source::Source;
use crate::status::Status;

pub(super) const METHODS: &[NativeMethod] = &[
    native_method! {
        static fn open(mechanism: JString, source: jlong) -> jlong,
        fn = open, error_policy = Throw,
    },
    native_method! {
        fn start(client: jlong, now_ms: jlong) -> jbyte[],
        fn = start, error_policy = Throw,
    },
    native_method! {
        fn warning(client: jlong) -> JString,
        fn = warning, error_policy = Throw,
    },
    native_method! {
        fn answer(client: jlong, message: jbyte[]) -> jbyte[],
        fn = answer, error_policy = Throw,
    },
    native_method! {
        fn finish(client: jlong, message: jbyte[]),
        fn = finish, error_policy = Throw,
    },
    native_method! {
        static fn free(client: jlong),
        fn = free, error_policy = Throw,
    },
];

/// A login; any failure ends it. Java uses it from one thread at a time, the mutexes cost nothing.
struct Login {
    mechanism: Mechanism,
    source: Arc<Source>,
    state: Mutex<State>,
    warning: Mutex<Option<String>>,
}

enum State {
    Start,
    AwaitServerFirst(AwaitServerFirst),
    AwaitServerFinal(AwaitServerFinal),
    Over,
}

impl Login {
    /// Reads the source; the client-first-message.
    fn start(&self, now_ms: i64) -> Result<Vec<u8>, Error> {
        let State::Start = self.take_state() else { return Err(out_of_order()) };
        let current = self.source.log_in(now_ms)?;
        *self.warning.lock() = current.warning;
        let nonce = Nonce::from_random(crate::random::bytes()?);
        let state = ClientLogin::new(self.mechanism, current.credential).start(&nonce)?;
        let message = state.message().to_vec();
        *self.state.lock() = State::AwaitServerFirst(state);
        Ok(message)
    }

    /// Takes the challenge; the client-final-message.
    fn answer(&self, message: &[u8]) -> Result<Vec<u8>, Error> {
        let State::AwaitServerFirst(state) = self.take_state() else { return Err(out_of_order()) };
        let state = state.step(message, Some(self.source.key_cache()), &Cancel::default())?;
        let message = state.message().to_vec();
        *self.state.lock() = State::AwaitServerFinal(state);
        Ok(message)
    }

    /// Ok if and only if the server has proved itself.
    fn finish(&self, message: &[u8]) -> Result<(), Error> {
        let State::AwaitServerFinal(state) = self.take_state() else { return Err(out_of_order()) };
        state.step(message)
    }

    /// What fails or panics leaves the login over.
    fn take_state(&self) -> State {
        mem::replace(&mut *self.state.lock(), State::Over)
    }
}

fn out_of_order() -> Error {
    Error::new(Status::INVALID_STATE, "a call that is out of order in this login")
}

/// The login behind a handle.
fn login<'a>(client: jlong) -> Result<&'a Login, Error> {
    // SAFETY: NativeClient gives what `open` gave it, and keeps it open during the call.
    unsafe { object(client) }
}

fn open<'local>(
    env: &mut Env<'local>,
    _class: JClass<'local>,
    mechanism: JString<'local>,
    handle: jlong,
) -> Result<jlong, Failure> {
    Ok(hand_out(Login {
        mechanism: Mechanism::from_name(&mechanism.try_to_string(env)?)?,
        source: source(handle)?,
        state: Mutex::new(State::Start),
        warning: Mutex::default(),
    }))
}

fn start<'local>(
    env: &mut Env<'local>,
    _this: JObject<'local>,
    client: jlong,
    now_ms: jlong,
) -> Result<JByteArray<'local>, Failure> {
    let message = login(client)?.start(now_ms)?;
    Ok(env.byte_array_from_slice(&message)?)
}

/// What the source wants to have said, once; null for nothing.
fn warning<'local>(
    env: &mut Env<'local>,
    _this: JObject<'local>,
    client: jlong,
) -> Result<JString<'local>, Failure> {
    let warning = login(client)?.warning.lock().take();
    match warning {
        Some(text) => Ok(env.new_string(text)?),
        None => Ok(JString::null()),
    }
}

fn answer<'local>(
    env: &mut Env<'local>,
    _this: JObject<'local>,
    client: jlong,
    message: JByteArray<'local>,
) -> Result<JByteArray<'local>, Failure> {
    let message = copy_message(env, &message)?;
    let answer = login(client)?.answer(&message)?;
    Ok(env.byte_array_from_slice(&answer)?)
}

fn finish<'local>(
    env: &mut Env<'local>,
    _this: JObject<'local>,
    client: jlong,
    message: JByteArray<'local>,
) -> Result<(), Failure> {
    let message = copy_message(env, &message)?;
    Ok(login(client)?.finish(&message)?)
}

fn free<'local>(
    _env: &mut Env<'local>,
    _class: JClass<'local>,
    client: jlong,
) -> Result<(), Failure> {
    // SAFETY: NativeObject frees once what `open` gave.
    unsafe { take_back::<Login>(client) };
    Ok(())
}
