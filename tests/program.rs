//! What the program says of itself: help, completions, man pages.
#![allow(clippy::unwrap_used, reason = "a test may")]

use std::process::{Command, Output};

const COMMANDS: [&str; 6] =
    ["delegation-tokens", "configs", "store", "login", "completions", "man"];

fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_scramtoken")).args(arguments).output().unwrap()
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap()
}

#[test]
fn help_names_every_command_and_exit_code() {
    let help = text(run(&["--help"]).stdout);
    for command in COMMANDS {
        assert!(help.contains(command), "{help}");
    }
    for code in 0..=6 {
        assert!(help.contains(&format!("\n  {code}  ")), "{help}");
    }
    let help = text(run(&["delegation-tokens", "--help"]).stdout);
    for option in [
        "--bootstrap-server",
        "--command-config",
        "--create",
        "--renew",
        "--expire",
        "--describe",
        "--owner-principal",
        "--renewer-principal",
        "--max-life-time-period",
        "--renew-time-period",
        "--expiry-time-period",
        "--hmac",
        "--hmac-file",
        "--output",
        "--out",
    ] {
        assert!(help.contains(option), "{option}");
    }
}

#[test]
fn every_command_tells_its_version() {
    for arguments in [&["--version"][..], &["delegation-tokens", "--version"]] {
        let output = run(arguments);
        assert!(output.status.success());
        assert!(text(output.stdout).contains(env!("CARGO_PKG_VERSION")));
    }
}

#[test]
fn a_wrong_command_line_exits_with_2() {
    for arguments in [&[][..], &["delegation-tokens"], &["no-such-command"]] {
        let output = run(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(output.stdout.is_empty());
    }
}

#[test]
fn completions_are_for_each_shell() {
    for shell in ["bash", "zsh", "fish"] {
        let script = text(run(&["completions", shell]).stdout);
        assert!(script.contains("delegation-tokens"), "{shell}");
        assert!(script.contains("max-life-time-period"), "{shell}");
    }
}

#[test]
fn a_man_page_for_each_command() {
    let directory = tempfile::tempdir().unwrap();
    let output = run(&["man", "--out", directory.path().to_str().unwrap()]);
    assert!(output.status.success(), "{}", text(output.stderr));
    for command in COMMANDS {
        let page = directory.path().join(format!("scramtoken-{command}.1"));
        assert!(std::fs::read_to_string(page).unwrap().contains(".TH"));
    }
    assert!(directory.path().join("scramtoken.1").exists());
    let output = run(&["man", "--out", "/no/such/directory"]);
    assert_eq!(output.status.code(), Some(6));
}
