//! NativeServer: one login, server side.

use jni::objects::{JByteArray, JClass, JIntArray, JLongArray, JObject, JObjectArray, JString};
use jni::sys::{jboolean, jint, jlong};
use jni::{Env, NativeMethod, native_method};

use super::boundary::{Failure, Refused, Throw, copy_bytes, copy_message, count, hand_out, object};
use super::listener::config;
use crate::audit::Event;
use crate::error::Error;
use crate::login::{Server, ServerProgress, StepError, Verdict};
use crate::scram::{Credential, IdentityKind, MAX_SALT_LEN, Mechanism};
use crate::status::Status;

pub(super) const METHODS: &[NativeMethod] = &[
    native_method! {
        static fn begin(listener: jlong, mechanism: jint, message: jbyte[], asked: JObject[],
            kind: jint[]) -> jlong,
        fn = begin, error_policy = Throw,
    },
    native_method! {
        fn supply(server: jlong, kind: jint, salt: jbyte[], iterations: jint, stored_key: jbyte[],
            server_key: jbyte[], owner: JString, expiry_ms: jlong) -> jbyte[],
        fn = supply, error_policy = Throw,
    },
    native_method! {
        fn finish(server: jlong, message: jbyte[], verdict: JObject[], numbers: jlong[],
            is_audited: jboolean) -> jbyte[],
        fn = finish, error_policy = Throw,
    },
];

/// The mechanisms.
const SHA_256: jint = 1;
const SHA_512: jint = 2;

/// The kinds of name, as in the C API.
const USER: jint = 1;
const TOKEN: jint = 2;
const EITHER: jint = 3;
/// What is supplied for a name that nobody has, with any credential.
const NOBODY: jint = 0;

/// The login behind a handle.
fn login<'a>(server: jlong) -> Result<&'a Server, Error> {
    // SAFETY: NativeServer gives what `begin` gave it, and keeps it open during the call.
    unsafe { object(server) }
}

/// Takes the client-first-message. `asked` gets the challenge of a store; without a store, the name to
/// look up, and `kind` as what.
fn begin<'local>(
    env: &mut Env<'local>,
    _class: JClass<'local>,
    listener: jlong,
    mechanism: jint,
    message: JByteArray<'local>,
    asked: JObjectArray<'local>,
    kind: JIntArray<'local>,
) -> Result<jlong, Failure> {
    let message = copy_message(env, &message)?;
    let mechanism = match mechanism {
        SHA_256 => Mechanism::ScramSha256,
        SHA_512 => Mechanism::ScramSha512,
        _ => Mechanism::from_name("")?,
    };
    let login = Server::new(config(listener)?, mechanism);
    if step(&login, &message)? == ServerProgress::Continue {
        let challenge = env.byte_array_from_slice(&login.message())?;
        asked.set_element(env, 0, &challenge)?;
    } else {
        let (name, number) = login.with_question(|question| {
            let number = match question.kind() {
                IdentityKind::User => USER,
                IdentityKind::Token => TOKEN,
                IdentityKind::Either => EITHER,
            };
            (question.name().to_owned(), number)
        })?;
        let name = env.new_string(name)?;
        asked.set_element(env, 1, &name)?;
        kind.set_region(env, 0, &[number])?;
    }
    Ok(hand_out(login))
}

/// Answers the question; the challenge to send. Nobody's credential is handed over like anybody's, so
/// that strangers are not told from others by the time it takes.
#[allow(clippy::too_many_arguments, reason = "a credential and a token, field by field")]
fn supply<'local>(
    env: &mut Env<'local>,
    _this: JObject<'local>,
    server: jlong,
    kind: jint,
    salt: JByteArray<'local>,
    iterations: jint,
    stored_key: JByteArray<'local>,
    server_key: JByteArray<'local>,
    owner: JString<'local>,
    expiry_ms: jlong,
) -> Result<JByteArray<'local>, Failure> {
    let kept = Kept::copy(env, &salt, iterations, &stored_key, &server_key)?;
    let owner = if kind == TOKEN { owner.try_to_string(env)? } else { String::new() };
    let login = login(server)?;
    login.supply(|pending| {
        let credential = |mechanism| kept.credential(mechanism);
        match kind {
            USER => pending.supply_user(credential),
            TOKEN => pending.supply_token(credential, Ok(owner.as_bytes()), expiry_ms),
            NOBODY => pending.supply_nobody(credential),
            _ => {
                let text = "the kind of what is supplied is none of a user, a token, and nobody";
                Err(Error::new(Status::INVALID_ARGUMENT, text))
            }
        }
    })?;
    step(login, b"")?;
    Ok(env.byte_array_from_slice(&login.message())?)
}

/// Judges the client-final-message; the server-final-message. `verdict`, unless it is null, gets whom to treat
/// the peer as and, where it is audited, requester, owner and token's id as they may stand in a log; `numbers`
/// whether it is a token's login, its end (-1: never) and whether the nonce was doubled: zeros, which they
/// are before, for a user's usual login.
fn finish<'local>(
    env: &mut Env<'local>,
    _this: JObject<'local>,
    server: jlong,
    message: JByteArray<'local>,
    verdict: JObjectArray<'local>,
    numbers: JLongArray<'local>,
    is_audited: jboolean,
) -> Result<JByteArray<'local>, Failure> {
    let message = copy_message(env, &message)?;
    let login = login(server)?;
    step(login, &message)?;
    login.with_verdict(|outcome| {
        let Verdict::Authenticated(authenticated) = outcome else { return Ok(()) };
        let is_token = authenticated.token_id().is_some();
        let expiry_ms = authenticated.expiry_ms();
        let doubled_nonce = authenticated.doubled_nonce();
        if is_token || doubled_nonce {
            let of_token = [i64::from(is_token), expiry_ms, i64::from(doubled_nonce)];
            numbers.set_region(env, 0, &of_token)?;
        }
        if verdict.is_null() {
            return Ok(());
        }
        let name = env.new_string(authenticated.name())?;
        verdict.set_element(env, 0, &name)?;
        if is_audited {
            let event = Event::authenticated(0, login.mechanism(), authenticated);
            for (index, name) in (1..).zip([event.requester, event.owner, event.token_id]) {
                if let Some(name) = name {
                    let name = env.new_string(name)?;
                    verdict.set_element(env, index, &name)?;
                }
            }
        }
        Ok::<(), Failure>(())
    })?;
    Ok(env.byte_array_from_slice(&login.message())?)
}

/// A step whose refusal says who was refused.
fn step(login: &Server, message: &[u8]) -> Result<ServerProgress, Failure> {
    login.step(message).map_err(|StepError { error, answer }| {
        login.with_verdict(|verdict| match verdict {
            Verdict::Rejected(rejected) if !answer.is_empty() => {
                let Event { requester, owner, token_id, .. } =
                    Event::rejected(0, login.mechanism(), rejected);
                Failure::Refused(Box::new(Refused { error, names: [requester, owner, token_id] }))
            }
            _ => Failure::Ours(error), // a call out of order
        })
    })
}

/// What a server keeps of a password, copied from Java.
struct Kept {
    salt: zeroize::Zeroizing<Vec<u8>>,
    iterations: u32,
    stored_key: zeroize::Zeroizing<Vec<u8>>,
    server_key: zeroize::Zeroizing<Vec<u8>>,
}

impl Kept {
    fn copy(
        env: &Env<'_>,
        salt: &JByteArray<'_>,
        iterations: jint,
        stored_key: &JByteArray<'_>,
        server_key: &JByteArray<'_>,
    ) -> Result<Self, Failure> {
        Ok(Self {
            salt: copy_bytes(env, "salt", salt, MAX_SALT_LEN)?,
            iterations: count(iterations),
            stored_key: copy_bytes(env, "stored key", stored_key, MAX_SALT_LEN)?,
            server_key: copy_bytes(env, "server key", server_key, MAX_SALT_LEN)?,
        })
    }

    fn credential(&self, mechanism: Mechanism) -> Result<Credential<'_>, Error> {
        let Self { salt, iterations, stored_key, server_key } = self;
        Credential::new(mechanism, salt, *iterations, stored_key, server_key)
    }
}
