//! Who logs in, everywhere in this benchmark.
#![allow(dead_code, reason = "each of the two programs needs some of it")]

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::parts::Parts;

pub(crate) const MECHANISMS: [&str; 2] = ["SCRAM-SHA-256", "SCRAM-SHA-512"];
pub(crate) const USER: &str = "alice";
pub(crate) const PASSWORD: &str = "correct horse battery staple";
pub(crate) const SALT: &[u8] = b"sixteen bytes...";
pub(crate) const ITERATIONS: u32 = 4096;

/// The keys of RFC 5802, section 3.
#[derive(Clone)]
pub(crate) struct Account {
    pub(crate) salt: String,
    pub(crate) salted: Vec<u8>,
    pub(crate) client_key: Vec<u8>,
    pub(crate) stored_key: Vec<u8>,
    pub(crate) server_key: Vec<u8>,
}

impl Account {
    pub(crate) fn new<P: Parts>(password: &str) -> Self {
        let salted = P::pbkdf2(password.as_bytes(), SALT, ITERATIONS);
        let of = |name: &[u8]| P::hmac(&P::key(salted), name);
        let client_key = of(b"Client Key");
        Self {
            salt: STANDARD.encode(SALT),
            stored_key: P::hash(client_key.as_ref()).as_ref().to_vec(),
            client_key: client_key.as_ref().to_vec(),
            server_key: of(b"Server Key").as_ref().to_vec(),
            salted: salted.as_ref().to_vec(),
        }
    }
}
