//! Link arguments that rustc does not set by itself for a C library.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    if std::env::var("CARGO_CFG_TARGET_OS").as_deref() == Ok("linux") {
        // Hosts link and dlopen by SONAME; its number goes up with SCRAMTOKEN_ABI_VERSION.
        println!("cargo::rustc-cdylib-link-arg=-Wl,-soname,libscramtoken.so.0");
        // Thread-locals and worker threads do not survive a dlclose, so the library stays mapped.
        println!("cargo::rustc-cdylib-link-arg=-Wl,-z,nodelete");
    }
}
