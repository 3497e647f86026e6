//! A server under a script of messages and supplies: it accepts exactly the logins that the oracle
//! accepts, whatever the order of calls.
//!
//! Options: `5` SCRAM-SHA-512, `i` implicit tokens, `d` doubled nonces, `c` lookups by callback.
//! Calls: `!user`, `!token`, `!expired`, `!unknown` supply such an account. In messages, `{proof}`
//! stands for the proof that belongs there.
#![no_main]

use libfuzzer_sys::fuzz_target;
use scramtoken::ffi::*;
use scramtoken_fuzz::abi::{Credential, Server};
use scramtoken_fuzz::accounts::{self, Account, OWNER};
use scramtoken_fuzz::oracle::{Hash, Keys, auth_message, client_final_start, split_client_final};
use scramtoken_fuzz::script::{Script, fill_in};

const SERVER_NONCE: &[u8] = b"serverNONCE";

fuzz_target!(|input: &[u8]| {
    let script = Script::new(input);
    let hash = Hash::of_bit(script.has(b'5'));
    let keys = accounts::keys(hash);
    let credential = accounts::credential(&keys);
    let config = accounts::config();
    if script.has(b'i') {
        unsafe { scramtoken_server_config_set_implicit_tokens(config.0, true) };
    }
    if script.has(b'd') {
        unsafe { scramtoken_server_config_set_doubled_nonce(config.0, true) };
    }
    if script.has(b'c') {
        accounts::set_lookup(&config, &credential);
    }
    let mut server = Server::new(&config, hash.mechanism());
    server.set_nonce(SERVER_NONCE);
    let mut login = Login {
        server,
        keys,
        credential: &credential,
        implicit_tokens: script.has(b'i'),
        doubled_nonce: script.has(b'd'),
        calls_back: script.has(b'c'),
        state: State::Start,
    };
    for line in &script.lines {
        login.play(line);
    }
});

/// What must be true of the server at any time.
enum State {
    Start,
    Asked { client_first: Vec<u8>, name: Vec<u8>, kind: i32 },
    Supplied { client_first: Vec<u8>, name: Vec<u8>, account: Account },
    Challenged { client_first: Vec<u8>, name: Vec<u8>, account: Account, challenge: Vec<u8> },
    Accepted,
    Refused,
}

struct Login<'a> {
    server: Server,
    keys: Keys,
    credential: &'a Credential,
    implicit_tokens: bool,
    doubled_nonce: bool,
    calls_back: bool,
    state: State,
}

impl Login<'_> {
    fn play(&mut self, line: &[u8]) {
        let state = std::mem::replace(&mut self.state, State::Refused);
        self.state = match line {
            b"!user" => self.supply(state, Account::User),
            b"!token" => self.supply(state, Account::Token),
            b"!expired" => self.supply(state, Account::ExpiredToken),
            b"!unknown" => self.supply(state, Account::Unknown),
            message => self.step(state, message),
        };
        self.check_verdict();
    }

    fn supply(&mut self, state: State, account: Account) -> State {
        let status = account.supply(&mut self.server, self.credential);
        match state {
            State::Asked { client_first, name, kind } if account.answers(kind) => {
                assert_eq!(status, SCRAMTOKEN_OK);
                assert_eq!(self.server.identity(), None);
                State::Supplied { client_first, name, account }
            }
            State::Asked { .. } => {
                assert_eq!(status, SCRAMTOKEN_ERR_INVALID_ARGUMENT);
                state
            }
            _ => {
                assert_eq!(status, SCRAMTOKEN_ERR_INVALID_STATE);
                state
            }
        }
    }

    fn step(&mut self, state: State, line: &[u8]) -> State {
        let message = self.fill_in(&state, line);
        let (status, output) = self.server.step(&message);
        let output = output.map(<[u8]>::to_vec);
        assert!(status >= 0 || !self.server.error().is_empty());
        match state {
            State::Start if status >= 0 => self.challenge(message, status, output),
            State::Supplied { client_first, name, account } if message.is_empty() => {
                if status < 0 {
                    // A challenge too long for one message.
                    assert_eq!(status, SCRAMTOKEN_ERR_TOO_LONG);
                    return refused(output);
                }
                assert_eq!(status, SCRAMTOKEN_CONTINUE);
                let challenge = output.unwrap();
                State::Challenged { client_first, name, account, challenge }
            }
            State::Asked { .. } | State::Supplied { .. } => {
                let bad_input = !message.is_empty();
                let expected = if bad_input { SCRAMTOKEN_ERR_INVALID_ARGUMENT } else { STATE };
                assert_eq!((status, output), (expected, None));
                state
            }
            State::Challenged { client_first, name, account, challenge } => {
                self.judge(&client_first, &name, account, &challenge, &message, (status, output))
            }
            State::Accepted | State::Refused => {
                assert_eq!((status, output), (STATE, None));
                state
            }
            State::Start => refused(output),
        }
    }

    /// What a good client-first-message must have led to.
    fn challenge(&self, message: Vec<u8>, status: i32, output: Option<Vec<u8>>) -> State {
        assert!(message.starts_with(b"n,") || message.starts_with(b"y,"));
        let is_token = ends_with_token_auth(&message);
        if self.calls_back {
            assert_eq!(status, SCRAMTOKEN_CONTINUE);
            let name = name_of(&message);
            let account = Account::find(&name, self.kind(is_token));
            let challenge = output.unwrap();
            return State::Challenged { client_first: message, name, account, challenge };
        }
        assert_eq!(status, SCRAMTOKEN_NEED_CREDENTIAL);
        let (name, kind) = self.server.identity().unwrap();
        assert_eq!((name, kind), (name_of(&message).as_slice(), self.kind(is_token)));
        let name = name.to_vec();
        State::Asked { client_first: message, name, kind }
    }

    fn kind(&self, is_token: bool) -> i32 {
        match (is_token, self.implicit_tokens) {
            (true, _) => SCRAMTOKEN_IDENTITY_TOKEN,
            (false, true) => SCRAMTOKEN_IDENTITY_EITHER,
            (false, false) => SCRAMTOKEN_IDENTITY_USER,
        }
    }

    /// Whether the client-final-message had to be accepted, and was.
    fn judge(
        &self,
        client_first: &[u8],
        name: &[u8],
        account: Account,
        challenge: &[u8],
        message: &[u8],
        (status, output): (i32, Option<Vec<u8>>),
    ) -> State {
        let (without_proof, proof) = split_client_final(message).unwrap_or_default();
        let covered = auth_message(client_first, challenge, without_proof);
        let proved = proof == self.keys.proof(&covered).as_bytes();

        let nonce = nonce_of(challenge);
        let client_nonce = nonce.strip_suffix(SERVER_NONCE).unwrap();
        let exact = client_final_start(client_first, nonce);
        let doubled = client_final_start(client_first, &[client_nonce, nonce].concat());
        let opens = |start: &[u8]| {
            without_proof.strip_prefix(start).is_some_and(|rest| rest.is_empty() || rest[0] == b',')
        };
        let may = proved && (opens(&exact) || (self.doubled_nonce && opens(&doubled)));
        let must =
            proved && (without_proof == exact || (self.doubled_nonce && without_proof == doubled));

        match account {
            Account::User | Account::Token if status == SCRAMTOKEN_OK => {
                assert!(may, "accepted what nobody has proved");
                let signature = format!("v={}", self.keys.signature(&covered));
                assert_eq!(output.as_deref(), Some(signature.as_bytes()));
                let expected = if account == Account::Token { OWNER } else { name };
                assert_eq!(self.server.verdict_name(), expected);
                assert_eq!(self.server.verdict().is_token, account == Account::Token);
                assert_eq!(self.server.verdict().doubled_nonce, !opens(&exact));
                State::Accepted
            }
            Account::User | Account::Token => {
                assert!(!must, "refused a good login: {status}");
                refused(output)
            }
            Account::ExpiredToken => {
                assert!(status < 0);
                assert!(!must || status == SCRAMTOKEN_ERR_TOKEN_EXPIRED);
                assert!(may || status != SCRAMTOKEN_ERR_TOKEN_EXPIRED);
                refused(output)
            }
            Account::Unknown => {
                assert!(status < 0 && status != SCRAMTOKEN_ERR_TOKEN_EXPIRED);
                refused(output)
            }
        }
    }

    fn fill_in(&self, state: &State, line: &[u8]) -> Vec<u8> {
        let State::Challenged { client_first, challenge, .. } = state else { return line.to_vec() };
        fill_in(line, "{proof}", |before| {
            let without_proof = before.strip_suffix(b",p=").unwrap_or(before);
            self.keys.proof(&auth_message(client_first, challenge, without_proof))
        })
    }

    fn check_verdict(&self) {
        let expected = match self.state {
            State::Accepted => SCRAMTOKEN_AUTHENTICATED,
            State::Refused => SCRAMTOKEN_REJECTED,
            _ => SCRAMTOKEN_UNDECIDED,
        };
        let verdict = self.server.verdict();
        assert_eq!(verdict.outcome, expected);
        assert_eq!(verdict.reason < 0, expected == SCRAMTOKEN_REJECTED);
        assert!(expected == SCRAMTOKEN_AUTHENTICATED || verdict.name_len == 0);
    }
}

const STATE: i32 = SCRAMTOKEN_ERR_INVALID_STATE;

/// A refusal says nothing to the peer, or `e=`.
fn refused(output: Option<Vec<u8>>) -> State {
    assert!(output.is_none_or(|output| output.starts_with(b"e=")));
    State::Refused
}

/// The name that an accepted client-first-message gives.
fn name_of(client_first: &[u8]) -> Vec<u8> {
    let field = client_first.split(|byte| *byte == b',').nth(2).unwrap();
    let name = str::from_utf8(field.strip_prefix(b"n=").unwrap()).unwrap();
    name.replace("=2C", ",").replace("=3D", "=").into_bytes()
}

/// Whether one of the extensions is Kafka's.
fn ends_with_token_auth(client_first: &[u8]) -> bool {
    client_first.split(|byte| *byte == b',').skip(4).any(|field| {
        field.strip_prefix(b"tokenauth=").is_some_and(|value| value.eq_ignore_ascii_case(b"true"))
    })
}

/// The nonce of a challenge of ours.
fn nonce_of(challenge: &[u8]) -> &[u8] {
    challenge.split(|byte| *byte == b',').next().unwrap().strip_prefix(b"r=").unwrap()
}
