//! The door for librdkafka: a plugin that logs its clients in with what a source holds.
//!
//! `plugin.library.paths=libscramtoken` and `scramtoken.source=file:/run/token.json` are all that an
//! application sets. librdkafka then logs in by SCRAM with a credential made up for the client; its
//! server is this plugin, which meanwhile logs in to the broker with the true credential.
//!
//! ```text
//! conf_init -> interceptors -> client (settings: conf, tls)     librdkafka's threads
//!                    |
//!    handover, or relay over TLS (network, gate) -> event_loop (one thread)
//!                    |
//!                  login (frames, stand_in; no sockets) -> source_reader (a thread of its own)
//! ```
//!
//! With `scramtoken.mode=credentials` it only gives librdkafka the source's name and secret: rotation.

#![allow(unsafe_code, reason = "a door")]

mod api;
mod boundary;
mod client;
mod conf;
mod event_loop;
mod failure;
mod frames;
mod gate;
mod handover;
mod interceptors;
mod login;
mod network;
mod queue;
mod refusal;
mod relay;
mod rotation;
mod servers;
mod signals;
mod socket;
mod source_reader;
mod stand_in;
mod tls;
mod tls_stream;

use core::ffi::{c_char, c_int, c_void};

/// What librdkafka calls when it loads the plugin (rdkafka.h, rd_kafka_plugin_f_conf_init_t).
///
/// It only adds its return address to the arguments, which tells the librdkafka that calls from
/// others in the process.
///
/// # Safety
///
/// For librdkafka alone.
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
#[unsafe(naked)]
#[unsafe(no_mangle)]
unsafe extern "C" fn conf_init(
    conf: *mut api::Conf,
    plugin_opaque: *mut *mut c_void,
    errstr: *mut c_char,
    errstr_size: usize,
) -> c_int {
    // At a function's entry its return address is on top of the stack (System V), or in x30
    // (AAPCS64); the fifth argument goes into r8, or x4.
    #[cfg(target_arch = "x86_64")]
    core::arch::naked_asm!("mov r8, [rsp]", "jmp {}", sym interceptors::conf_init);
    #[cfg(target_arch = "aarch64")]
    core::arch::naked_asm!("mov x4, x30", "b {}", sym interceptors::conf_init);
}

/// What librdkafka calls when it loads the plugin. Here it must be what the program was linked with.
///
/// # Safety
///
/// For librdkafka alone.
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
#[unsafe(no_mangle)]
unsafe extern "C" fn conf_init(
    conf: *mut api::Conf,
    plugin_opaque: *mut *mut c_void,
    errstr: *mut c_char,
    errstr_size: usize,
) -> c_int {
    // SAFETY: passed on.
    unsafe { interceptors::conf_init(conf, plugin_opaque, errstr, errstr_size, core::ptr::null()) }
}

/// Tells the operator, where librdkafka offers no way to the application.
fn warn(text: &str) {
    use std::io::Write;
    let _ = writeln!(std::io::stderr(), "scramtoken: {text}");
}
