//! The table of misuse, through the Rust API.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may")]

use std::sync::{Arc, Mutex, OnceLock};

use scramtoken::{
    Client, ClientCredential, Credential, Error, IterationLimits, Mechanism, Nonce, Server,
    ServerConfig, Status, StepError, StoredKeys, Verdict,
};

const MECHANISM: Mechanism = Mechanism::ScramSha512;
const SALT: &[u8] = b"0123456789abcdef";
const HMAC: &[u8] = b"aG1hYw==";

#[test]
fn every_call_comes_to_its_status() {
    let mut cases = 0;
    for case in include_str!("table.txt").split("\ncase ").skip(1) {
        let (title, lines) = case.split_once('\n').unwrap();
        let lines = lines.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
        let lines: Vec<Vec<&str>> = lines.map(|line| line.split(' ').collect()).collect();
        match title.split_once(':').unwrap().0 {
            "server" => on_server(title, &lines),
            "server-callback" => on_server_with_callback(title, &lines),
            "client" => on_client(title, &lines),
            other => panic!("no such side: {other}"),
        }
        cases += 1;
    }
    assert!(cases >= 18, "{cases} cases");
}

fn on_server(title: &str, lines: &[Vec<&str>]) {
    let server = Server::new(Arc::default(), MECHANISM);
    let mut peer = Peer::new();
    for line in lines {
        let [call, status] = line[..] else { panic!("{line:?}") };
        let got = peer.call(&server, call);
        assert_eq!(got, status, "{title}: {call}");
    }
}

/// The callback makes the calls "within", and answers with the user.
fn on_server_with_callback(title: &str, lines: &[Vec<&str>]) {
    let (within, after): (Vec<_>, Vec<_>) = lines.iter().partition(|line| line[0] == "within");
    let within: Vec<(String, String)> =
        within.iter().map(|line| (line[1].to_owned(), line[2].to_owned())).collect();
    let itself: Arc<OnceLock<Arc<Server>>> = Arc::default();
    let seen = Arc::new(Mutex::new(0));
    let mut config = ServerConfig::default();
    config.set_lookup({
        let (itself, seen, title) = (Arc::clone(&itself), Arc::clone(&seen), title.to_owned());
        move |question, _| {
            for (call, status) in &within {
                let got = Peer::new().call(itself.get().unwrap(), call);
                assert_eq!(&got, status, "{title}: within {call}");
                *seen.lock().unwrap() += 1;
            }
            question.supply_user(&kept(b"pencil").credential())
        }
    });
    let server = Arc::new(Server::new(Arc::new(config), MECHANISM));
    itself.set(Arc::clone(&server)).ok().unwrap();
    let mut peer = Peer::new();
    for line in after {
        assert_eq!(peer.call(&server, line[0]), line[1], "{title}: {}", line[0]);
    }
    assert_eq!(*seen.lock().unwrap(), 4);
}

fn on_client(title: &str, lines: &[Vec<&str>]) {
    let client = Client::new(MECHANISM);
    for line in lines {
        let [call, status] = line[..] else { panic!("{line:?}") };
        let set = |outcome: Result<(), Error>| outcome.map(|()| Status::OK);
        let step = |input: &[u8]| client.step(input).map(Status::from);
        let outcome = match call {
            "credential" => set(client.set_credential(user())),
            "nonce" => set(client.set_nonce(Nonce::from_text(b"nonce").unwrap())),
            "limits" => set(client.set_iteration_limits(IterationLimits::default())),
            "start" => step(b""),
            "rubbish" | "message" => step(b"rubbish"),
            "challenge" => {
                let first = String::from_utf8(client.message()).unwrap();
                let nonce = first.split_once(",r=").map_or("x", |(_, nonce)| nonce).to_owned();
                step(format!("r={nonce}theirs,s=MDEyMzQ1Njc4OWFiY2RlZg==,i=4096").as_bytes())
            }
            "cancel" => {
                client.cancel();
                Ok(Status::OK)
            }
            other => panic!("no such call: {other}"),
        };
        assert_eq!(name(outcome.map_err(|error| error.status())), status, "{title}: {call}");
    }
}

/// Calls a server's functions, with a client's messages where they are wanted.
struct Peer(Client);

impl Peer {
    fn new() -> Self {
        Self(Client::new(MECHANISM))
    }

    fn call(&mut self, server: &Server, call: &str) -> String {
        let supplied = |outcome: Result<(), Error>| outcome.map(|()| Status::OK);
        let failed = |failed: StepError| failed.error;
        let outcome = match call {
            "first" | "first-token" => {
                let client = Client::new(MECHANISM);
                client.set_credential(if call == "first" { user() } else { token() }).unwrap();
                client.step(b"").unwrap();
                let outcome = server.step(&client.message()).map(Status::from).map_err(failed);
                if outcome.is_ok() {
                    self.0 = client;
                }
                outcome
            }
            "rubbish" => server.step(b"rubbish").map(Status::from).map_err(failed),
            "resume" => server.step(b"").map(Status::from).map_err(failed),
            "final" => {
                self.0.step(&server.message()).unwrap();
                server.step(&self.0.message()).map(Status::from).map_err(failed)
            }
            "user" => supplied(server.supply_user(&kept(b"pencil").credential())),
            "token" => supplied(server.supply_token(&kept(HMAC).credential(), "alice", -1)),
            "nobody" => supplied(server.supply_unknown()),
            "verdict" => {
                return server.with_verdict(|verdict| match verdict {
                    Verdict::Undecided => "UNDECIDED".to_owned(),
                    Verdict::Authenticated(_) => "AUTHENTICATED".to_owned(),
                    Verdict::Rejected(_) => "REJECTED".to_owned(),
                });
            }
            other => panic!("no such call: {other}"),
        };
        name(outcome.map_err(|error| error.status()))
    }
}

fn name(outcome: Result<Status, Status>) -> String {
    let status = outcome.unwrap_or_else(|status| status);
    status.name().to_str().unwrap().to_owned()
}

fn user() -> ClientCredential {
    ClientCredential::password(b"user", b"pencil").unwrap()
}

fn token() -> ClientCredential {
    ClientCredential::token(b"token-id", HMAC).unwrap()
}

struct Kept(StoredKeys);

fn kept(secret: &[u8]) -> Kept {
    Kept(StoredKeys::derive(MECHANISM, secret, SALT, 4096).unwrap())
}

impl Kept {
    fn credential(&self) -> Credential<'_> {
        let (stored_key, server_key) = (self.0.stored_key(), self.0.server_key());
        Credential::new(MECHANISM, SALT, 4096, stored_key, server_key).unwrap()
    }
}
