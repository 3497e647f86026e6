//! NativeServer: one login, server side.

use core::mem;

use jni::objects::{JByteArray, JClass, JObject, JObjectArray, JString};
use jni::sys::{jboolean, jint, jlong};
use jni::{Env, NativeMethod, native_method};
use parking_lot::Mutex;

use super::boundary::{Failure, Throw, copy_bytes, copy_message, hand_out, object};
use crate::audit::Event;
use crate::error::Error;
use crate::scram::{
    Authenticated, AwaitClientFinal, AwaitClientFirst, Credential, IdentityKind, MAX_MESSAGE,
    MAX_SALT_LEN, Mechanism, MockChallenges, MockSalts, NeedCredential, Nonce, Rejected,
    ServerPolicy,
};
use crate::status::Status;

pub(super) const METHODS: &[NativeMethod] = &[
    native_method! {
        static fn open(mechanism: JString, implicit_tokens: jboolean, doubled_nonce: jboolean)
            -> jlong,
        fn = open, error_policy = Throw,
    },
    native_method! {
        fn read_client_first(server: jlong, message: jbyte[]) -> jint,
        fn = read_client_first, error_policy = Throw,
    },
    native_method! {
        fn name(server: jlong) -> JString,
        fn = name, error_policy = Throw,
    },
    native_method! {
        fn supply_user(server: jlong, salt: jbyte[], iterations: jint, stored_key: jbyte[],
            server_key: jbyte[]) -> jbyte[],
        fn = supply_user, error_policy = Throw,
    },
    native_method! {
        fn supply_token(server: jlong, salt: jbyte[], iterations: jint, stored_key: jbyte[],
            server_key: jbyte[], owner: JString, expiry_ms: jlong) -> jbyte[],
        fn = supply_token, error_policy = Throw,
    },
    native_method! {
        fn supply_unknown(server: jlong, mock_secret: jbyte[], iterations: jint) -> jbyte[],
        fn = supply_unknown, error_policy = Throw,
    },
    native_method! {
        fn supply_from_store(server: jlong, store: jlong, mock_secret: jbyte[], iterations: jint)
            -> jbyte[],
        fn = supply_from_store, error_policy = Throw,
    },
    native_method! {
        fn finish(server: jlong, message: jbyte[], now_ms: jlong) -> jbyte[],
        fn = finish, error_policy = Throw,
    },
    native_method! {
        fn principal(server: jlong) -> JString,
        fn = principal, error_policy = Throw,
    },
    native_method! {
        fn is_token(server: jlong) -> jboolean,
        fn = is_token, error_policy = Throw,
    },
    native_method! {
        fn expiry_ms(server: jlong) -> jlong,
        fn = expiry_ms, error_policy = Throw,
    },
    native_method! {
        fn is_nonce_doubled(server: jlong) -> jboolean,
        fn = is_nonce_doubled, error_policy = Throw,
    },
    native_method! {
        fn loggable_names(server: jlong) -> JString[],
        fn = loggable_names, error_policy = Throw,
    },
];

/// A login; any failure ends it. Java uses it from one thread at a time, the mutex costs nothing.
struct Login {
    mechanism: Mechanism,
    policy: ServerPolicy,
    state: Mutex<State>,
}

enum State {
    Start,
    NeedCredential(NeedCredential),
    AwaitClientFinal(AwaitClientFinal),
    Authenticated(Authenticated),
    Rejected(Rejected),
    /// Only while a step is made; what panics stays here.
    Stepping,
}

impl Login {
    fn step(&self, transition: impl FnOnce(State) -> Result<State, Rejected>) -> Result<(), Error> {
        let mut state = self.state.lock();
        let (next, result) = match transition(mem::replace(&mut *state, State::Stepping)) {
            Ok(next) => (next, Ok(())),
            Err(rejected) => {
                let error = rejected.error().clone();
                (State::Rejected(rejected), Err(error))
            }
        };
        *state = next;
        result
    }

    fn read_client_first(&self, message: &[u8]) -> Result<IdentityKind, Error> {
        let nonce = Nonce::from_random(crate::random::bytes()?);
        self.step(|state| match state {
            State::Start => AwaitClientFirst::new(self.mechanism, self.policy, nonce)
                .step(message)
                .map(State::NeedCredential),
            _ => Err(out_of_order()),
        })?;
        match &*self.state.lock() {
            State::NeedCredential(question) => Ok(question.kind()),
            _ => Err(out_of_order().error().clone()),
        }
    }

    /// Answers the question for a credential; the challenge to send.
    fn supply(
        &self,
        answer: impl FnOnce(NeedCredential) -> Result<AwaitClientFinal, Rejected>,
    ) -> Result<Vec<u8>, Error> {
        self.step(|state| match state {
            State::NeedCredential(question) => answer(question).map(State::AwaitClientFinal),
            _ => Err(out_of_order()),
        })?;
        self.message()
    }

    fn finish(&self, message: &[u8], now_ms: i64) -> Result<Vec<u8>, Error> {
        self.step(|state| match state {
            State::AwaitClientFinal(state) => state.step(message, now_ms).map(State::Authenticated),
            _ => Err(out_of_order()),
        })?;
        self.message()
    }

    /// What the last step gave to send.
    fn message(&self) -> Result<Vec<u8>, Error> {
        match &*self.state.lock() {
            State::AwaitClientFinal(state) => Ok(state.message().to_vec()),
            State::Authenticated(login) => Ok(login.message().to_vec()),
            _ => Err(out_of_order().error().clone()),
        }
    }
}

fn out_of_order() -> Rejected {
    Rejected::new(Error::new(Status::INVALID_STATE, "a call that is out of order in this login"))
}

/// The login behind a handle.
fn login<'a>(server: jlong) -> Result<&'a Login, Error> {
    // SAFETY: NativeServer gives what `open` gave it, and keeps it open during the call.
    unsafe { object(server) }
}

fn open<'local>(
    env: &mut Env<'local>,
    _class: JClass<'local>,
    mechanism: JString<'local>,
    implicit_tokens: jboolean,
    doubled_nonce: jboolean,
) -> Result<jlong, Failure> {
    Ok(hand_out(Login {
        mechanism: Mechanism::from_name(&mechanism.try_to_string(env)?)?,
        policy: ServerPolicy { implicit_tokens, doubled_nonce },
        state: Mutex::new(State::Start),
    }))
}

/// The kind that is asked for: 1 a user, 2 a token, 3 either, as in the C API.
fn read_client_first<'local>(
    env: &mut Env<'local>,
    _this: JObject<'local>,
    server: jlong,
    message: JByteArray<'local>,
) -> Result<jint, Failure> {
    let message = copy_message(env, &message)?;
    Ok(match login(server)?.read_client_first(&message)? {
        IdentityKind::User => 1,
        IdentityKind::Token => 2,
        IdentityKind::Either => 3,
    })
}

fn name<'local>(
    env: &mut Env<'local>,
    _this: JObject<'local>,
    server: jlong,
) -> Result<JString<'local>, Failure> {
    match &*login(server)?.state.lock() {
        State::NeedCredential(question) => Ok(env.new_string(question.name())?),
        _ => Err(out_of_order().error().clone().into()),
    }
}

fn supply_user<'local>(
    env: &mut Env<'local>,
    _this: JObject<'local>,
    server: jlong,
    salt: JByteArray<'local>,
    iterations: jint,
    stored_key: JByteArray<'local>,
    server_key: JByteArray<'local>,
) -> Result<JByteArray<'local>, Failure> {
    let kept = Kept::copy(env, &salt, iterations, &stored_key, &server_key)?;
    let challenge = login(server)?.supply(|question| match kept.credential(&question) {
        Ok(credential) => question.supply_user(&credential),
        Err(error) => Err(question.reject(error)),
    })?;
    Ok(env.byte_array_from_slice(&challenge)?)
}

#[allow(clippy::too_many_arguments, reason = "a credential and a token, field by field")]
fn supply_token<'local>(
    env: &mut Env<'local>,
    _this: JObject<'local>,
    server: jlong,
    salt: JByteArray<'local>,
    iterations: jint,
    stored_key: JByteArray<'local>,
    server_key: JByteArray<'local>,
    owner: JString<'local>,
    expiry_ms: jlong,
) -> Result<JByteArray<'local>, Failure> {
    let kept = Kept::copy(env, &salt, iterations, &stored_key, &server_key)?;
    let owner = owner.try_to_string(env)?;
    let challenge = login(server)?.supply(|question| match kept.credential(&question) {
        Ok(credential) => question.supply_token(&credential, &owner, expiry_ms),
        Err(error) => Err(question.reject(error)),
    })?;
    Ok(env.byte_array_from_slice(&challenge)?)
}

fn supply_unknown<'local>(
    env: &mut Env<'local>,
    _this: JObject<'local>,
    server: jlong,
    mock_secret: JByteArray<'local>,
    iterations: jint,
) -> Result<JByteArray<'local>, Failure> {
    let secret = copy_bytes(env, "mock secret", &mock_secret, MAX_MESSAGE)?;
    let mock = MockChallenges::new(&secret, count(iterations)).with_salts(MockSalts::Base36);
    let challenge = login(server)?.supply(|question| question.supply_unknown(&mock))?;
    Ok(env.byte_array_from_slice(&challenge)?)
}

/// Without a mock secret of the listener's own the store's stands in.
fn supply_from_store<'local>(
    env: &mut Env<'local>,
    _this: JObject<'local>,
    server: jlong,
    store: jlong,
    mock_secret: JByteArray<'local>,
    iterations: jint,
) -> Result<JByteArray<'local>, Failure> {
    let store = super::store::store(store)?;
    let secret = if mock_secret.is_null() {
        None
    } else {
        Some(copy_bytes(env, "mock secret", &mock_secret, MAX_MESSAGE)?)
    };
    let mock = match &secret {
        Some(secret) => MockChallenges::new(secret, count(iterations)),
        None => store.mock_challenges(count(iterations)),
    };
    let challenge = login(server)?.supply(|question| store.answer(question, &mock))?;
    Ok(env.byte_array_from_slice(&challenge)?)
}

fn finish<'local>(
    env: &mut Env<'local>,
    _this: JObject<'local>,
    server: jlong,
    message: JByteArray<'local>,
    now_ms: jlong,
) -> Result<JByteArray<'local>, Failure> {
    let message = copy_message(env, &message)?;
    let server_final = login(server)?.finish(&message, now_ms)?;
    Ok(env.byte_array_from_slice(&server_final)?)
}

/// Whom to treat the peer as: the user, or the token's owner.
fn principal<'local>(
    env: &mut Env<'local>,
    _this: JObject<'local>,
    server: jlong,
) -> Result<JString<'local>, Failure> {
    match &*login(server)?.state.lock() {
        State::Authenticated(login) => Ok(env.new_string(login.name())?),
        _ => Err(out_of_order().error().clone().into()),
    }
}

/// Whether the peer has logged in with a token.
fn is_token<'local>(
    _env: &mut Env<'local>,
    _this: JObject<'local>,
    server: jlong,
) -> Result<jboolean, Failure> {
    match &*login(server)?.state.lock() {
        State::Authenticated(login) => Ok(login.token_id().is_some()),
        _ => Err(out_of_order().error().clone().into()),
    }
}

/// When the credential ends; -1 for never.
fn expiry_ms<'local>(
    _env: &mut Env<'local>,
    _this: JObject<'local>,
    server: jlong,
) -> Result<jlong, Failure> {
    match &*login(server)?.state.lock() {
        State::Authenticated(login) => Ok(login.expiry_ms()),
        _ => Err(out_of_order().error().clone().into()),
    }
}

fn is_nonce_doubled<'local>(
    _env: &mut Env<'local>,
    _this: JObject<'local>,
    server: jlong,
) -> Result<jboolean, Failure> {
    let state = login(server)?.state.lock();
    Ok(matches!(&*state, State::Authenticated(login) if login.doubled_nonce()))
}

/// Requester, token's owner, token's id, fit for a log; null where there is none.
fn loggable_names<'local>(
    env: &mut Env<'local>,
    _this: JObject<'local>,
    server: jlong,
) -> Result<JObjectArray<'local, JString<'local>>, Failure> {
    let login = login(server)?;
    let names = env.new_object_type_array::<JString<'_>>(3, JString::null())?;
    let event = match &*login.state.lock() {
        State::Authenticated(state) => Event::authenticated(0, login.mechanism, state),
        State::Rejected(rejected) => Event::rejected(0, login.mechanism, rejected),
        _ => return Ok(names), // nothing is decided
    };
    for (index, name) in [event.requester, event.owner, event.token_id].into_iter().enumerate() {
        if let Some(name) = name {
            let name = env.new_string(name)?;
            names.set_element(env, index, &name)?;
        }
    }
    Ok(names)
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

    fn credential(&self, question: &NeedCredential) -> Result<Credential<'_>, Error> {
        let Self { salt, iterations, stored_key, server_key } = self;
        Credential::new(question.mechanism(), salt, *iterations, stored_key, server_key)
    }
}

/// A negative count is none, which the core refuses.
fn count(iterations: jint) -> u32 {
    u32::try_from(iterations).unwrap_or_default()
}
