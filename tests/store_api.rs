//! Stores through the crate's own API: opening, users, logins, checks and backups.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may")]

use std::fs;
use std::ops::ControlFlow;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::thread;

use scramtoken::{
    AwaitClientFirst, Cancel, ClientCredential, ClientLogin, Error, Mechanism, NONCE_ENTROPY,
    Nonce, ServerPolicy, Status, Store,
};
use tempfile::TempDir;

const MECHANISM: Mechanism = Mechanism::ScramSha256;

fn place() -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store");
    (directory, path)
}

fn uri(path: &Path) -> String {
    format!("lmdb:{}", path.display())
}

fn open(path: &Path) -> Store {
    Store::open(&uri(path)).unwrap()
}

/// A whole login; the name that the server treats the client as.
fn log_in(store: &Store, name: &str, password: &str) -> Result<String, Error> {
    let nonce = Nonce::from_random([1; NONCE_ENTROPY]);
    let credential = ClientCredential::password(name.as_bytes(), password.as_bytes()).unwrap();
    let client = ClientLogin::new(MECHANISM, credential).start(&nonce)?;
    let server = AwaitClientFirst::new(MECHANISM, ServerPolicy::default(), nonce);
    let question = server.step(client.message()).map_err(|rejected| rejected.error().clone())?;
    let answered = store.answer(question, &store.mock_challenges(4096));
    let server = answered.map_err(|rejected| rejected.error().clone())?;
    let client = client.step(server.message(), None, &Cancel::default())?;
    let decided = server.step(client.message(), 0);
    let authenticated = decided.map_err(|rejected| rejected.error().clone())?;
    client.step(authenticated.message())?;
    Ok(authenticated.name().to_owned())
}

fn refused<T>(outcome: Result<T, Error>, status: Status, part: &str) {
    let error = outcome.err().unwrap();
    assert_eq!(error.status(), status, "{error}");
    assert!(error.text().contains(part), "{error}");
}

fn names(store: &Store) -> Vec<String> {
    let mut names = Vec::new();
    let visit = |user: &scramtoken::User| {
        names.push(user.name.clone());
        ControlFlow::Continue(())
    };
    store.visit_users(visit).unwrap();
    names.sort();
    names
}

#[test]
fn users_outlive_the_process_that_wrote_them() {
    let (_directory, path) = place();
    open(&path).put_user(MECHANISM, b"alice", b"pencil", 4096).unwrap();
    let store = Store::open_read_only(&uri(&path)).unwrap();
    assert_eq!(log_in(&store, "alice", "pencil"), Ok("alice".to_owned()));
    refused(log_in(&store, "alice", "pen"), Status::INVALID_PROOF, "p= is wrong");
    refused(log_in(&store, "bob", "pencil"), Status::UNKNOWN_USER, "no user of that name");
}

#[test]
fn opening_and_closing_at_once_from_many_threads() {
    let (_directory, path) = place();
    thread::scope(|scope| {
        for number in 0..8 {
            let path = &path;
            scope.spawn(move || {
                let name = format!("user{number}");
                for _ in 0..25 {
                    open(path).put_user(MECHANISM, name.as_bytes(), b"pencil", 4096).unwrap();
                }
            });
        }
    });
    assert_eq!(names(&open(&path)).len(), 8);
}

#[test]
fn what_is_no_directory_of_ours_is_refused() {
    let (directory, path) = place();
    drop(open(&path));
    let other = directory.path().join("other");
    let open = |path: &Path| Store::open(&uri(path));

    symlink(&path, &other).unwrap();
    refused(open(&other), Status::PERMISSIONS, "symbolic link");
    refused(open(&other.join("")), Status::PERMISSIONS, "symbolic link");
    fs::remove_file(&other).unwrap();
    fs::write(&other, "").unwrap();
    refused(open(&other), Status::IO, "not a directory");
    fs::remove_file(&other).unwrap();
    refused(open(&other.join("store")), Status::IO, "parent directory is missing");
    refused(Store::open_read_only(&uri(&other)), Status::IO, "there is no store");
    assert!(!other.exists());
    fs::DirBuilder::new().mode(0o700).create(&other).unwrap();
    refused(Store::open_read_only(&uri(&other)), Status::IO, "there is no store");

    for mode in [0o701, 0o704, 0o777] {
        set_mode(&path, mode);
        refused(open(&path), Status::PERMISSIONS, "chmod 700");
    }
    set_mode(&path, 0o700);
    open(&path).unwrap();
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

#[test]
fn who_could_put_another_directory_there_is_looked_for_first() {
    let directory = tempfile::tempdir().unwrap();
    let (above, link) = (directory.path().join("above"), directory.path().join("link"));
    fs::create_dir(&above).unwrap();
    symlink("above/../above", &link).unwrap();
    let path = above.join("store");
    for (mode, part) in [(0o777, "everybody may write to it"), (0o702, "everybody may write to it")]
    {
        set_mode(&above, mode);
        for place in
            [path.clone(), path.join("further/down"), link.join("store"), above.join("store/..")]
        {
            refused(Store::open(&uri(&place)), Status::PERMISSIONS, part);
            refused(Store::open_read_only(&uri(&place)), Status::PERMISSIONS, part);
            let backup = open(&directory.path().join("other")).backup(&place);
            refused(backup, Status::PERMISSIONS, "chmod go-w");
        }
        assert_eq!(fs::read_dir(&above).unwrap().count(), 0);
    }
    // Where each may remove what is its own alone, as in /tmp and /dev/shm.
    set_mode(&above, 0o1777);
    drop(open(&path));
    set_mode(&above, 0o755);
    drop(open(&link.join("store")));
    refused(Store::open(&uri(&path.join("data.mdb/store"))), Status::IO, "Not a directory");
    symlink("round", directory.path().join("round")).unwrap();
    refused(Store::open(&uri(&directory.path().join("round/store"))), Status::IO, "symbolic links");
}

/// As a Kubernetes volume gives to its group at each mount.
#[test]
fn rights_of_ones_own_group_are_taken_away() {
    let (_directory, path) = place();
    assert_eq!(open(&path).warning(), None);
    let files = ["data.mdb", "lock.mdb", "presence.lock"].map(|name| path.join(name));
    for read_only in [false, true] {
        let again = || {
            if read_only { Store::open_read_only(&uri(&path)) } else { Store::open(&uri(&path)) }
        };
        set_mode(&path, 0o2770);
        files.iter().for_each(|file| set_mode(file, 0o660));
        let store = again().unwrap();
        assert!(store.warning().unwrap().contains("fsGroup"), "{:?}", store.warning());
        assert_eq!(mode(&path) & 0o777, 0o700);
        assert!(files.iter().all(|file| mode(file) == 0o600));
        assert_eq!(again().unwrap().warning(), None);
    }
}

#[test]
fn files_that_others_may_touch_are_refused() {
    for name in ["data.mdb", "lock.mdb", "presence.lock"] {
        let (directory, path) = place();
        drop(open(&path));
        let file = path.join(name);
        let outcome = || Store::open(&uri(&path));
        for mode in [0o644, 0o604, 0o602] {
            set_mode(&file, mode);
            refused(outcome(), Status::PERMISSIONS, "chmod 600");
        }
        set_mode(&file, 0o600);
        let elsewhere = directory.path().join("elsewhere");
        fs::hard_link(&file, &elsewhere).unwrap();
        refused(outcome(), Status::PERMISSIONS, "hard links");
        fs::remove_file(&file).unwrap();
        symlink(&elsewhere, &file).unwrap();
        let error = outcome().unwrap_err();
        assert_eq!(error.status(), Status::PERMISSIONS, "{error}");
        assert!(error.text().contains(name), "{error}");
    }
}

#[test]
fn what_is_not_lmdbs_is_corrupt() {
    let (_directory, path) = place();
    drop(open(&path));
    let data = path.join("data.mdb");
    let whole = fs::read(&data).unwrap();
    for bytes in [&b"not a store"[..], &[7; 8192], &whole[..5000]] {
        fs::write(&data, bytes).unwrap();
        refused(Store::open(&uri(&path)), Status::CORRUPT, "restore a backup");
    }
    fs::write(&data, &whole).unwrap();
    open(&path);
}

#[test]
fn a_backup_is_a_store() {
    let (directory, path) = place();
    let store = open(&path);
    for name in ["alice", "bob"] {
        store.put_user(MECHANISM, name.as_bytes(), b"pencil", 4096).unwrap();
    }
    let backup = directory.path().join("backup");
    store.backup(&backup).unwrap();
    store.delete_user(MECHANISM, b"alice").unwrap();
    refused(store.backup(&backup), Status::IO, "there is something already");
    let files: Vec<_> =
        fs::read_dir(&backup).unwrap().map(|file| file.unwrap().file_name()).collect();
    assert_eq!(files, ["data.mdb"]);
    assert_eq!(fs::metadata(&backup).unwrap().permissions().mode() & 0o7777, 0o700);
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 2); // nothing else is left

    let restored = Store::open_read_only(&uri(&backup)).unwrap();
    assert_eq!(names(&restored), ["alice", "bob"]);
    assert_eq!(restored.check(|_, _| ()).unwrap().problems, [""; 0]);
    drop(restored);
    open(&backup).delete_user(MECHANISM, b"bob").unwrap();
    assert_eq!(names(&store), ["bob"]);

    refused(store.backup(&directory.path().join("no/where")), Status::IO, "os error 2");
    let memory = Store::open("memory:").unwrap();
    refused(memory.backup(&directory.path().join("m")), Status::INVALID_ARGUMENT, "in memory");
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 2);
}

#[test]
fn what_was_deleted_is_not_in_a_backup() {
    let (directory, path) = place();
    let store = open(&path);
    for number in 0..100 {
        let name = format!("very-secret-user-{number}");
        store.put_user(MECHANISM, name.as_bytes(), b"pencil", 4096).unwrap();
    }
    for name in names(&store) {
        store.delete_user(MECHANISM, name.as_bytes()).unwrap();
    }
    let holds = |directory: &Path| {
        let bytes = fs::read(directory.join("data.mdb")).unwrap();
        bytes.windows(16).any(|window| window == b"very-secret-user")
    };
    assert!(holds(&path)); // space that was given back is not wiped
    store.backup(&directory.path().join("backup")).unwrap();
    assert!(!holds(&directory.path().join("backup")));
}

#[test]
fn stats_count() {
    let (_directory, path) = place();
    let store = open(&path);
    store.put_user(MECHANISM, b"alice", b"pencil", 4096).unwrap();
    store.put_user(Mechanism::ScramSha512, b"alice", b"pencil", 4096).unwrap();
    let stats = store.stats(0).unwrap();
    assert_eq!((stats.users, stats.tokens, stats.expired_tokens), (2, 0, 0));
    let file = stats.file.unwrap();
    assert_eq!(file.bytes, fs::metadata(path.join("data.mdb")).unwrap().len());
    assert!(file.max_readers >= 4096 && file.max_bytes >= 1 << 30);
    assert_eq!(Store::open("memory:").unwrap().stats(0).unwrap().file, None);
}
