//! Logins while another process rotates the token under them.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::{Duration, Instant};

use scramtoken::{
    AwaitClientFirst, Cancel, ClientLogin, Credential, IterationLimits, Mechanism, Nonce,
    ServerPolicy, Source, StoredKeys, write_secret_file,
};

use crate::{
    Killed, NOW, child, child_argument, directory, hmac_of, put, source, token_json, until_killed,
};

const MECHANISM: Mechanism = Mechanism::ScramSha256;

/// A whole login, with a server for which every token has the HMAC that goes with its id. Gives the
/// id.
fn log_in(source: &Source) -> String {
    let login = source.log_in(NOW).unwrap();
    // With a warning it would be an older one that serves.
    assert_eq!(login.warning.filter(|text| text.contains("last good")), None);
    let mut client = ClientLogin::new(MECHANISM, login.credential);
    client.set_iteration_limits(IterationLimits::new(1, 1).unwrap());
    let client = client.start(&Nonce::from_text(b"client").unwrap()).unwrap();

    let nonce = Nonce::from_text(b"server").unwrap();
    let server = AwaitClientFirst::new(MECHANISM, ServerPolicy::default(), nonce);
    let question = server.step(client.message()).unwrap();
    let id = question.name().to_owned();
    let keys = StoredKeys::derive(MECHANISM, hmac_of(&id).as_bytes(), b"salt", 1).unwrap();
    let (stored_key, server_key) = (keys.stored_key(), keys.server_key());
    let credential = Credential::new(MECHANISM, b"salt", 1, stored_key, server_key).unwrap();
    let server = question.supply_token(&credential, "alice", -1).unwrap();

    let client = client.step(server.message(), None, &Cancel::default()).unwrap();
    let verdict = server.step(client.message(), NOW).expect("a pair of one generation");
    client.step(verdict.message()).unwrap();
    id
}

/// Logs in on several threads for a while; gives how many tokens they met.
fn log_in_meanwhile(source: &Source) -> usize {
    let end = Instant::now() + Duration::from_secs(3);
    let met = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..3)
            .map(|_| {
                scope.spawn(|| {
                    let mut met = BTreeSet::new();
                    while Instant::now() < end {
                        met.insert(log_in(source));
                    }
                    met
                })
            })
            .collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect::<BTreeSet<_>>()
    });
    met.len()
}

/// As the kubelet does it: a new directory, a link to it, the link renamed, the old directory gone.
fn publish(mount: &Path, number: u64) {
    let generation = |number: u64| mount.join(format!("..generation_{number}"));
    let new = generation(number);
    fs::create_dir(&new).unwrap();
    put(&new.join("token-id"), format!("token-{number}"), 0o644);
    put(&new.join("token-hmac"), hmac_of(&format!("token-{number}")), 0o644);
    symlink(new.file_name().unwrap(), mount.join("..data_tmp")).unwrap();
    fs::rename(mount.join("..data_tmp"), mount.join("..data")).unwrap();
    if let Some(old) = number.checked_sub(1) {
        let _ = fs::remove_dir_all(generation(old));
    }
}

#[test]
fn child_that_rotates_a_mount() {
    let Some(mount) = child_argument() else { return };
    for number in until_killed() {
        publish(&mount, number);
    }
}

#[test]
fn a_mounts_id_and_hmac_are_of_one_generation() {
    let dir = directory();
    publish(dir.path(), 0);
    let _writer = Killed(child("rotation::child_that_rotates_a_mount", dir.path()));
    let met = log_in_meanwhile(&source("dir", dir.path()));
    assert!(met > 100, "{met} generations");
}

#[test]
fn child_that_rotates_a_file() {
    let Some(path) = child_argument() else { return };
    for number in until_killed() {
        let json = token_json(&format!("token-{number}"), "null");
        write_secret_file(&path, json.as_bytes()).unwrap();
    }
}

#[test]
fn a_files_id_and_hmac_are_of_one_token() {
    let dir = directory();
    let path = dir.path().join("token.json");
    write_secret_file(&path, token_json("token-0", "null").as_bytes()).unwrap();
    let _writer = Killed(child("rotation::child_that_rotates_a_file", &path));
    let met = log_in_meanwhile(&source("file", &path));
    assert!(met > 20, "{met} tokens"); // each is synced to a disk that may be busy
}
