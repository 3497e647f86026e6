//! SCRAM's arithmetic once more, from the crates alone: what the library is measured against.

use std::ffi::CStr;

use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::digest::{Digest, KeyInit};
use hmac::{Hmac, Mac};
use pbkdf2::pbkdf2_hmac;
use sha2::{Sha256, Sha512};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Hash {
    Sha256,
    Sha512,
}

impl Hash {
    pub fn of_bit(sha512: bool) -> Self {
        if sha512 { Self::Sha512 } else { Self::Sha256 }
    }

    pub fn mechanism(self) -> &'static CStr {
        match self {
            Self::Sha256 => c"SCRAM-SHA-256",
            Self::Sha512 => c"SCRAM-SHA-512",
        }
    }

    fn key_len(self) -> usize {
        match self {
            Self::Sha256 => 32,
            Self::Sha512 => 64,
        }
    }

    fn hash(self, message: &[u8]) -> Vec<u8> {
        match self {
            Self::Sha256 => Sha256::digest(message).to_vec(),
            Self::Sha512 => Sha512::digest(message).to_vec(),
        }
    }

    fn hmac(self, key: &[u8], message: &[u8]) -> Vec<u8> {
        match self {
            Self::Sha256 => mac::<Hmac<Sha256>>(key, message),
            Self::Sha512 => mac::<Hmac<Sha512>>(key, message),
        }
    }
}

fn mac<M: Mac + KeyInit>(key: &[u8], message: &[u8]) -> Vec<u8> {
    <M as KeyInit>::new_from_slice(key)
        .unwrap()
        .chain_update(message)
        .finalize()
        .into_bytes()
        .to_vec()
}

/// One name's keys on both sides.
#[derive(Clone, Debug)]
pub struct Keys {
    hash: Hash,
    client_key: Vec<u8>,
    pub stored_key: Vec<u8>,
    pub server_key: Vec<u8>,
}

impl Keys {
    pub fn derive(hash: Hash, password: &[u8], salt: &[u8], iterations: u32) -> Self {
        let mut salted = vec![0; hash.key_len()];
        match hash {
            Hash::Sha256 => pbkdf2_hmac::<Sha256>(password, salt, iterations, &mut salted),
            Hash::Sha512 => pbkdf2_hmac::<Sha512>(password, salt, iterations, &mut salted),
        }
        let client_key = hash.hmac(&salted, b"Client Key");
        let stored_key = hash.hash(&client_key);
        let server_key = hash.hmac(&salted, b"Server Key");
        Self { hash, client_key, stored_key, server_key }
    }

    /// Base64 of the ClientProof.
    pub fn proof(&self, auth_message: &[u8]) -> String {
        let mut proof = self.hash.hmac(&self.stored_key, auth_message);
        for (byte, key) in proof.iter_mut().zip(&self.client_key) {
            *byte ^= key;
        }
        STANDARD.encode(proof)
    }

    /// Base64 of the ServerSignature.
    pub fn signature(&self, auth_message: &[u8]) -> String {
        STANDARD.encode(self.hash.hmac(&self.server_key, auth_message))
    }
}

/// A client-first-message as GS2 header and bare message.
pub fn split_client_first(message: &[u8]) -> (&[u8], &[u8]) {
    let mut commas = message.iter().enumerate().filter(|(_, byte)| **byte == b',');
    let end = commas.nth(1).map_or(0, |(at, _)| at + 1);
    message.split_at(end)
}

pub fn auth_message(client_first: &[u8], server_first: &[u8], without_proof: &[u8]) -> Vec<u8> {
    let (_, bare) = split_client_first(client_first);
    [bare, server_first, without_proof].join(&b',')
}

/// A client-final-message up to its proof, which is the last attribute; None where there is none.
pub fn split_client_final(message: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = message.windows(3).rposition(|window| window == b",p=")?;
    Some((&message[..at], &message[at + 3..]))
}

/// `c=` and `r=` as they have to open a client-final-message.
pub fn client_final_start(client_first: &[u8], nonce: &[u8]) -> Vec<u8> {
    let (gs2_header, _) = split_client_first(client_first);
    [b"c=", STANDARD.encode(gs2_header).as_bytes(), b",r=", nonce].concat()
}
