//! The least that a login can take: a nonce from the system, two HMACs over the AuthMessage, a hash,
//! and base64. It reads nothing of a message but what it needs, refuses nothing else than a wrong
//! proof, and allocates nothing. It is the other side of whatever is measured, too.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::account::{Account, ITERATIONS, USER};
use crate::parts::{Hash, Parts};
use crate::worker::{Peer, Refused};

const NONCE: usize = 24;

/// Messages that have been sent, one after the other: the AuthMessage at last.
pub(crate) struct Sent {
    bytes: [u8; 512],
    len: usize,
}

impl Sent {
    fn new() -> Self {
        Self { bytes: [0; 512], len: 0 }
    }

    fn push(&mut self, message: &[u8]) {
        self.bytes[self.len..][..message.len()].copy_from_slice(message);
        self.len += message.len();
    }

    fn as_slice(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

/// Keys whose HMAC has taken them in, or has still to.
enum Key<P: Parts> {
    Midstates(P::Key),
    Bytes(P::Hash),
}

impl<P: Parts> Key<P> {
    fn new(bytes: &[u8], midstates: bool) -> Self {
        if midstates {
            return Self::Midstates(P::key(bytes));
        }
        let mut hash = P::Hash::ZERO;
        hash.as_mut().copy_from_slice(bytes);
        Self::Bytes(hash)
    }

    fn hmac(&self, message: &[u8]) -> P::Hash {
        match self {
            Self::Midstates(key) => P::hmac(key, message),
            Self::Bytes(bytes) => P::hmac(&P::key(bytes), message),
        }
    }
}

pub(crate) struct LeastServer<P: Parts> {
    stored: P::Hash,
    stored_key: Key<P>,
    server_key: Key<P>,
    /// What comes after the nonce of a challenge.
    salt_and_iterations: String,
}

impl<P: Parts> LeastServer<P> {
    pub(crate) fn new(account: &Account, midstates: bool) -> Self {
        let mut stored = P::Hash::ZERO;
        stored.as_mut().copy_from_slice(&account.stored_key);
        Self {
            stored,
            stored_key: Key::new(&account.stored_key, midstates),
            server_key: Key::new(&account.server_key, midstates),
            salt_and_iterations: format!(",s={},i={ITERATIONS}", account.salt),
        }
    }
}

impl<P: Parts> Peer for LeastServer<P> {
    type Login = Sent;

    fn begin(&self) -> Sent {
        Sent::new()
    }

    fn step(&self, sent: &mut Sent, message: &[u8], answer: &mut Vec<u8>) -> Result<bool, Refused> {
        if sent.len == 0 {
            let bare = message.strip_prefix(b"n,,").ok_or(Refused)?;
            let (_, nonce) = split_at_last(bare, b",r=")?;
            answer.extend_from_slice(b"r=");
            answer.extend_from_slice(nonce);
            answer.extend_from_slice(&random_nonce());
            answer.extend_from_slice(self.salt_and_iterations.as_bytes());
            sent.push(bare);
            sent.push(b",");
            sent.push(answer);
            sent.push(b",");
            return Ok(false);
        }
        let (without_proof, proof) = split_at_last(message, b",p=")?;
        sent.push(without_proof);
        let mut key = decoded::<P>(proof)?;
        let client_signature = self.stored_key.hmac(sent.as_slice());
        xor::<P>(&mut key, &client_signature);
        let is_right = same::<P>(&P::hash(key.as_ref()), &self.stored);
        if !is_right {
            return Err(Refused);
        }
        let signature = self.server_key.hmac(sent.as_slice());
        answer.extend_from_slice(b"v=");
        encode(signature.as_ref(), answer);
        Ok(true)
    }
}

pub(crate) struct LeastClient<P: Parts> {
    client_key: P::Hash,
    stored_key: Key<P>,
    server_key: Key<P>,
}

impl<P: Parts> LeastClient<P> {
    pub(crate) fn new(account: &Account, midstates: bool) -> Self {
        let mut client_key = P::Hash::ZERO;
        client_key.as_mut().copy_from_slice(&account.client_key);
        Self {
            client_key,
            stored_key: Key::new(&account.stored_key, midstates),
            server_key: Key::new(&account.server_key, midstates),
        }
    }
}

pub(crate) struct ClientSent {
    sent: Sent,
    expected: Option<Vec<u8>>,
}

impl<P: Parts> Peer for LeastClient<P> {
    type Login = ClientSent;

    fn begin(&self) -> ClientSent {
        ClientSent { sent: Sent::new(), expected: None }
    }

    fn step(
        &self,
        ClientSent { sent, expected }: &mut ClientSent,
        message: &[u8],
        answer: &mut Vec<u8>,
    ) -> Result<bool, Refused> {
        if let Some(expected) = expected {
            let signature = message.strip_prefix(b"v=").ok_or(Refused)?;
            let mut right = P::Hash::ZERO;
            right.as_mut().copy_from_slice(expected);
            return if same::<P>(&decoded::<P>(signature)?, &right) {
                Ok(true)
            } else {
                Err(Refused)
            };
        }
        if sent.len == 0 {
            answer.extend_from_slice(b"n,,n=");
            answer.extend_from_slice(USER.as_bytes());
            answer.extend_from_slice(b",r=");
            answer.extend_from_slice(&random_nonce());
            sent.push(&answer[3..]);
            return Ok(false);
        }
        let nonce = message.split(|byte| *byte == b',').next().ok_or(Refused)?;
        answer.extend_from_slice(b"c=biws,");
        answer.extend_from_slice(nonce);
        sent.push(b",");
        sent.push(message);
        sent.push(b",");
        sent.push(answer);
        let mut proof = self.client_key;
        xor::<P>(&mut proof, &self.stored_key.hmac(sent.as_slice()));
        answer.extend_from_slice(b",p=");
        encode(proof.as_ref(), answer);
        *expected = Some(self.server_key.hmac(sent.as_slice()).as_ref().to_vec());
        Ok(false)
    }
}

fn random_nonce() -> [u8; NONCE] {
    let (mut random, mut nonce) = ([0; NONCE / 4 * 3], [0; NONCE]);
    getrandom::fill(&mut random).unwrap();
    STANDARD.encode_slice(random, &mut nonce).unwrap();
    nonce
}

fn encode(bytes: &[u8], answer: &mut Vec<u8>) {
    let mut text = [0; 88];
    let len = STANDARD.encode_slice(bytes, &mut text).unwrap();
    answer.extend_from_slice(&text[..len]);
}

fn decoded<P: Parts>(text: &[u8]) -> Result<P::Hash, Refused> {
    let mut hash = P::Hash::ZERO;
    let mut bytes = [0; 66]; // as the encoder rounds up
    let len = STANDARD.decode_slice(text, &mut bytes).map_err(|_| Refused)?;
    if len != P::Hash::LEN {
        return Err(Refused);
    }
    hash.as_mut().copy_from_slice(&bytes[..len]);
    Ok(hash)
}

fn xor<P: Parts>(to: &mut P::Hash, with: &P::Hash) {
    for (byte, other) in to.as_mut().iter_mut().zip(with.as_ref()) {
        *byte ^= other;
    }
}

/// In the time that it takes for equal ones.
fn same<P: Parts>(one: &P::Hash, other: &P::Hash) -> bool {
    let pairs = one.as_ref().iter().zip(other.as_ref());
    std::hint::black_box(pairs.fold(0, |difference, (a, b)| difference | (a ^ b))) == 0
}

fn split_at_last<'a>(message: &'a [u8], mark: &[u8]) -> Result<(&'a [u8], &'a [u8]), Refused> {
    let at = message.windows(mark.len()).rposition(|window| window == mark).ok_or(Refused)?;
    Ok((&message[..at], &message[at + mark.len()..]))
}
