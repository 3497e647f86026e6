//! `dir:`: Kubernetes mounts, and plain directories.

use std::fs;
use std::os::unix::fs::{chown, lchown, symlink};
use std::path::{Path, PathBuf};

use scramtoken::Status;
use tempfile::TempDir;

use crate::{NOW, directory, hmac_of, log_in, name_of, put, set_mode, source};

/// A mount as the kubelet makes it: a generation, and the links to it.
fn mount(files: &[(&str, &str)]) -> (TempDir, PathBuf) {
    let dir = directory();
    let generation = dir.path().join("..2026_11_23_10_00_00.123456789");
    fs::create_dir(&generation).unwrap();
    symlink(generation.file_name().unwrap(), dir.path().join("..data")).unwrap();
    for (name, text) in files {
        put(&generation.join(name), text, 0o644);
        symlink(Path::new("..data").join(name), dir.path().join(name)).unwrap();
    }
    set_mode(dir.path(), 0o1777);
    (dir, generation)
}

const TOKEN: [(&str, &str); 2] = [("token-id", "id"), ("token-hmac", "hmac-of-id")];

#[test]
fn a_mount_may_be_readable_and_warns_once() {
    let (dir, generation) = mount(&TOKEN);
    let source = source("dir", dir.path());
    let first = source.log_in(NOW).unwrap();
    assert_eq!(name_of(&first), ("id".into(), true));
    let warning = first.warning.unwrap();
    assert!(warning.contains("(mode 0644)") && warning.contains("defaultMode"), "{warning}");
    assert!(!warning.contains("hmac-of"), "{warning}");
    assert_eq!(source.log_in(NOW).unwrap().warning, None);

    // With an fsGroup the kubelet gives the files to that group, and that is no exposure.
    for (name, _) in TOKEN {
        set_mode(&generation.join(name), 0o440);
    }
    let source = crate::source("dir", dir.path());
    assert_eq!(source.log_in(NOW).unwrap().warning, None);
}

#[test]
fn nobody_else_may_write_a_mount() {
    let (dir, generation) = mount(&TOKEN);
    for mode in [0o666, 0o664, 0o646, 0o622] {
        set_mode(&generation.join("token-hmac"), mode);
        let error = log_in(&source("dir", dir.path())).unwrap_err();
        assert_eq!(error.status(), Status::PERMISSIONS);
        assert!(error.text().contains("token-hmac: others may write it"), "{error}");
    }
    set_mode(&generation.join("token-hmac"), 0o644);
    for path in [generation.join("token-hmac"), generation.clone()] {
        chown(&path, Some(12345), None).expect("only root can give a file away: run as root");
        let error = log_in(&source("dir", dir.path())).unwrap_err();
        assert_eq!(error.status(), Status::PERMISSIONS);
        assert!(error.text().contains("12345"), "{error}");
        chown(&path, Some(0), None).unwrap();
    }
    assert!(log_in(&source("dir", dir.path())).is_ok());
}

/// The generation, or the volume where that is not sticky: whoever may write there chooses the secret.
#[test]
fn nobody_else_may_write_to_the_directories_of_a_mount() {
    let (dir, generation) = mount(&TOKEN);
    for mode in [0o777, 0o775, 0o757, 0o1777] {
        set_mode(&generation, mode);
        let error = log_in(&source("dir", dir.path())).unwrap_err();
        assert_eq!(error.status(), Status::PERMISSIONS);
        let text = format!("..data: others may write to this directory (mode {mode:04o}): chmod");
        assert!(error.text().contains(&text), "{error}");
    }
    set_mode(&generation, 0o755);
    for (mode, is_taken) in [(0o777, false), (0o770, false), (0o1777, true), (0o3775, true)] {
        set_mode(dir.path(), mode);
        assert_eq!(log_in(&source("dir", dir.path())).is_ok(), is_taken, "{mode:o}");
    }
    set_mode(dir.path(), 0o1777);
    lchown(dir.path().join("..data"), Some(12345), None).unwrap();
    let error = log_in(&source("dir", dir.path())).unwrap_err();
    assert_eq!(error.status(), Status::PERMISSIONS);
    assert!(error.text().contains("..data: it belongs to user 12345"), "{error}");
}

/// A file of a volume is read through the kubelet's links, by the rule of `dir:`.
#[test]
fn a_file_of_a_mount_is_read_through_its_links() {
    let json = crate::token_json("id", NOW);
    let (dir, generation) = mount(&[("token.json", &json)]);
    let below = generation.join("below");
    fs::create_dir(&below).unwrap();
    put(&below.join("token.json"), &json, 0o644);
    symlink("..data/below", dir.path().join("below")).unwrap();
    let path = |path: &str| dir.path().join(path);
    let all = ["token.json", "..data/token.json", "below/token.json", "..data/below/token.json"];
    for path in all.map(path) {
        let source = source("file", &path);
        let first = source.log_in(NOW).unwrap();
        assert_eq!(name_of(&first), ("id".into(), true));
        assert!(first.warning.unwrap().contains("(mode 0644): set the volume's defaultMode"));
        assert_eq!(source.log_in(NOW).unwrap().warning, None);
    }
    for (mode, changed) in [(0o666, &generation.join("token.json")), (0o777, &generation)] {
        let before = fs::metadata(changed).unwrap().permissions();
        set_mode(changed, mode);
        for path in [path("token.json"), path("..data/token.json")] {
            let error = log_in(&source("file", &path)).unwrap_err();
            assert_eq!(error.status(), Status::PERMISSIONS, "{error}");
        }
        fs::set_permissions(changed, before).unwrap();
    }
    set_mode(&below, 0o777);
    for path in [path("below/token.json"), path("..data/below/token.json")] {
        assert_eq!(log_in(&source("file", &path)).unwrap_err().status(), Status::PERMISSIONS);
    }
    // A link elsewhere is not followed, and neither is one that is not the kubelet's.
    symlink("/etc/passwd", generation.join("elsewhere")).unwrap();
    symlink("..data/elsewhere", dir.path().join("elsewhere")).unwrap();
    symlink("..data/token.json", dir.path().join("other.json")).unwrap();
    for path in [path("elsewhere"), path("other.json")] {
        let error = log_in(&source("file", &path)).unwrap_err();
        assert_eq!(error.status(), Status::PERMISSIONS);
        assert!(error.text().contains("symbolic link"), "{error}");
    }
    // While the volume is being made, what is missing is missing, and nobody's fault.
    fs::remove_file(path("..data")).unwrap();
    assert_eq!(log_in(&source("file", &path("token.json"))).unwrap_err().status(), Status::IO);
}

#[test]
fn a_plain_directory_is_held_to_the_strict_rule() {
    let dir = directory();
    for (name, text) in TOKEN {
        put(&dir.path().join(name), text, 0o600);
    }
    assert_eq!(log_in(&source("dir", dir.path())).unwrap(), ("id".into(), true));
    set_mode(&dir.path().join("token-id"), 0o644);
    let error = log_in(&source("dir", dir.path())).unwrap_err();
    assert_eq!(error.status(), Status::PERMISSIONS);
    let mend = format!("chmod 600 {}", dir.path().join("token-id").display());
    assert!(error.text().contains(&mend), "{error}");
    fs::remove_file(dir.path().join("token-id")).unwrap();
    symlink("token-hmac", dir.path().join("token-id")).unwrap();
    assert_eq!(log_in(&source("dir", dir.path())).unwrap_err().status(), Status::PERMISSIONS);
}

#[test]
fn one_line_end_is_none_of_the_text() {
    for (id, hmac) in [("id\n", "hmac-of-id\n"), ("id\r\n", "hmac-of-id\r\n"), ("id", "hmac-of-id")]
    {
        let (dir, _) = mount(&[("token-id", id), ("token-hmac", hmac)]);
        let token = source("dir", dir.path()).token(NOW).unwrap();
        assert_eq!(token.id, "id");
        assert_eq!(token.hmac.unwrap().as_str(), hmac_of("id"));
    }
    let (dir, _) = mount(&[("token-id", "id"), ("token-hmac", "hmac-of-id\n\n")]);
    assert_eq!(log_in(&source("dir", dir.path())).unwrap_err().status(), Status::CORRUPT);
}

#[test]
fn a_byte_order_mark_is_none_of_the_text() {
    let (dir, _) = mount(&[("token-id", "\u{feff}id"), ("token-hmac", "\u{feff}hmac-of-id\r\n")]);
    let token = source("dir", dir.path()).token(NOW).unwrap();
    assert_eq!((token.id.as_str(), token.hmac.unwrap().as_str()), ("id", hmac_of("id").as_str()));
    let (dir, generation) = mount(&[("username", "alice"), ("password", "p")]);
    put(&generation.join("password"), b"\xff\xfep\0", 0o644);
    let error = log_in(&source("dir", dir.path())).unwrap_err();
    assert_eq!(error.status(), Status::CORRUPT);
    assert!(error.text().contains("password: its byte order mark"), "{error}");
}

#[test]
fn a_user_and_a_password() {
    let (dir, _) = mount(&[("username", "alice"), ("password", "pa ss\n")]);
    let source = source("dir", dir.path());
    assert_eq!(log_in(&source).unwrap(), ("alice".into(), false));
    assert_eq!(source.token(NOW).unwrap_err().status(), Status::TOKEN_NOT_FOUND);
}

#[test]
fn what_is_missing_empty_or_double_is_named() {
    let rows: [(&[(&str, &str)], &str); 9] = [
        (&[], "neither token-id and token-hmac nor username and password"),
        (&[("token-id", "id")], "token-id is there without token-hmac"),
        (&[("token-hmac", "s3cret")], "token-hmac is there without token-id"),
        (&[("username", "alice")], "username is there without password"),
        (&[("password", "s3cret")], "password is there without username"),
        (&[("token-id", "\n"), ("token-hmac", "s3cret")], "token-id is empty"),
        (&[("token-id", "id"), ("token-hmac", "")], "token-hmac is empty"),
        (&[("token-id", "\u{0}"), ("token-hmac", "s3cret")], "token-id and token-hmac:"),
        (
            &[("token-id", "id"), ("token-hmac", "s3cret"), ("password", "s3cret")],
            "of a token and of a password",
        ),
    ];
    for (files, text) in rows {
        let (dir, _) = mount(files);
        let error = log_in(&source("dir", dir.path())).unwrap_err();
        assert_eq!(error.status(), Status::CORRUPT, "{error}");
        assert!(error.text().contains(text), "{error}");
        assert!(error.text().contains(dir.path().to_str().unwrap()), "{error}");
        assert!(!error.text().contains("s3cret"), "{error}");
    }
}

#[test]
fn data_points_to_a_directory_beside_it() {
    for target in ["/etc", "..", ".", "../etc", "x/y", "generation/../generation"] {
        let (dir, generation) = mount(&TOKEN);
        fs::rename(generation, dir.path().join("generation")).unwrap();
        fs::remove_file(dir.path().join("..data")).unwrap();
        symlink(target, dir.path().join("..data")).unwrap();
        let error = log_in(&source("dir", dir.path())).unwrap_err();
        assert_eq!(error.status(), Status::CORRUPT, "{target}: {error}");
        assert!(error.text().contains("..data"), "{error}");
    }
    let (dir, generation) = mount(&TOKEN);
    fs::remove_dir_all(generation).unwrap();
    assert_eq!(log_in(&source("dir", dir.path())).unwrap_err().status(), Status::IO);
    fs::remove_file(dir.path().join("..data")).unwrap();
    fs::create_dir(dir.path().join("..data")).unwrap();
    assert_eq!(log_in(&source("dir", dir.path())).unwrap_err().status(), Status::CORRUPT);
}

#[test]
fn what_is_no_directory_is_refused() {
    let dir = directory();
    let (file, link) = (dir.path().join("file"), dir.path().join("link"));
    put(&file, "x", 0o600);
    assert_eq!(log_in(&source("dir", &file)).unwrap_err().status(), Status::CORRUPT);
    assert_eq!(log_in(&source("dir", &dir.path().join("no"))).unwrap_err().status(), Status::IO);
    let (mount, _) = mount(&TOKEN);
    symlink(mount.path(), &link).unwrap();
    for path in [link.clone(), link.join("")] {
        assert_eq!(log_in(&source("dir", &path)).unwrap_err().status(), Status::PERMISSIONS);
    }
}
