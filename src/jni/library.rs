//! NativeLibrary, which loads this library, and shared.Library, by which later class loaders find it.
//!
//! A JVM ties a library to the class loader that loaded it, and lets no other load the same file. But
//! native methods can be registered for any class, and this library stays mapped (`-z nodelete`). So
//! the class `shared.Library`, which lies in the boot class loader, keeps the address of
//! [`register_classes`] for the others.

use core::ffi::c_void;
use core::mem;

use jni::objects::{JByteArray, JClass, JClassLoader, JObjectArray, JString, JValue};
use jni::strings::JNIStr;
use jni::sys::{JNI_ERR, JNI_VERSION_1_8, jint, jlong};
use jni::{Env, EnvUnowned, JavaVM, NativeMethod, jni_sig, jni_str, native_method};

use super::boundary::{Failure, Throw, take_back};
use super::{client, listener, server, source, store};

const METHODS: &[NativeMethod] = &[
    native_method! {
        static fn version() -> JString,
        fn = version, error_policy = Throw,
    },
    native_method! {
        static fn define(class_file: jbyte[]),
        fn = define, error_policy = Throw,
    },
    native_method! {
        static fn share(library: JClass, version: JString),
        fn = share, error_policy = Throw,
    },
];

/// Those of shared.Library.
const SHARED_METHODS: &[NativeMethod] = &[
    native_method! {
        static fn register(registrar: jlong, classes: JClass[]),
        fn = register, error_policy = Throw,
    },
    native_method! {
        static fn free(handle: jlong),
        fn = free, error_policy = Throw,
    },
];

/// The methods of each class, in the order of NativeLibrary.CLASSES.
const CLASSES: [&[NativeMethod]; 6] =
    [METHODS, listener::METHODS, server::METHODS, source::METHODS, store::METHODS, client::METHODS];

/// What shared.Library keeps of each version of this library. It throws where it fails.
type Registrar = for<'local> extern "system" fn(
    env: EnvUnowned<'local>,
    classes: JObjectArray<'local, JClass<'local>>,
);

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
    let registered = std::panic::catch_unwind(|| {
        vm.attach_current_thread(|env| {
            let class = env.find_class(jni_str!("io/scramtoken/kafka/NativeLibrary"))?;
            register_methods(env, class, METHODS)
        })
    });
    if matches!(registered, Ok(Ok(()))) { JNI_VERSION_1_8 } else { JNI_ERR }
}

fn register_methods(
    env: &mut Env<'_>,
    class: JClass<'_>,
    methods: &[NativeMethod],
) -> jni::errors::Result<()> {
    // SAFETY: native_method! has checked each function against its signature; whether it is static or
    // not is checked at its first call.
    unsafe { env.register_native_methods(class, methods) }
}

fn version<'local>(
    env: &mut Env<'local>,
    _class: JClass<'local>,
) -> Result<JString<'local>, Failure> {
    Ok(env.new_string(env!("CARGO_PKG_VERSION"))?)
}

/// Defines a class in the boot class loader, where it stays.
fn define<'local>(
    env: &mut Env<'local>,
    _class: JClass<'local>,
    class_file: JByteArray<'local>,
) -> Result<(), Failure> {
    let bytes = env.convert_byte_array(&class_file)?;
    env.define_class(None::<&JNIStr>, JClassLoader::null(), &bytes)?;
    Ok(())
}

/// Adds this library to the class shared.Library, and gives that its native methods. Where another
/// version did so before, these are as good.
fn share<'local>(
    env: &mut Env<'local>,
    _class: JClass<'local>,
    library: JClass<'local>,
    version: JString<'local>,
) -> Result<(), Failure> {
    let registrar: Registrar = register_classes;
    let arguments = [JValue::Object(&version), JValue::Long(registrar as usize as jlong)];
    let signature = jni_sig!((version: JString, registrar: jlong) -> void);
    env.call_static_method(&library, jni_str!("add"), signature, &arguments)?;
    register_methods(env, library, SHARED_METHODS)?;
    Ok(())
}

/// Calls what [`share`] of some version has added.
fn register<'local>(
    env: &mut Env<'local>,
    _class: JClass<'local>,
    registrar: jlong,
    classes: JObjectArray<'local, JClass<'local>>,
) -> Result<(), Failure> {
    // SAFETY: only `share` adds addresses; every version adds one of this type, which is never
    // unmapped.
    let registrar = unsafe { mem::transmute::<*const (), Registrar>(registrar as *const ()) };
    // SAFETY: it is this thread's, and the call ends before the borrow.
    let env = unsafe { EnvUnowned::from_raw(env.get_raw()) };
    registrar(env, classes);
    Ok(())
}

extern "system" fn register_classes<'local>(
    mut env: EnvUnowned<'local>,
    classes: JObjectArray<'local, JClass<'local>>,
) {
    env.with_env(|env| -> Result<(), Failure> {
        for (index, methods) in CLASSES.into_iter().enumerate() {
            let class = classes.get_element(env, index)?;
            register_methods(env, class, methods)?;
        }
        Ok(())
    })
    .resolve::<Throw>();
}

fn free<'local>(
    _env: &mut Env<'local>,
    _class: JClass<'local>,
    handle: jlong,
) -> Result<(), Failure> {
    // SAFETY: NativeObject has its Cleaner call this once for what an `open` gave it.
    unsafe { take_back(handle) };
    Ok(())
}
