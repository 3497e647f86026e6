//! NativeSource: where clients find their current credential.

use std::sync::Arc;

use jni::objects::{JClass, JString};
use jni::sys::jlong;
use jni::{Env, NativeMethod, native_method};

use super::boundary::{Failure, Throw, hand_out, object};
use crate::error::Error;
use crate::source::Source;

pub(super) const METHODS: &[NativeMethod] = &[native_method! {
    static fn open(uri: JString) -> jlong,
    fn = open, error_policy = Throw,
}];

/// The source behind a handle, for a client to keep.
pub(super) fn source(handle: jlong) -> Result<Arc<Source>, Error> {
    // SAFETY: NativeSource gives what `open` gave it, and its clients keep it open.
    unsafe { object::<Arc<Source>>(handle) }.cloned()
}

fn open<'local>(
    env: &mut Env<'local>,
    _class: JClass<'local>,
    uri: JString<'local>,
) -> Result<jlong, Failure> {
    let uri = uri.try_to_string(env)?;
    Ok(hand_out(Arc::new(Source::open(&uri, crate::random::bytes()?)?)))
}
