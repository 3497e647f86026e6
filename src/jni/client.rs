//! NativeClient: one login, client side, with the credential that its source has.

use jni::objects::{JByteArray, JClass, JObject, JObjectArray, JString};
use jni::sys::{jint, jlong};
use jni::{Env, NativeMethod, native_method};

use super::boundary::{Failure, Throw, copy_message, count, hand_out, object};
use super::source::source;
use crate::error::Error;
use crate::login::Client;
use crate::scram::{IterationLimits, Mechanism};

pub(super) const METHODS: &[NativeMethod] = &[
    native_method! {
        static fn begin(mechanism: JString, source: jlong, min_iterations: jint,
            max_iterations: jint, started: JObject[]) -> jlong,
        fn = begin, error_policy = Throw,
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
        static fn cancel(client: jlong),
        fn = cancel, error_policy = Throw,
    },
];

/// The login behind a handle.
fn login<'a>(client: jlong) -> Result<&'a Client, Error> {
    // SAFETY: NativeClient gives what `begin` gave it, and keeps it open during the call.
    unsafe { object(client) }
}

/// Reads the source; puts the client-first-message and the source's warning, or null, into `started`.
fn begin<'local>(
    env: &mut Env<'local>,
    _class: JClass<'local>,
    mechanism: JString<'local>,
    handle: jlong,
    min_iterations: jint,
    max_iterations: jint,
    started: JObjectArray<'local>,
) -> Result<jlong, Failure> {
    let login = Client::new(Mechanism::from_name(&mechanism.try_to_string(env)?)?);
    let limits = IterationLimits::new(count(min_iterations), count(max_iterations))?;
    login.set_iteration_limits(limits)?;
    login.set_source(&source(handle)?)?;
    login.step(b"")?;
    let message = env.byte_array_from_slice(&login.message())?;
    started.set_element(env, 0, &message)?;
    if let Some(text) = login.take_warning() {
        let text = env.new_string(text)?;
        started.set_element(env, 1, &text)?;
    }
    Ok(hand_out(login))
}

fn answer<'local>(
    env: &mut Env<'local>,
    _this: JObject<'local>,
    client: jlong,
    message: JByteArray<'local>,
) -> Result<JByteArray<'local>, Failure> {
    let (login, message) = (login(client)?, copy_message(env, &message)?);
    login.step(&message)?;
    Ok(env.byte_array_from_slice(&login.message())?)
}

fn finish<'local>(
    env: &mut Env<'local>,
    _this: JObject<'local>,
    client: jlong,
    message: JByteArray<'local>,
) -> Result<(), Failure> {
    let message = copy_message(env, &message)?;
    login(client)?.step(&message)?;
    Ok(())
}

fn cancel<'local>(
    _env: &mut Env<'local>,
    _class: JClass<'local>,
    client: jlong,
) -> Result<(), Failure> {
    login(client)?.cancel();
    Ok(())
}
