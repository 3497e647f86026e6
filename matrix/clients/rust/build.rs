//! librdkafka is inside of the program, which must export its functions to the plugin.

fn main() {
    println!("cargo:rustc-link-arg-bins=-rdynamic");
}
