//! What holds for every login, tried with random ones.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may")]

use proptest::prelude::*;
use scramtoken::{
    AwaitClientFirst, Cancel, ClientCredential, ClientLogin, Credential, IdentityKind,
    IterationLimits, Mechanism, MockChallenges, MockSecret, NeedCredential, Nonce, ServerPolicy,
    Status, StoredKeys,
};

const NONCE: [u8; scramtoken::NONCE_ENTROPY] = [1; scramtoken::NONCE_ENTROPY];

/// One party's idea of a login.
#[derive(Clone, Debug)]
struct Party {
    mechanism: Mechanism,
    name: String,
    secret: Vec<u8>,
    salt: Vec<u8>,
    iterations: u32,
    is_token: bool,
}

impl Party {
    fn credential(&self) -> ClientCredential {
        let (name, secret) = (self.name.as_bytes(), &self.secret);
        if self.is_token {
            ClientCredential::token(name, secret).unwrap()
        } else {
            ClientCredential::password(name, secret).unwrap()
        }
    }

    fn client(&self) -> ClientLogin {
        let mut client = ClientLogin::new(self.mechanism, self.credential());
        client.set_iteration_limits(IterationLimits::new(1, 1000).unwrap());
        client
    }

    fn keys(&self) -> StoredKeys {
        StoredKeys::derive(self.mechanism, &self.secret, &self.salt, self.iterations).unwrap()
    }

    fn server(&self) -> AwaitClientFirst {
        let nonce = Nonce::from_random([2; scramtoken::NONCE_ENTROPY]);
        AwaitClientFirst::new(self.mechanism, ServerPolicy::default(), nonce)
    }

    fn supply(
        &self,
        server: NeedCredential,
    ) -> Result<scramtoken::AwaitClientFinal, scramtoken::Rejected> {
        let keys = self.keys();
        let (stored_key, server_key) = (keys.stored_key(), keys.server_key());
        let (salt, iterations) = (&self.salt, self.iterations);
        let credential =
            Credential::new(self.mechanism, salt, iterations, stored_key, server_key).unwrap();
        if self.is_token {
            server.supply_token(&credential, "owner", -1)
        } else {
            server.supply_user(&credential)
        }
    }
}

/// How a byte of one of the four messages is damaged on its way.
#[derive(Clone, Debug)]
struct Damage {
    message: usize,
    at: prop::sample::Index,
    what: Change,
}

#[derive(Clone, Debug)]
enum Change {
    Flip(u8),
    Remove,
    Insert(u8),
    Truncate,
}

impl Damage {
    fn apply(&self, message: usize, bytes: &[u8]) -> Vec<u8> {
        let mut bytes = bytes.to_vec();
        if message == self.message {
            let at = self.at.index(bytes.len());
            match self.what {
                Change::Flip(bits) => bytes[at] ^= bits,
                Change::Remove => drop(bytes.remove(at)),
                Change::Insert(byte) => bytes.insert(at, byte),
                Change::Truncate => bytes.truncate(at),
            }
        }
        bytes
    }
}

fn party() -> impl Strategy<Value = Party> {
    (
        prop::sample::select(Mechanism::ALL.to_vec()),
        "[^\\x00]{1,40}",
        prop::collection::vec(any::<u8>(), 1..100),
        prop::collection::vec(any::<u8>(), 1..40),
        1..5u32,
        any::<bool>(),
    )
        .prop_map(|(mechanism, name, secret, salt, iterations, is_token)| Party {
            mechanism,
            name,
            secret,
            salt,
            iterations,
            is_token,
        })
}

fn damage() -> impl Strategy<Value = Damage> {
    let what = prop_oneof![
        (1..=255u8).prop_map(Change::Flip),
        Just(Change::Remove),
        any::<u8>().prop_map(Change::Insert),
        Just(Change::Truncate),
    ];
    (0..4usize, any::<prop::sample::Index>(), what).prop_map(|(message, at, what)| Damage {
        message,
        at,
        what,
    })
}

/// Whether the server accepts the client, and whether the client accepts the server.
fn log_in(party: &Party, damage: Option<&Damage>) -> (bool, bool) {
    let forward = |message: usize, bytes: &[u8]| match damage {
        Some(damage) => damage.apply(message, bytes),
        None => bytes.to_vec(),
    };
    let client = party.client().start(&Nonce::from_random(NONCE)).unwrap();
    let Ok(server) = party.server().step(&forward(0, client.message())) else {
        return (false, false);
    };
    // What a server with this one credential answers.
    let is_right_kind = (server.kind() == IdentityKind::Token) == party.is_token;
    let secret = MockSecret::new(b"mock").unwrap();
    let mock = MockChallenges::new(&secret, party.iterations);
    let server = if server.name() == party.name && is_right_kind {
        party.supply(server).unwrap()
    } else {
        server.supply_unknown(&mock).unwrap()
    };
    let challenge = forward(1, server.message());
    let Ok(client) = client.step(&challenge, None, &Cancel::default()) else {
        return (false, false);
    };
    let Ok(server) = server.step(&forward(2, client.message()), 0) else {
        return (false, false);
    };
    (true, client.step(&forward(3, server.message())).is_ok())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..Default::default() })]

    #[test]
    fn the_right_credential_logs_in(party in party()) {
        prop_assert_eq!(log_in(&party, None), (true, true));
    }

    #[test]
    fn no_damaged_message_is_accepted(party in party(), damage in damage()) {
        let (server_accepts, client_accepts) = log_in(&party, Some(&damage));
        prop_assert!(!client_accepts);
        // The server's last message is damaged after its verdict.
        prop_assert_eq!(server_accepts, damage.message == 3);
    }

    #[test]
    fn another_secret_is_refused(party in party(), other in prop::collection::vec(any::<u8>(), 1..40)) {
        // HMAC pads short keys with zeros, so a secret and the same with zeros behind are one.
        let stem = |secret: &[u8]| {
            let end = secret.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
            secret[..end].to_vec()
        };
        prop_assume!(stem(&party.secret) != stem(&other));
        let impostor = Party { secret: other, ..party.clone() };
        let client = impostor.client().start(&Nonce::from_random(NONCE)).unwrap();
        let server = party.supply(party.server().step(client.message()).unwrap()).unwrap();
        let client = client.step(server.message(), None, &Cancel::default()).unwrap();
        let rejected = server.step(client.message(), 0).unwrap_err();
        prop_assert_eq!(rejected.error().status(), Status::INVALID_PROOF);
        prop_assert_eq!(rejected.message(), b"e=invalid-proof");
    }

    #[test]
    fn no_bytes_make_a_server_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), party in party()) {
        let _ = party.server().step(&bytes);
        let client = party.client().start(&Nonce::from_random(NONCE)).unwrap();
        let server = party.supply(party.server().step(client.message()).unwrap()).unwrap();
        prop_assert!(server.step(&bytes, 0).is_err());
    }

    #[test]
    fn messages_of_the_right_alphabet_never_panic(
        text in "([nyparscivem]=)?[a-zA-Z0-9=+/,%]{0,60}(,[nyparscivem]=[a-zA-Z0-9=+/]{0,20}){0,6}",
        party in party(),
    ) {
        let _ = party.server().step(text.as_bytes());
        let client = party.client().start(&Nonce::from_random(NONCE)).unwrap();
        prop_assert!(client.step(text.as_bytes(), None, &Cancel::default()).is_err());
    }
}
