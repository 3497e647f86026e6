//! Proofs that are wrong in one bit, of the first byte or of the last.

use std::ffi::CStr;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use scramtoken::ffi::*;

use crate::abi::{Client, Credential, KeyCache, Server, ServerConfig};

const USER: &[u8] = b"alice";
const PASSWORD: &[u8] = b"pencil";

pub(crate) struct Proofs {
    mechanism: &'static CStr,
    config: ServerConfig,
    credential: Credential,
    cache: KeyCache,
}

impl Proofs {
    pub(crate) fn new(mechanism: &'static CStr) -> Self {
        let credential = Credential::derive(mechanism, PASSWORD, b"sixteen bytes...", 4096);
        Self { mechanism, config: ServerConfig::new(), credential, cache: KeyCache::new(1) }
    }

    /// How long the refusal took.
    pub(crate) fn refuse(&self, in_the_last: bool) -> Duration {
        let mut client = Client::new(self.mechanism);
        client.set_password(USER, PASSWORD);
        client.set_key_cache(&self.cache);
        let mut server = Server::new(&self.config, self.mechanism);
        assert_eq!(server.step(client.step(b"").1.unwrap()).0, SCRAMTOKEN_NEED_CREDENTIAL);
        assert_eq!(server.supply_user(&self.credential), SCRAMTOKEN_OK);
        let challenge = server.step(b"").1.unwrap();
        let right = client.step(challenge).1.unwrap();
        let wrong = with_a_wrong_bit(right, in_the_last);

        let begin = Instant::now();
        let (status, refusal) = server.step(&wrong);
        let took = begin.elapsed();
        assert!(status < 0 && refusal == Some(b"e=invalid-proof"));
        took
    }
}

fn with_a_wrong_bit(client_final: &[u8], in_the_last: bool) -> Vec<u8> {
    let client_final = std::str::from_utf8(client_final).unwrap();
    let (without_proof, proof) = client_final.split_once(",p=").unwrap();
    let mut proof = STANDARD.decode(proof).unwrap();
    let at = [0, proof.len() - 1][usize::from(in_the_last)];
    proof[at] ^= 1;
    format!("{without_proof},p={}", STANDARD.encode(proof)).into_bytes()
}
