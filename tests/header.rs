//! The committed header is what cbindgen makes of src/ffi, and the library exports just that.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may")]

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

/// Set by `make header` to write the header in place of comparing it.
const WRITE: &str = "SCRAMTOKEN_WRITE_HEADER";

/// What doors other than src/ffi export.
const OTHER_DOORS: [&str; 2] = ["JNI_OnLoad", "conf_init"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn committed_header() -> String {
    std::fs::read_to_string(root().join("include/scramtoken.h")).unwrap()
}

fn generated_header() -> String {
    let config = cbindgen::Config::from_file(root().join("cbindgen.toml")).unwrap();
    let bindings = cbindgen::generate_with_config(root(), config).unwrap();
    let mut header = Vec::new();
    bindings.write(&mut header);
    without_safety_sections(&String::from_utf8(header).unwrap())
}

/// Rust's `# Safety` sections say to Rust what the header's conventions say to C.
fn without_safety_sections(header: &str) -> String {
    let mut out = String::new();
    let mut skipping = false;
    for line in header.lines() {
        let text = line.trim();
        if text == "* # Safety" {
            skipping = true;
            // The empty line before the section.
            if out.ends_with(" *\n") {
                out.truncate(out.len() - " *\n".len());
            }
        }
        if text == "*/" {
            skipping = false;
        }
        if !skipping {
            out.push_str(line);
            out.push('\n');
        }
    }
    out
}

/// The names of all functions that the header declares.
fn declared_functions(header: &str) -> BTreeSet<String> {
    let code = strip_comments(header).replace("extern \"C\" {", ";");
    code.split(';')
        .filter(|item| !item.contains("typedef") && !item.contains('{'))
        .filter_map(|item| item.split_once('('))
        .filter_map(|(before, _)| before.split([' ', '*', '\n']).next_back())
        .filter(|name| name.starts_with("scramtoken_"))
        .map(str::to_owned)
        .collect()
}

fn strip_comments(header: &str) -> String {
    let mut out = String::new();
    let mut rest = header;
    while let Some((before, after)) = rest.split_once("/*") {
        out.push_str(before);
        rest = after.split_once("*/").unwrap().1;
    }
    out + rest
}

#[test]
fn the_committed_header_is_up_to_date() {
    let generated = generated_header();
    if std::env::var_os(WRITE).is_some() {
        std::fs::write(root().join("include/scramtoken.h"), &generated).unwrap();
    }
    assert!(generated == committed_header(), "include/scramtoken.h is stale: run `make header`");
}

/// Whatever a program includes beside it has names of its own.
#[test]
fn every_macro_has_the_prefix() {
    let header = committed_header();
    let macros = header.lines().filter_map(|line| line.strip_prefix("#define "));
    for name in macros.map(|rest| rest.split([' ', '(']).next().unwrap()) {
        assert!(name.starts_with("SCRAMTOKEN_"), "#define {name}");
    }
}

/// What the header, the manual, CMake and the SONAME say of versions is one thing.
#[test]
fn versions_agree() {
    let header = committed_header();
    let number = |name: &str| {
        let line = header.lines().find_map(|line| line.strip_prefix(&format!("#define {name} ")));
        line.unwrap_or_else(|| panic!("{name} is missing")).trim().to_owned()
    };
    let version =
        ["MAJOR", "MINOR", "PATCH"].map(|part| number(&format!("SCRAMTOKEN_VERSION_{part}")));
    assert_eq!(version.join("."), env!("CARGO_PKG_VERSION"));

    let read = |path: &str| std::fs::read_to_string(root().join(path)).unwrap();
    // ABI version 1 began with 0.1.0, and its SONAME has the number 0: both go up at once.
    assert_eq!(number("SCRAMTOKEN_ABI_VERSION"), "1");
    for (path, text) in [
        ("build.rs", "-soname,libscramtoken.so.0"),
        ("Makefile", "SONAME := libscramtoken.so.0"),
        ("packaging/scramtokenConfig.cmake.in", "libscramtoken.so.0"),
        ("packaging/scramtokenConfigVersion.cmake.in", "ABI version 1 began with 0.1.0"),
        ("docs/c-api.md", "ABI version 1 began with 0.1.0"),
        ("python/scramtoken/_library.py", "\nABI_VERSION = 1\n"),
    ] {
        assert!(read(path).contains(text), "{path} does not say {text:?}");
    }
}

#[test]
fn the_library_exports_what_the_header_declares() {
    let library = std::env::var_os("SCRAMTOKEN_LIBRARY")
        .map_or_else(|| root().join("target/release/libscramtoken.so"), Into::into);
    let output = Command::new("nm").args(["-D", "--defined-only"]).arg(&library).output().unwrap();
    assert!(output.status.success(), "nm {}: run `make lib` first", library.display());
    let exported: BTreeSet<String> = String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .filter_map(|line| line.split_whitespace().last())
        .map(str::to_owned)
        .collect();
    let mut declared = declared_functions(&committed_header());
    declared.extend(OTHER_DOORS.map(str::to_owned));
    assert!(declared.len() > 40, "the header was not read well: {declared:?}");
    assert_eq!(exported, declared);
}
