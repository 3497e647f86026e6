//! What every native method does at the border: turn failures into exceptions, panics included,
//! copy arrays, and borrow the object behind a handle.

use core::ffi::c_void;
use core::fmt;
use std::any::Any;

use jni::errors::ErrorPolicy;
use jni::objects::{JByteArray, JString, JValue};
use jni::sys::{jint, jlong};
use jni::{Env, jni_sig, jni_str};
use zeroize::Zeroizing;

use crate::error::Error;
use crate::panics;
use crate::scram::MAX_MESSAGE;
use crate::status::Status;

/// Why a native method failed: for a reason of ours, or of the JVM's (often a pending exception).
#[derive(Debug)]
pub(super) enum Failure {
    Ours(Error),
    Refused(Box<Refused>),
    Jvm(jni::errors::Error),
}

/// A server's refusal, and of whom.
#[derive(Debug)]
pub(super) struct Refused {
    pub(super) error: Error,
    /// Requester, token's owner and token's id, as they may stand in a log.
    pub(super) names: [Option<String>; 3],
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Ours(error)
    }
}

impl From<jni::errors::Error> for Failure {
    fn from(error: jni::errors::Error) -> Self {
        Self::Jvm(error)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ours(error) => error.fmt(f),
            Self::Refused(refused) => refused.error.fmt(f),
            Self::Jvm(error) => write!(f, "the JVM failed scramtoken: {error}"),
        }
    }
}

/// Throws a NativeException for every failure.
pub(super) struct Throw;

impl<T: Default> ErrorPolicy<T, Failure> for Throw {
    type Captures<'env: 'method, 'method> = ();

    fn on_error<'env: 'method, 'method>(
        env: &mut Env<'env>,
        _captures: &mut (),
        failure: Failure,
    ) -> jni::errors::Result<T> {
        let status = match &failure {
            Failure::Ours(error) => error.status(),
            Failure::Refused(refused) => refused.error.status(),
            Failure::Jvm(_) => Status::INTERNAL,
        };
        let names = match &failure {
            Failure::Refused(refused) => Some(&refused.names),
            Failure::Ours(_) | Failure::Jvm(_) => None,
        };
        throw(env, status, &failure.to_string(), names);
        Ok(T::default())
    }

    fn on_panic<'env: 'method, 'method>(
        env: &mut Env<'env>,
        _captures: &mut (),
        _payload: Box<dyn Any + Send>,
    ) -> jni::errors::Result<T> {
        throw(env, Status::INTERNAL, panics::FAULT, None);
        Ok(T::default())
    }
}

/// An exception that is pending already stays, and so does one that making this one causes, such
/// as an OutOfMemoryError: an exception there is.
fn throw(env: &mut Env<'_>, status: Status, text: &str, names: Option<&Names>) {
    if !env.exception_check() {
        let _ = try_throw(env, status, text, names);
    }
}

type Names = [Option<String>; 3];

fn try_throw(
    env: &mut Env<'_>,
    status: Status,
    text: &str,
    names: Option<&Names>,
) -> jni::errors::Result<()> {
    let status = env.new_string(status.to_string())?;
    let text = env.new_string(text)?;
    let array = env.new_object_type_array::<JString<'_>>(3, JString::null())?;
    for (index, name) in names.into_iter().flatten().enumerate() {
        if let Some(name) = name {
            let name = env.new_string(name)?;
            array.set_element(env, index, &name)?;
        }
    }
    let exception = env.new_object(
        jni_str!("io/scramtoken/kafka/NativeException"),
        jni_sig!((status: JString, message: JString, names: JString[]) -> void),
        &[JValue::Object(&status), JValue::Object(&text), JValue::Object(&array)],
    )?;
    let exception = env.cast_local::<jni::objects::JThrowable>(exception)?;
    env.throw(exception)
}

/// Copies an array that may hold a secret. One of more than `limit` bytes is refused unread.
pub(super) fn copy_bytes(
    env: &Env<'_>,
    what: &str,
    array: &JByteArray<'_>,
    limit: usize,
) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let len = array.len(env)?;
    if len > limit {
        let text = format!("the {what} has {len} bytes: more than {limit}");
        return Err(Error::new(Status::TOO_LONG, text).into());
    }
    Ok(Zeroizing::new(copy(env, array, len)?))
}

/// A peer's message. One that is too long is cut where the core still sees that it is.
pub(super) fn copy_message(env: &Env<'_>, message: &JByteArray<'_>) -> Result<Vec<u8>, Failure> {
    let len = message.len(env)?.min(MAX_MESSAGE + 1);
    copy(env, message, len)
}

/// So many of an array's bytes; they stay where they were copied to.
fn copy(env: &Env<'_>, array: &JByteArray<'_>, len: usize) -> Result<Vec<u8>, Failure> {
    let mut signed = vec![0; len];
    array.get_region(env, 0, &mut signed)?;
    Ok(signed.into_iter().map(i8::cast_unsigned).collect())
}

/// A count; a negative one is none, which the rooms refuse.
pub(super) fn count(number: jint) -> u32 {
    u32::try_from(number).unwrap_or_default()
}

/// An object of Java's. Whatever it is, and of whichever version of this library: it begins with what
/// frees it, which is all that `io.scramtoken.kafka.shared.Library` knows of it.
#[repr(C)]
struct Handed<T> {
    free: unsafe extern "C" fn(*mut c_void),
    object: T,
}

/// Gives an object to Java as a number.
pub(super) fn hand_out<T>(object: T) -> jlong {
    Box::into_raw(Box::new(Handed { free: free::<T>, object })) as jlong
}

/// # Safety
///
/// The pointer came from [`hand_out`] of the same type, and is not used again.
unsafe extern "C" fn free<T>(handed: *mut c_void) {
    // SAFETY: the caller's promise.
    let handed = unsafe { Box::from_raw(handed.cast::<Handed<T>>()) };
    panics::quietly(|| drop(handed));
}

/// Borrows the object behind a number.
///
/// # Safety
///
/// The handle is 0 or came from [`hand_out`] of the same type, and Java does not take it back while
/// the reference lives: its class NativeObject sees to both.
pub(super) unsafe fn object<'a, T>(handle: jlong) -> Result<&'a T, Error> {
    // SAFETY: the caller's promise.
    unsafe { (handle as *const Handed<T>).as_ref() }
        .map(|handed| &handed.object)
        .ok_or_else(|| Error::new(Status::INVALID_STATE, "the native object is closed"))
}

/// Frees an object, of whichever type.
///
/// # Safety
///
/// The handle is 0 or came from [`hand_out`], and is not used again.
pub(super) unsafe fn take_back(handle: jlong) {
    let handed = handle as *mut Handed<()>;
    // SAFETY: the caller's promise; all handed out objects begin alike.
    if let Some(free) = unsafe { handed.as_ref() }.map(|handed| handed.free) {
        // SAFETY: it was made for this object.
        unsafe { free(handed.cast()) };
    }
}
