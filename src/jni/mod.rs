//! The JVM's door: the native methods of the Java package io.scramtoken.kafka, thin over the rooms.
//!
//! `JNI_OnLoad` registers them, one file for each class. They never call back into Java, but for
//! throwing: a server that needs a credential suspends, as in the C API.
#![allow(unsafe_code, reason = "this is a door: every block argues why it is sound")]
#![allow(unreachable_pub, reason = "public to the JVM")]

use core::ffi::c_void;

use jni::objects::JClass;
use jni::strings::JNIStr;
use jni::sys::{JNI_ERR, JNI_VERSION_1_8, jint};
use jni::{Env, JavaVM, NativeMethod, jni_str, native_method};

mod boundary;
mod client;
mod server;
mod source;
mod store;

use boundary::{Failure, Throw};

const LIBRARY: &[NativeMethod] = &[native_method! {
    static fn version() -> JString,
    fn = version,
    error_policy = Throw,
}];

/// The JVM calls this once when a class loader has loaded the library. What fails leaves an
/// exception pending, which System.load throws.
///
/// # Safety
///
/// Only for the JVM to call.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn JNI_OnLoad(
    vm: *mut jni::sys::JavaVM,
    _reserved: *mut c_void,
) -> jint {
    // SAFETY: the JVM passes itself.
    let vm = unsafe { JavaVM::from_raw(vm) };
    // The JVM has attached this thread; nothing here panics across it.
    let registered = std::panic::catch_unwind(|| vm.attach_current_thread(register));
    if matches!(registered, Ok(Ok(()))) { JNI_VERSION_1_8 } else { JNI_ERR }
}

fn register(env: &mut Env<'_>) -> jni::errors::Result<()> {
    let classes: [(&JNIStr, &[NativeMethod]); 5] = [
        (jni_str!("io/scramtoken/kafka/NativeLibrary"), LIBRARY),
        (jni_str!("io/scramtoken/kafka/NativeServer"), server::METHODS),
        (jni_str!("io/scramtoken/kafka/NativeSource"), source::METHODS),
        (jni_str!("io/scramtoken/kafka/NativeStore"), store::METHODS),
        (jni_str!("io/scramtoken/kafka/NativeClient"), client::METHODS),
    ];
    for (class, methods) in classes {
        let class = env.find_class(class)?;
        // SAFETY: native_method! has checked each function against its signature; whether it is
        // static or not is checked at its first call.
        unsafe { env.register_native_methods(class, methods)? };
    }
    Ok(())
}

fn version<'local>(
    env: &mut Env<'local>,
    _class: JClass<'local>,
) -> Result<jni::objects::JString<'local>, Failure> {
    Ok(env.new_string(env!("CARGO_PKG_VERSION"))?)
}
