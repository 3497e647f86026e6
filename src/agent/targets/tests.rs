//! What targets leave behind, on a real file system and with real processes.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::time::Instant;

use super::*;
use crate::agent::config::parse_target;
use crate::source::Source;
use crate::status::Status;

fn publication(id: &str) -> Publication {
    let mut token = Token::new(id.as_bytes(), b"aG1hYw==").unwrap();
    (token.owner, token.issue_ms) = (Some("User:alice".to_owned()), Some(1_000));
    (token.expiry_ms, token.max_ms) = (Some(2_000), Some(3_000));
    Publication {
        name: "test".to_owned(),
        token,
        mechanism: Mechanism::ScramSha256,
        protocol: "SASL_SSL",
    }
}

fn target(keys: &str) -> Target {
    parse_target(keys).unwrap()
}

fn read(uri: &str) -> (String, String) {
    let token = Source::open(uri, [0; 32]).unwrap().token(1_500).unwrap();
    (token.id, token.hmac.unwrap().to_string())
}

#[test]
fn a_file_is_written_once_and_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    for kind in ["file", "properties"] {
        let path = directory.path().join(kind);
        let target = target(&format!("{kind} = {path:?}"));
        assert_eq!(target.deliver(&publication("a")), Ok(Delivered::Changed));
        let first = fs::metadata(&path).unwrap();
        assert_eq!(first.permissions().mode() & 0o7777, 0o600);
        assert_eq!(target.deliver(&publication("a")), Ok(Delivered::Unchanged));
        assert_eq!(fs::metadata(&path).unwrap().ino(), first.ino());
        assert_eq!(target.deliver(&publication("b")), Ok(Delivered::Changed));
        let uri = format!("file:{}", path.display());
        assert_eq!(read(&uri), ("b".to_owned(), "aG1hYw==".to_owned()));
        // What others did to it is mended.
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        assert_eq!(target.deliver(&publication("b")), Ok(Delivered::Changed));
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o600);
        fs::remove_file(&path).unwrap();
        symlink("/etc/passwd", &path).unwrap();
        assert_eq!(target.deliver(&publication("b")), Ok(Delivered::Changed));
        assert!(fs::symlink_metadata(&path).unwrap().is_file());
    }
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 2);
}

#[test]
fn only_the_token_file_tells_a_renewal() {
    let directory = tempfile::tempdir().unwrap();
    let mut renewed = publication("a");
    renewed.token.expiry_ms = Some(2_500);
    for (keys, expected) in [
        ("file", Delivered::Changed),
        ("properties", Delivered::Unchanged),
        ("directory", Delivered::Unchanged),
        ("cluster = \"c\"\nhadoop", Delivered::Unchanged),
    ] {
        let path = directory.path().join(expected_name(keys));
        let target = target(&format!("{keys} = {path:?}"));
        target.deliver(&publication("a")).unwrap();
        assert_eq!(target.deliver(&renewed), Ok(expected), "{keys}");
    }
}

fn expected_name(keys: &str) -> &str {
    keys.rsplit('\n').next().unwrap()
}

#[test]
fn a_mode_for_a_group() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("file");
    let group = fs::metadata(directory.path()).unwrap().gid();
    let target = target(&format!("file = {path:?}\nmode = \"0640\"\ngroup = \"{group}\""));
    assert_eq!(target.deliver(&publication("a")), Ok(Delivered::Changed));
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o640);
    assert_eq!(target.deliver(&publication("a")), Ok(Delivered::Unchanged));
}

#[test]
fn a_directory_in_the_kubelets_manner() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("token");
    let target = target(&format!("directory = {path:?}\nmode = \"0440\""));
    let uri = format!("dir:{}", path.display());
    for id in ["a", "b", "c"] {
        assert_eq!(target.deliver(&publication(id)), Ok(Delivered::Changed));
        let before = fs::read_link(path.join("..data")).unwrap();
        assert_eq!(target.deliver(&publication(id)), Ok(Delivered::Unchanged));
        assert_eq!(fs::read_link(path.join("..data")).unwrap(), before);
        assert_eq!(read(&uri), (id.to_owned(), "aG1hYw==".to_owned()));
        assert_eq!(fs::read_to_string(path.join("token-id")).unwrap(), id);
        let mode = fs::metadata(path.join("token-hmac")).unwrap().permissions().mode();
        assert_eq!(mode & 0o7777, 0o440);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o550 | 0o700);
        // One generation, ..data and a link for each file.
        assert_eq!(fs::read_dir(&path).unwrap().count(), 4);
    }
    fs::remove_dir_all(&path).unwrap();
    assert_eq!(target.deliver(&publication("c")), Ok(Delivered::Changed));
}

#[test]
fn a_directory_of_somebody_else_is_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    let target = target(&format!("directory = {path:?}"));
    fs::write(path.join("token-id"), "theirs").unwrap();
    let error = target.deliver(&publication("a")).unwrap_err();
    assert_eq!(error.status(), Status::PERMISSIONS);
    assert!(error.text().contains("token-id: it is no symbolic link"), "{error}");
    fs::remove_file(path.join("token-id")).unwrap();
    symlink("..2026_01_01", path.join("..data")).unwrap();
    let error = target.deliver(&publication("a")).unwrap_err();
    assert!(error.text().contains("the kubelet"), "{error}");
    assert_eq!(fs::read_dir(path).unwrap().count(), 1);
}

#[test]
fn a_place_that_is_gone_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let gone = directory.path().join("gone");
    for keys in ["file", "properties", "directory", "cluster = \"c\"\nhadoop"] {
        let path = gone.join("x");
        let error = target(&format!("{keys} = {path:?}")).deliver(&publication("a")).unwrap_err();
        assert_eq!(error.status(), Status::IO);
        assert!(error.text().contains(gone.to_str().unwrap()), "{error}");
        assert!(error.text().contains("No such file or directory"), "{error}");
    }
}

#[test]
fn a_command_gets_the_token_by_standard_input() {
    let directory = tempfile::tempdir().unwrap();
    let out = directory.path().join("out");
    let script = format!(
        "umask 077; cat >{0} && test $SCRAMTOKEN_TOKEN_NAME$SCRAMTOKEN_TOKEN_ID = testa",
        out.display()
    );
    let target = target(&format!("command = [\"sh\", \"-c\", {script:?}]"));
    assert_eq!(target.deliver(&publication("a")), Ok(Delivered::Changed));
    let source = Source::open(&format!("file:{}", out.display()), [0; 32]).unwrap();
    assert!(matches!(source.token(1_500), Ok(token) if token.id == "a"));
    assert!(matches!(source.log_in(1_500).map(|login| login.credential.is_token()), Ok(true)));
}

#[test]
fn a_command_that_fails_or_hangs_is_an_error() {
    for (command, expected) in [
        ("[\"sh\", \"-c\", \"exit 3\"]", "sh: it exited with 3"),
        ("[\"sh\", \"-c\", \"kill -9 $$\"]", "sh: signal 9 ended it"),
        // No such file; in QEMU's user mode it exited with 127.
        ("\"/no/such/program\"", "/no/such/program: "),
        ("[\"sh\", \"-c\", \"sleep 60 & sleep 60\"]", "sh: it was stopped after its timeout of 0s"),
    ] {
        let begin = Instant::now();
        let target = target(&format!("timeout = \"300ms\"\ncommand = {command}"));
        let error = target.deliver(&publication("a")).unwrap_err();
        assert!(error.text().starts_with(expected), "{error}");
        assert!(begin.elapsed().as_secs() < 10);
    }
}

#[test]
fn a_signal_reaches_the_process_of_the_file() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("pid");
    let target = target(&format!("signal = \"TERM\"\npid_file = {path:?}"));
    let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
    fs::write(&path, format!("{}\n", child.id())).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    assert_eq!(target.deliver(&publication("a")), Ok(Delivered::Changed));
    assert!(!child.wait().unwrap().success());
    let error = target.deliver(&publication("a")).unwrap_err();
    assert!(error.text().contains("No such process"), "{error}");
    for text in ["", "0", "1", "-7", "x"] {
        fs::write(&path, text).unwrap();
        let error = target.deliver(&publication("a")).unwrap_err();
        assert!(error.text().contains("there is no process id in it"), "{error}");
    }
    fs::set_permissions(&path, fs::Permissions::from_mode(0o666)).unwrap();
    assert_eq!(target.deliver(&publication("a")).unwrap_err().status(), Status::PERMISSIONS);
}
