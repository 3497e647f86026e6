//! Sources on real files: what they read, what they refuse, and what they do while others write.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may")]

mod directories;
mod files;
mod last_good;
mod rotation;
mod written;

use std::fs;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rustix::process::getppid;
use scramtoken::{ClientLogin, Error, Mechanism, Nonce, Source, SourceLogin};
use tempfile::TempDir;

const NOW: i64 = 1_800_000_000_000;

fn source(scheme: &str, path: &Path) -> Source {
    Source::open(&format!("{scheme}:{}", path.display()), [7; 32]).unwrap()
}

fn directory() -> TempDir {
    TempDir::with_prefix("scramtoken-").unwrap()
}

/// Writes a file in place, with this mode.
fn put(path: &Path, bytes: impl AsRef<[u8]>, mode: u32) {
    let _ = fs::remove_file(path);
    let options = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    std::io::Write::write_all(&mut options.unwrap(), bytes.as_ref()).unwrap();
    set_mode(path, mode);
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

fn token_json(id: &str, expiry_ms: impl std::fmt::Display) -> String {
    format!(
        r#"{{"token_id": "{id}", "hmac": "{}", "expiry_timestamp_ms": {expiry_ms}}}"#,
        hmac_of(id)
    )
}

/// Every token of these tests has the HMAC that goes with its id, and a mixed pair shows.
fn hmac_of(id: &str) -> String {
    format!("hmac-of-{id}")
}

/// The name that a login would send, and whether as a token's id.
fn name_of(login: &SourceLogin) -> (String, bool) {
    let client = ClientLogin::new(Mechanism::ScramSha256, login.credential.clone());
    let state = client.start(&Nonce::from_text(b"nonce").unwrap()).unwrap();
    let message = str::from_utf8(state.message()).unwrap();
    let (name, rest) = message.strip_prefix("n,,n=").unwrap().split_once(",r=nonce").unwrap();
    (name.to_owned(), rest == ",tokenauth=true")
}

fn log_in(source: &Source) -> Result<(String, bool), Error> {
    source.log_in(NOW).map(|login| name_of(&login))
}

/// This program again, for one of its tests alone to run in a process of its own, with `argument`.
fn child(test: &str, argument: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(CHILD, argument)
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

/// In a child: its argument.
fn child_argument() -> Option<PathBuf> {
    std::env::var_os(CHILD).map(PathBuf::from)
}

/// In a child: 1, 2 and so on, until the parent kills it or has ended itself.
fn until_killed() -> impl Iterator<Item = u64> {
    let parent = getppid();
    (1..).take_while(move |_| getppid() == parent)
}

const CHILD: &str = "SCRAMTOKEN_TEST_CHILD";

/// A child that is killed at the end of the test, however that comes.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
