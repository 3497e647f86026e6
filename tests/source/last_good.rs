//! What serves while a file cannot be read.

use std::fs;
use std::path::Path;

use scramtoken::{Error, Source, Status};

use crate::{NOW, directory, log_in, name_of, put, set_mode, source, token_json};

/// The name of a login, and whether it came with the warning that a last good credential serves.
fn served(source: &Source, now_ms: i64) -> Result<(String, bool), Error> {
    let login = source.log_in(now_ms)?;
    if let Some(warning) = &login.warning {
        assert!(warning.contains("logins use the last good credential"), "{warning}");
        assert!(!warning.contains("hmac-of"), "{warning}");
    }
    Ok((name_of(&login).0, login.warning.is_some()))
}

fn damage(path: &Path) {
    put(path, "{\"token_id\": \"", 0o600);
}

#[test]
fn a_token_serves_until_its_expiry() {
    let dir = directory();
    let path = dir.path().join("token.json");
    let source = source("file", &path);
    put(&path, token_json("one", NOW + 1000), 0o600);
    assert_eq!(served(&source, NOW).unwrap(), ("one".into(), false));
    fs::remove_file(&path).unwrap();
    assert_eq!(served(&source, NOW).unwrap(), ("one".into(), true));
    assert_eq!(served(&source, NOW + 1000).unwrap(), ("one".into(), false));
    assert_eq!(source.token(NOW).unwrap().id, "one");
    // Then it is the missing file that is to be mended.
    let error = served(&source, NOW + 1001).unwrap_err();
    assert_eq!(error.status(), Status::IO);
    assert!(error.text().contains(path.to_str().unwrap()), "{error}");
}

#[test]
fn each_damage_is_told_once() {
    let dir = directory();
    let path = dir.path().join("token.json");
    let source = source("file", &path);
    for _ in 0..2 {
        put(&path, token_json("id", "null"), 0o600);
        assert_eq!(served(&source, NOW).unwrap(), ("id".into(), false));
        damage(&path);
        // Looking at the token is not the login that is told.
        assert_eq!(source.token(NOW).unwrap().id, "id");
        assert_eq!(served(&source, NOW).unwrap(), ("id".into(), true));
        assert_eq!(served(&source, i64::MAX).unwrap(), ("id".into(), false));
        fs::remove_file(&path).unwrap();
        assert_eq!(served(&source, NOW).unwrap(), ("id".into(), false));
    }
}

#[test]
fn a_password_serves_until_the_file_is_mended() {
    let dir = directory();
    let path = dir.path().join("user.json");
    let source = source("file", &path);
    put(&path, r#"{"username": "alice", "password": "p"}"#, 0o600);
    assert_eq!(served(&source, NOW).unwrap(), ("alice".into(), false));
    damage(&path);
    assert_eq!(served(&source, i64::MAX).unwrap(), ("alice".into(), true));
    put(&path, token_json("id", "null"), 0o600);
    assert_eq!(served(&source, NOW).unwrap(), ("id".into(), false));
}

#[test]
fn without_a_good_one_the_damage_is_the_error() {
    let dir = directory();
    let path = dir.path().join("token.json");
    let source = source("file", &path);
    assert_eq!(log_in(&source).unwrap_err().status(), Status::IO);
    damage(&path);
    assert_eq!(log_in(&source).unwrap_err().status(), Status::CORRUPT);
}

#[test]
fn exposure_and_expiry_are_never_passed_over() {
    let dir = directory();
    let path = dir.path().join("token.json");
    let source = source("file", &path);
    put(&path, token_json("id", NOW), 0o600);
    assert!(log_in(&source).is_ok());
    set_mode(&path, 0o644);
    for _ in 0..2 {
        assert_eq!(log_in(&source).unwrap_err().status(), Status::PERMISSIONS);
        assert_eq!(source.token(NOW).unwrap_err().status(), Status::PERMISSIONS);
    }
    put(&path, token_json("older", NOW - 1), 0o600);
    assert_eq!(log_in(&source).unwrap_err().status(), Status::TOKEN_EXPIRED);
}

#[test]
fn a_directory_falls_back_as_a_file_does() {
    let dir = directory();
    let source = source("dir", dir.path());
    put(&dir.path().join("token-id"), "id", 0o600);
    put(&dir.path().join("token-hmac"), "hmac-of-id", 0o600);
    assert_eq!(served(&source, NOW).unwrap(), ("id".into(), false));
    fs::remove_file(dir.path().join("token-hmac")).unwrap();
    assert_eq!(served(&source, NOW).unwrap(), ("id".into(), true));
}

#[test]
fn the_host_is_asked_and_nothing_else() {
    let answers = parking_lot::Mutex::new(vec![
        Err(Error::new(Status::IO, "the host's own words")),
        Ok(scramtoken::CurrentCredential::Token(scramtoken::Token::new(b"id", b"h").unwrap())),
    ]);
    let source = Source::from_callback(move || answers.lock().pop().unwrap(), [7; 32]);
    assert_eq!(log_in(&source).unwrap(), ("id".into(), true));
    assert_eq!(log_in(&source).unwrap_err().text(), "the host's own words");
}
