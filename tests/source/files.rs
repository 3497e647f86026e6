//! `file:`: which files are read, and what is said of the others.

use std::fs;
use std::os::unix::fs::{chown, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::time::{Duration, Instant};

use scramtoken::{Error, Source, Status};

use crate::{NOW, directory, hmac_of, log_in, put, set_mode, source, token_json};

/// The file's error, which must name it and not hold the secret.
fn refusal(path: &Path) -> Error {
    let error = log_in(&source("file", path)).unwrap_err();
    assert!(error.text().starts_with(&format!("{}: ", path.display())), "{error}");
    assert!(!error.text().contains("hmac-of"), "{error}");
    error
}

#[test]
fn a_file_is_read_at_each_login() {
    let dir = directory();
    let path = dir.path().join("token.json");
    let source = source("file", &path);
    put(&path, token_json("one", NOW), 0o600);
    assert_eq!(log_in(&source).unwrap(), ("one".into(), true));
    put(&path, token_json("two", "null"), 0o400);
    assert_eq!(log_in(&source).unwrap(), ("two".into(), true));
    put(&path, r#"{"username": "alice", "password": "p"}"#, 0o600);
    assert_eq!(log_in(&source).unwrap(), ("alice".into(), false));
    assert_eq!(source.token(NOW).unwrap_err().status(), Status::TOKEN_NOT_FOUND);
    put(
        &path,
        "sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required \
         username=three password=h tokenauth=true;",
        0o600,
    );
    assert_eq!(log_in(&source).unwrap(), ("three".into(), true));
}

#[test]
fn a_token_past_its_expiry_is_not_sent() {
    let dir = directory();
    let path = dir.path().join("token.json");
    let source = source("file", &path);
    put(&path, token_json("id", NOW), 0o600);
    assert!(source.log_in(NOW).is_ok());
    let error = source.log_in(NOW + 5000).unwrap_err();
    assert_eq!(error.status(), Status::TOKEN_EXPIRED);
    assert!(error.text().contains("the token \"id\" expired 5 s ago"), "{error}");
    // To look at, it is there.
    let token = source.token(NOW + 5000).unwrap();
    assert_eq!(token.expiry_ms, Some(NOW));
    assert_eq!(token.hmac.unwrap().as_str(), hmac_of("id"));
}

#[test]
fn nobody_else_may_have_rights_on_it() {
    let dir = directory();
    let path = dir.path().join("token.json");
    put(&path, token_json("id", NOW), 0o600);
    for mode in [0o600, 0o400, 0o700] {
        set_mode(&path, mode);
        assert!(log_in(&source("file", &path)).is_ok(), "{mode:o}");
    }
    for mode in [0o644, 0o640, 0o604, 0o620, 0o602, 0o610, 0o601, 0o666, 0o777] {
        set_mode(&path, mode);
        let error = refusal(&path);
        assert_eq!(error.status(), Status::PERMISSIONS);
        let mend = format!("(mode 0{mode:o}): chmod 600 {}", path.display());
        assert!(error.text().ends_with(&mend), "{error}");
    }
}

#[test]
fn it_belongs_to_the_user_or_to_root() {
    let dir = directory();
    let path = dir.path().join("token.json");
    put(&path, token_json("id", NOW), 0o600);
    chown(&path, Some(12345), None).expect("only root can give a file away: run as root");
    let error = refusal(&path);
    assert_eq!(error.status(), Status::PERMISSIONS);
    assert!(error.text().contains("belongs to user 12345"), "{error}");
    chown(&path, Some(0), Some(12345)).unwrap();
    assert!(log_in(&source("file", &path)).is_ok());
}

#[test]
fn a_link_at_the_last_step_is_not_followed() {
    let dir = directory();
    let (real, link) = (dir.path().join("real"), dir.path().join("link"));
    put(&real, token_json("id", NOW), 0o600);
    symlink(&real, &link).unwrap();
    for path in [link.clone(), link.join("."), link.join("")] {
        let error = log_in(&source("file", &path)).unwrap_err();
        assert_eq!(error.status(), Status::PERMISSIONS);
        assert!(error.text().contains("symbolic link"), "{error}");
    }
    // Before the last step links are the system's own affair.
    let (below, beside) = (dir.path().join("below"), dir.path().join("beside"));
    fs::create_dir(&below).unwrap();
    fs::rename(&real, below.join("real")).unwrap();
    symlink(&below, &beside).unwrap();
    assert!(log_in(&source("file", &beside.join("real"))).is_ok());
}

#[test]
fn a_file_with_a_second_name_is_refused() {
    let dir = directory();
    let (path, other) = (dir.path().join("token.json"), dir.path().join("other"));
    put(&path, token_json("id", NOW), 0o600);
    fs::hard_link(&path, &other).unwrap();
    let error = refusal(&path);
    assert_eq!(error.status(), Status::PERMISSIONS);
    assert!(error.text().contains("2 names"), "{error}");
    fs::remove_file(&other).unwrap();
    assert!(log_in(&source("file", &path)).is_ok());
}

#[test]
fn what_is_no_file_is_corrupt_and_never_blocks() {
    let dir = directory();
    let fifo = dir.path().join("fifo");
    assert!(std::process::Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    set_mode(&fifo, 0o600);
    let before = Instant::now();
    for (path, what) in [
        (fifo.as_path(), "a FIFO"),
        (dir.path(), "a directory"),
        (Path::new("/dev/zero"), "a device"),
        (Path::new("/"), "a directory"),
    ] {
        let error = refusal(path);
        assert_eq!(error.status(), Status::CORRUPT);
        assert!(error.text().contains(&format!("it is {what}, and a regular file")), "{error}");
    }
    let socket = dir.path().join("socket");
    let _listener = UnixListener::bind(&socket).unwrap();
    assert_eq!(refusal(&socket).status(), Status::IO);
    assert!(before.elapsed() < Duration::from_secs(5));
}

#[test]
fn what_cannot_be_read_is_io() {
    let dir = directory();
    let file = dir.path().join("file");
    put(&file, "", 0o600);
    for path in [dir.path().join("none"), dir.path().join("none/none"), file.join("below")] {
        assert_eq!(refusal(&path).status(), Status::IO);
    }
    let long = dir.path().join("x".repeat(300));
    assert_eq!(refusal(&long).status(), Status::IO);
}

#[test]
fn what_is_damaged_is_corrupt() {
    let dir = directory();
    let path = dir.path().join("token.json");
    let whole = token_json("id", NOW);
    let mut texts: Vec<Vec<u8>> =
        (0..whole.len()).map(|len| whole.as_bytes()[..len].into()).collect();
    texts.push(vec![0; 4096]);
    texts.push(b"{\"token_id\": \"id\", \"hmac\": \"hmac-of-\xff\"}".to_vec());
    for text in texts {
        put(&path, &text, 0o600);
        assert_eq!(refusal(&path).status(), Status::CORRUPT, "{text:?}");
    }
}

#[test]
fn a_file_has_at_most_64_kib() {
    let dir = directory();
    let path = dir.path().join("token.json");
    let json = |len| {
        let mut json = token_json("id", NOW).into_bytes();
        json.resize(len, b' ');
        json
    };
    put(&path, json(65536), 0o600);
    assert!(log_in(&source("file", &path)).is_ok());
    put(&path, json(65537), 0o600);
    assert_eq!(refusal(&path).status(), Status::CORRUPT);
    put(&path, vec![b' '; 100 << 20], 0o600);
    assert!(refusal(&path).text().contains("65536"));
    // So large that nobody could read it whole.
    fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(1 << 40).unwrap();
    assert_eq!(refusal(&path).status(), Status::CORRUPT);
}

#[test]
fn other_uris_are_invalid() {
    for uri in [
        "",
        ":",
        "file",
        "/run/token",
        "file:",
        "file:token.json",
        "dir:",
        "dir:here",
        "file:\0",
        "file:/a\0b",
        "env",
        "env:KAFKA",
        "http://host/token",
        "FILE:/a",
        " file:/a",
    ] {
        let error = Source::open(uri, [7; 32]).unwrap_err();
        assert_eq!(error.status(), Status::INVALID_ARGUMENT, "{uri:?}");
    }
    for uri in ["", "http://host/token", "/run/token"] {
        let error = Source::open(uri, [7; 32]).unwrap_err();
        assert!(error.text().contains("file:/path, dir:/path or env:"), "{error}");
    }
}

#[test]
fn descriptors_are_closed() {
    let dir = directory();
    let path = dir.path().join("token.json");
    let open = || fs::read_dir("/proc/self/fd").unwrap().count();
    put(&path, token_json("id", NOW), 0o600);
    let (file, directory) = (source("file", &path), source("dir", dir.path()));
    let before = open();
    for _ in 0..2000 {
        let _ = log_in(&file);
        let _ = log_in(&directory);
    }
    // Other tests of this program open and close theirs meanwhile.
    assert!(open() < before + 500);
}
