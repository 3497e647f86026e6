//! NativeListener: what all logins of one JAAS line share.

use std::sync::Arc;

use jni::objects::{JByteArray, JClass};
use jni::sys::{jboolean, jint, jlong};
use jni::{Env, NativeMethod, native_method};

use super::boundary::{Failure, Throw, copy_bytes, count, hand_out, object};
use super::store::store;
use crate::error::Error;
use crate::login::ServerConfig;
use crate::scram::{MAX_MESSAGE, Mechanism, MockSalts, ServerPolicy};

pub(super) const METHODS: &[NativeMethod] = &[native_method! {
    static fn open(implicit_tokens: jboolean, doubled_nonce: jboolean, mock_secret: jbyte[],
        mock_token_secret: jbyte[], mock_iterations: jint, mock_token_iterations: jint,
        store: jlong) -> jlong,
    fn = open, error_policy = Throw,
}];

/// The config behind a handle, for a login to keep.
pub(super) fn config(handle: jlong) -> Result<Arc<ServerConfig>, Error> {
    // SAFETY: NativeListener gives what `open` gave it, and its logins keep it open during the call.
    unsafe { object::<Arc<ServerConfig>>(handle) }.cloned()
}

/// Without a store, users and tokens are Kafka's, and made-up salts look like Kafka's. A secret that
/// is null is the store's own, or for tokens the one of users.
#[allow(clippy::too_many_arguments, reason = "a listener, option by option")]
fn open<'local>(
    env: &mut Env<'local>,
    _class: JClass<'local>,
    implicit_tokens: jboolean,
    doubled_nonce: jboolean,
    mock_secret: JByteArray<'local>,
    mock_token_secret: JByteArray<'local>,
    mock_iterations: jint,
    mock_token_iterations: jint,
    handle: jlong,
) -> Result<jlong, Failure> {
    let mut config = ServerConfig::default();
    config.set_policy(ServerPolicy { implicit_tokens, doubled_nonce });
    if !mock_secret.is_null() {
        config.set_mock_secret(&copy_bytes(env, "mock secret", &mock_secret, MAX_MESSAGE)?)?;
    }
    if !mock_token_secret.is_null() {
        let secret = copy_bytes(env, "mock secret", &mock_token_secret, MAX_MESSAGE)?;
        config.set_mock_token_secret(&secret)?;
    }
    config.set_mock_iterations(count(mock_iterations))?;
    for mechanism in Mechanism::ALL {
        config.set_mock_token_iterations(mechanism, count(mock_token_iterations))?;
    }
    if handle == 0 {
        config.set_mock_salts(MockSalts::Base36);
    } else {
        config.set_store(store(handle)?);
    }
    Ok(hand_out(Arc::new(config)))
}
