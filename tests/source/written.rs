//! `write_secret_file`: what is left of it, whatever happens.

use std::fs;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{MetadataExt, chown, symlink};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use rustix::fs::Mode;
use rustix::process::umask;
use scramtoken::{Status, write_secret_file};

use crate::{
    Killed, NOW, child, child_argument, directory, log_in, name_of, put, set_mode, source,
    token_json, until_killed,
};

fn names(dir: &Path) -> Vec<String> {
    let names = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name());
    names.map(|name| name.into_string().unwrap()).collect()
}

#[test]
fn a_new_file_is_the_users_alone() {
    let dir = directory();
    let path = dir.path().join("token.json");
    for bytes in [b"first".as_slice(), b"second", b""] {
        write_secret_file(&path, bytes).unwrap();
        assert_eq!(fs::read(&path).unwrap(), bytes);
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o7777, 0o600);
    }
    assert_eq!(names(dir.path()), ["token.json"]);
    write_secret_file(&dir.path().join("x".repeat(255)), b"the longest name").unwrap();
}

#[test]
fn a_file_that_others_could_read_becomes_the_users_alone() {
    let dir = directory();
    let path = dir.path().join("token.json");
    put(&path, "old", 0o666);
    fs::hard_link(&path, dir.path().join("other")).unwrap();
    write_secret_file(&path, token_json("id", NOW).as_bytes()).unwrap();
    assert!(log_in(&source("file", &path)).is_ok());
    assert_eq!(fs::read(dir.path().join("other")).unwrap(), b"old");
}

#[test]
fn a_link_is_replaced_and_not_followed() {
    let dir = directory();
    let (path, target) = (dir.path().join("token.json"), dir.path().join("target"));
    put(&target, "old", 0o600);
    symlink(&target, &path).unwrap();
    write_secret_file(&path, b"new").unwrap();
    assert_eq!(fs::read(&target).unwrap(), b"old");
    assert!(fs::symlink_metadata(&path).unwrap().is_file());
}

#[test]
fn what_cannot_be_written_leaves_all_as_it_was() {
    let dir = directory();
    let (taken, foreign) = (dir.path().join("taken"), dir.path().join("foreign"));
    fs::create_dir(&taken).unwrap();
    put(&foreign, "old", 0o600);
    chown(&foreign, Some(12345), None).expect("only root can give a file away: run as root");
    for (path, status) in [
        (taken.clone(), Status::IO),
        (foreign.clone(), Status::PERMISSIONS),
        (dir.path().join("none/token.json"), Status::IO),
        (dir.path().join(".."), Status::INVALID_ARGUMENT),
        (PathBuf::new(), Status::INVALID_ARGUMENT),
        (PathBuf::from("/"), Status::INVALID_ARGUMENT),
        (dir.path().join("x".repeat(256)), Status::IO),
    ] {
        let error = write_secret_file(&path, b"s3cret").unwrap_err();
        assert_eq!(error.status(), status, "{error}");
        assert!(!error.text().contains("s3cret"), "{error}");
        let named = error.text().starts_with(&format!("{}: ", path.display()));
        assert!(named || path.parent().is_some_and(|dir| !dir.exists()), "{error}");
    }
    assert_eq!(fs::read(&foreign).unwrap(), b"old");
    assert_eq!(names(dir.path()).len(), 2);
}

#[test]
fn a_file_that_holds_the_bytes_already_is_left_untouched() {
    let dir = directory();
    let path = dir.path().join("token.json");
    write_secret_file(&path, b"bytes").unwrap();
    let inode = || fs::metadata(&path).unwrap().ino();
    let first = inode();
    write_secret_file(&path, b"bytes").unwrap();
    assert_eq!(inode(), first);
    // With other rights it is not what it has to be.
    set_mode(&path, 0o640);
    write_secret_file(&path, b"bytes").unwrap();
    assert_ne!(inode(), first);
    assert_eq!(fs::metadata(&path).unwrap().mode() & 0o7777, 0o600);
}

/// Something of each kind that is no regular file.
fn irregular(dir: &Path) -> Vec<PathBuf> {
    let make = |command: &str, arguments: &[&str]| {
        let done = Command::new(command).args(arguments).current_dir(dir).status().unwrap();
        assert!(done.success(), "{command}: run as root");
    };
    make("mkfifo", &["fifo"]);
    make("mknod", &["null", "c", "1", "3"]);
    make("mkdir", &["directory"]);
    drop(UnixListener::bind(dir.join("socket")).unwrap());
    ["fifo", "null", "directory", "socket"].into_iter().map(|name| dir.join(name)).collect()
}

#[test]
fn what_is_no_regular_file_stays_as_it_is_also_behind_a_link() {
    let dir = directory();
    let mut paths = irregular(dir.path());
    for path in paths.clone() {
        let (link, second) = (path.with_extension("link"), path.with_extension("second"));
        symlink(path.file_name().unwrap(), &link).unwrap();
        symlink(&link, &second).unwrap();
        paths.extend([link, second]);
    }
    // What a process has open, such as /dev/stdout, whatever that is.
    let open = fs::File::create(dir.path().join("open")).unwrap();
    let (stdout, further) = (dir.path().join("stdout"), dir.path().join("further"));
    symlink(format!("/proc/self/fd/{}", open.as_raw_fd()), &stdout).unwrap();
    symlink(&stdout, &further).unwrap();
    let (endless, mounted) = (dir.path().join("endless"), dir.path().join("mounted"));
    symlink("endless", &endless).unwrap();
    symlink("..data/mounted", &mounted).unwrap();
    paths.extend([stdout, further, endless, mounted]);
    let kind = |path: &Path| {
        let metadata = fs::symlink_metadata(path).unwrap();
        (metadata.ino(), metadata.mode(), metadata.rdev())
    };
    let before: Vec<_> = paths.iter().map(|path| kind(path)).collect();
    for path in &paths {
        let error = write_secret_file(path, b"s3cret").unwrap_err();
        assert_eq!(error.status(), Status::IO, "{error}");
        assert!(error.text().starts_with(&format!("{}: it is a", path.display())), "{error}");
    }
    let after: Vec<_> = paths.iter().map(|path| kind(path)).collect();
    assert_eq!(before, after);
    assert_eq!(open.metadata().unwrap().len(), 0);
}

#[test]
fn a_file_that_cannot_be_replaced_is_found_before_anything_is_written() {
    let dir = directory();
    let path = dir.path().join("token.json");
    put(&path, "old", 0o600);
    let chattr = |flag: &str| {
        assert!(Command::new("chattr").arg(flag).arg(&path).status().unwrap().success());
    };
    chattr("+i");
    let error = write_secret_file(&path, b"new").unwrap_err();
    chattr("-i");
    assert!(error.text().contains("chattr"), "{error}");
    assert_eq!(fs::read(&path).unwrap(), b"old");
}

#[test]
fn what_a_killed_writer_left_is_removed_by_the_next_one() {
    let dir = directory();
    let left = |name: &str| dir.path().join(format!(".scramtoken-{name}.tmp"));
    put(&left("file"), "s3cret", 0o600);
    fs::create_dir(left("directory")).unwrap();
    put(&left("directory").join("data.mdb"), "s3cret", 0o600);
    // What is another user's, what has another name, and what its maker still holds.
    let (foreign, other, locked) = (left("foreign"), dir.path().join("other.tmp"), left("locked"));
    put(&foreign, "", 0o600);
    chown(&foreign, Some(12345), None).expect("only root can give a file away: run as root");
    put(&other, "", 0o600);
    put(&locked, "", 0o600);
    let holder = fs::File::open(&locked).unwrap();
    holder.lock().unwrap();
    let path = dir.path().join("token.json");
    write_secret_file(&path, b"bytes").unwrap();
    let all = |paths: &[&Path]| {
        let names = paths.iter().map(|path| path.file_name().unwrap().to_str().unwrap().to_owned());
        let mut names: Vec<String> = names.collect();
        names.sort();
        names
    };
    let sorted = || {
        let mut names = names(dir.path());
        names.sort();
        names
    };
    assert_eq!(sorted(), all(&[&foreign, &locked, &other, &path]));
    drop(holder);
    // Where others may give things of ours such a name, nothing is removed.
    set_mode(dir.path(), 0o777);
    write_secret_file(&path, b"more").unwrap();
    assert_eq!(sorted(), all(&[&foreign, &locked, &other, &path]));
    set_mode(dir.path(), 0o1777);
    write_secret_file(&path, b"other").unwrap();
    assert_eq!(sorted(), all(&[&foreign, &other, &path]));
}

/// A file of nearly the largest size, so that writing it takes a while.
fn long_json(id: &str) -> String {
    format!("{{\"padding\": \"{}\", {}", "x".repeat(60_000), &token_json(id, NOW)[1..])
}

#[test]
fn child_that_writes_until_it_is_killed() {
    let Some(path) = child_argument() else { return };
    umask(Mode::RWXU);
    for number in until_killed() {
        write_secret_file(&path, long_json(&format!("id-{number}")).as_bytes()).unwrap();
    }
}

#[test]
fn a_killed_writer_leaves_the_old_file_or_the_new() {
    let dir = directory();
    let path = dir.path().join("token.json");
    write_secret_file(&path, long_json("id-0").as_bytes()).unwrap();
    let source = source("file", &path);
    let written = || {
        let metadata = fs::metadata(&path).unwrap();
        (metadata.ino(), metadata.mtime(), metadata.mtime_nsec())
    };
    for round in 0..60 {
        let (before, began) = (written(), Instant::now());
        let writer = Killed(child("written::child_that_writes_until_it_is_killed", &path));
        while written() == before {
            assert!(began.elapsed() < Duration::from_secs(60), "the writer writes nothing");
            std::thread::yield_now();
        }
        // By now it writes without a pause: each file takes it some milliseconds.
        std::thread::sleep(Duration::from_micros(round * 769 % 10_000));
        drop(writer);
        let login = source.log_in(NOW).unwrap();
        // With a warning it would be an older one that serves.
        assert_eq!(login.warning, None, "round {round}");
        assert!(name_of(&login).0.starts_with("id-"));
        for name in names(dir.path()) {
            let mode = fs::metadata(dir.path().join(&name)).unwrap().mode();
            assert_eq!(mode & 0o077, 0, "{name}");
        }
    }
    // Until it has its name a file has none, and a writer that is killed leaves nothing.
    write_secret_file(&path, b"").unwrap();
    assert_eq!(names(dir.path()), ["token.json"]);
}
