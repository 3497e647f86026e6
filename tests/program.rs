//! What the program says of itself: help, completions, man pages.
#![allow(clippy::unwrap_used, reason = "a test may")]

use std::process::{Command, Output};

const COMMANDS: [&str; 8] =
    ["delegation-tokens", "configs", "store", "login", "explain", "agent", "completions", "man"];

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

/// Whatever is typed may be a secret, or a piece of one that was not quoted for the shell.
#[test]
fn nothing_that_was_typed_is_in_an_error() {
    let alter = ["configs", "--store", "lmdb:/nowhere/store", "--alter", "--user", "alice"];
    let create = ["delegation-tokens", "--store", "lmdb:/nowhere/store", "--as", "User:alice"];
    let rows: [(&[&str], &[&str], i32); 22] = [
        (&alter, &["--add-config", "SCRAM-SHA-256=[password=my", "s3cret]"], 2),
        (&alter, &["--add-config", "SCRAM-SHA-256=[password=x]", "-s3cret"], 2),
        (&alter, &["--add-config", "SCRAM-SHA-256=[password=x]", "--s3cret"], 2),
        (&alter, &["--add-config", "s3cret"], 2),
        (&alter, &["--add-config", "s3cret=[password=x]"], 2),
        (&alter, &["--add-config", "SCRAM-SHA-256=[password=s3cret"], 2),
        (&alter, &["--add-config", "SCRAM-SHA-256=[iterations=s3cret,password=x]"], 2),
        (&alter, &["--delete-config", "s3cret"], 2),
        (&alter, &["--delete-config", "SCRAM-SHA-256,s3cret"], 2),
        (&alter, &["--delete-config", "SCRAM-SHA-256", "--output", "s3cret"], 2),
        (&alter, &["--delete-config", "SCRAM-SHA-256", "--password-file", "f", "s3cret"], 2),
        (&alter, &["--entity-type", "s3cret"], 2),
        (&alter, &["--passwrd=s3cret"], 2),
        (&create, &["--create", "--max-life-time-period", "s3cret"], 2),
        (&create, &["--create", "--max-life-time-period", "-1", "--owner-principal", "s3cret"], 2),
        (&create, &["--describe", "s3cret"], 2),
        (&create, &["--describe", "--secret-key-env", "s3cret"], 6),
        (&create, &["--describe", "--secret-key-env", "s3cret=name"], 6),
        (&create, &["--renew", "--renew-time-period", "-1", "--hmac", "s3-cret!"], 2),
        (&["login"], &["--bootstrap-server", "a:s3cret@b:1"], 2),
        (&["s3cret"], &[], 2),
        (&["man", "--out", "d", "s3cret"], &[], 2),
    ];
    for (command, rest, code) in rows {
        let output = run(&[command, rest].concat());
        let error = text(output.stderr);
        assert_eq!(output.status.code(), Some(code), "{command:?} {rest:?}: {error}");
        assert!(!error.is_empty(), "{command:?} {rest:?}");
        assert!(!error.contains("s3"), "{command:?} {rest:?}: {error}");
    }
    let error = text(run(&[&alter[..], &["--passwrd=s3cret"]].concat()).stderr);
    assert!(error.contains("'--passwrd'") && error.contains("--password-file"), "{error}");
}

#[test]
fn a_secret_key_that_is_no_text_is_not_in_the_error() {
    use std::os::unix::ffi::OsStrExt;

    let output = Command::new(env!("CARGO_BIN_EXE_scramtoken"))
        .args(["delegation-tokens", "--store", "lmdb:/nowhere/store", "--as", "User:alice"])
        .args(["--describe", "--secret-key-env", "SECRET_KEY"])
        .env("SECRET_KEY", std::ffi::OsStr::from_bytes(b"s3cret\xff"))
        .output()
        .unwrap();
    let error = text(output.stderr);
    assert_eq!(output.status.code(), Some(6), "{error}");
    assert!(error.contains("SECRET_KEY is not UTF-8") && !error.contains("s3cret"), "{error}");
}

/// As with Kafka's own tool.
#[test]
fn a_name_may_begin_with_a_dash() {
    let directory = tempfile::tempdir().unwrap();
    let password = directory.path().join("password");
    std::fs::write(&password, "x").unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    std::fs::set_permissions(&password, mode).unwrap();
    let store = format!("lmdb:{}/store", directory.path().display());
    let alter = ["configs", "--store", &store, "--alter", "--user", "-dash"];
    let rest = ["--add-config", "SCRAM-SHA-256=", "--password-file", password.to_str().unwrap()];
    let output = run(&[&alter[..], &rest].concat());
    assert!(output.status.success(), "{}", text(output.stderr));
    let output = run(&["configs", "--store", &store, "--describe", "--user", "-dash"]);
    assert!(text(output.stdout).contains("user-principal '-dash' are SCRAM-SHA-256"));
}

#[test]
fn errors_are_explained() {
    let explained = text(run(&["explain", "DELEGATION_TOKEN_OWNER_MISMATCH"]).stdout);
    assert!(explained.contains("log in as one of them"), "{explained}");
    assert_eq!(text(run(&["explain", "-1063"]).stdout), explained);
    let line = "scramtoken: RenewDelegationToken: DELEGATION_TOKEN_OWNER_MISMATCH: only";
    assert_eq!(text(run(&["explain", line]).stdout), explained);
    let unknown = run(&["explain", "HTTP_404"]);
    assert_eq!(unknown.status.code(), Some(2));
    assert!(text(unknown.stderr).contains("no error is known in \"HTTP_404\""));
}

/// Write it anew by `scramtoken explain > docs/troubleshooting.md`.
#[test]
fn the_page_of_errors_is_the_tables() {
    assert_eq!(text(run(&["explain"]).stdout), include_str!("../docs/troubleshooting.md"));
}
