//! A client under a script of messages: what it answers is what the oracle computes, and it trusts
//! nobody but a server that knows the password.
//!
//! Options: `5` SCRAM-SHA-512, `t` a token, `a` an authorization identity, `c` the whole script twice
//! with one key cache. Call: `!cancel`. In messages, `{signature}` stands for the signature that
//! belongs there.
#![no_main]

use base64::{Engine, engine::general_purpose::STANDARD};
use libfuzzer_sys::fuzz_target;
use scramtoken::ffi::*;
use scramtoken_fuzz::abi::{Client, KeyCache};
use scramtoken_fuzz::oracle::{Hash, Keys, auth_message, client_final_start, split_client_final};
use scramtoken_fuzz::script::{Script, fill_in};

const NONCE: &[u8] = b"rOprNGfwEbeRWgbNEkqO";
const PASSWORD: &[u8] = b"pencil";
/// So few that an iteration count from the fuzzer costs nothing.
const MAX_ITERATIONS: u32 = 64;

fuzz_target!(|input: &[u8]| {
    let script = Script::new(input);
    if !script.has(b'c') {
        play(&script, None);
        return;
    }
    let cache = KeyCache::new(2);
    let cold = play(&script, Some(&cache));
    let warm = play(&script, Some(&cache));
    assert_eq!(cold, warm);
});

/// Plays the script; what came of each line.
fn play(script: &Script, cache: Option<&KeyCache>) -> Vec<(i32, Option<Vec<u8>>)> {
    let hash = Hash::of_bit(script.has(b'5'));
    let mut client = Client::new(hash.mechanism());
    client.set_nonce(NONCE);
    client.set_iteration_limits(1, MAX_ITERATIONS);
    if script.has(b't') {
        client.set_token(b"user", PASSWORD);
    } else {
        client.set_password(b"user", PASSWORD);
    }
    if script.has(b'a') {
        client.set_authzid(b"a,b=c");
    }
    if let Some(cache) = cache {
        client.set_key_cache(cache);
    }

    let (status, client_first) = client.step(b"");
    assert_eq!(status, SCRAMTOKEN_CONTINUE);
    let client_first = client_first.unwrap().to_vec();
    let mut login = Login { hash, client_first, state: State::Begun, cancelled: false };
    assert_eq!(login.client_first, login.expected_client_first(script));

    script
        .lines
        .iter()
        .filter_map(|line| {
            if *line == b"!cancel" {
                client.cancel();
                login.cancelled = true;
                return None;
            }
            let message = login.fill_in(line);
            let (status, output) = client.step(&message);
            login.check(&message, status, output);
            let output = output.map(<[u8]>::to_vec);
            assert!(status >= 0 || !client.error().is_empty());
            Some((status, output))
        })
        .collect()
}

/// What must be true of the client at any time.
enum State {
    Begun,
    /// With the server's signature.
    Proved(String),
    Over,
}

struct Login {
    hash: Hash,
    client_first: Vec<u8>,
    state: State,
    cancelled: bool,
}

impl Login {
    fn expected_client_first(&self, script: &Script) -> Vec<u8> {
        let header: &[u8] = if script.has(b'a') { b"n,a=a=2Cb=3Dc," } else { b"n,," };
        let extension: &[u8] = if script.has(b't') { b",tokenauth=true" } else { b"" };
        [header, b"n=user,r=", NONCE, extension].concat()
    }

    fn fill_in(&self, line: &[u8]) -> Vec<u8> {
        let State::Proved(signature) = &self.state else { return line.to_vec() };
        fill_in(line, "{signature}", |_| signature.clone())
    }

    fn check(&mut self, message: &[u8], status: i32, output: Option<&[u8]>) {
        let state = std::mem::replace(&mut self.state, State::Over);
        if matches!(state, State::Over) {
            assert_eq!((status, output), (SCRAMTOKEN_ERR_INVALID_STATE, None));
            return;
        }
        if self.cancelled {
            assert_eq!((status, output), (SCRAMTOKEN_ERR_CANCELLED, None));
            return;
        }
        if status < 0 {
            assert_eq!(output, None);
        }
        match state {
            State::Begun if status == SCRAMTOKEN_CONTINUE => {
                self.state = self.check_proof(message, output.unwrap());
            }
            State::Proved(signature) => {
                let genuine = format!("v={signature}");
                let rest = message.strip_prefix(genuine.as_bytes());
                if status == SCRAMTOKEN_OK {
                    assert_eq!(output, Some(&b""[..]));
                    // Nothing signs the extensions of a server-final-message (RFC 5802, section 7).
                    assert!(rest.is_some_and(|rest| rest.is_empty() || rest[0] == b','));
                } else {
                    assert!(status < 0);
                    assert_ne!(rest, Some(&b""[..]), "refused a good server: {status}");
                }
            }
            _ => assert!(status < 0, "{status}"),
        }
    }

    /// The answer to a challenge that was accepted.
    fn check_proof(&self, server_first: &[u8], client_final: &[u8]) -> State {
        let mut fields = server_first.split(|byte| *byte == b',');
        let mut value =
            |start| fields.next().and_then(|field: &[u8]| field.strip_prefix(start)).unwrap();
        let (nonce, salt, iterations) = (value(b"r="), value(b"s="), value(b"i="));
        assert!(nonce.starts_with(NONCE) && nonce.len() > NONCE.len());
        let salt = STANDARD.decode(salt).unwrap();
        let iterations = str::from_utf8(iterations).unwrap().parse().unwrap();
        assert!((1..=MAX_ITERATIONS).contains(&iterations));

        let keys = Keys::derive(self.hash, PASSWORD, &salt, iterations);
        let (without_proof, proof) = split_client_final(client_final).unwrap();
        assert_eq!(without_proof, client_final_start(&self.client_first, nonce));
        let covered = auth_message(&self.client_first, server_first, without_proof);
        assert_eq!(proof, keys.proof(&covered).as_bytes());
        State::Proved(keys.signature(&covered))
    }
}
