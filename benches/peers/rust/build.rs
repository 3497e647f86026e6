//! Tells the programs which versions Cargo.lock has.

use std::fs;

fn main() {
    println!("cargo:rerun-if-changed=Cargo.lock");
    let lock = fs::read_to_string("Cargo.lock").unwrap();
    for name in ["pbkdf2", "ring", "rsasl", "scramtoken", "sha2"] {
        // Of several versions the newest, which comes last: others are what others depend on.
        let entry = lock
            .rsplit("[[package]]")
            .find(|entry| entry.lines().any(|line| line == format!("name = \"{name}\"")));
        let version = entry
            .and_then(|entry| entry.lines().find_map(|line| line.strip_prefix("version = ")))
            .unwrap()
            .trim_matches('"');
        println!("cargo:rustc-env={}={version}", name.to_uppercase());
    }
}
