//! NativeStore: where a listener finds users and tokens, in place of Kafka's caches.

use jni::objects::{JClass, JObject, JString};
use jni::sys::jlong;
use jni::{Env, NativeMethod, native_method};

use super::boundary::{Failure, Throw, hand_out, object};
use crate::error::Error;
use crate::store::Store;

pub(super) const METHODS: &[NativeMethod] = &[
    native_method! {
        static fn open(uri: JString) -> jlong,
        fn = open, error_policy = Throw,
    },
    native_method! {
        fn warning(store: jlong) -> JString,
        fn = warning, error_policy = Throw,
    },
];

/// The store behind a handle.
pub(super) fn store<'a>(handle: jlong) -> Result<&'a Store, Error> {
    // SAFETY: NativeStore gives what `open` gave it, and its logins keep it open during the call.
    unsafe { object(handle) }
}

fn open<'local>(
    env: &mut Env<'local>,
    _class: JClass<'local>,
    uri: JString<'local>,
) -> Result<jlong, Failure> {
    Ok(hand_out(Store::open(&uri.try_to_string(env)?)?))
}

/// What the log should be told of the store; null for nothing.
fn warning<'local>(
    env: &mut Env<'local>,
    _this: JObject<'local>,
    handle: jlong,
) -> Result<JString<'local>, Failure> {
    match store(handle)?.warning() {
        Some(text) => Ok(env.new_string(text)?),
        None => Ok(JString::null()),
    }
}
