//! Our client against our server with somebody in between: a login succeeds exactly when every byte
//! arrives as it was sent.
#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use scramtoken::{
    AwaitClientFirst, Cancel, ClientCredential, ClientLogin, Credential, IdentityKind,
    IterationLimits, Mechanism, Nonce, ServerPolicy, StoredKeys,
};

#[derive(Arbitrary, Debug)]
struct Tampering {
    sha512: bool,
    token: bool,
    implicit_tokens: bool,
    doubled_nonce: bool,
    /// What happens to each of the four messages on its way.
    edits: [Vec<Edit>; 4],
}

/// Replaces bytes by others; positions and lengths are taken modulo what there is.
#[derive(Arbitrary, Debug)]
struct Edit {
    at: u16,
    remove: u8,
    insert: Vec<u8>,
}

impl Edit {
    fn apply(&self, message: &mut Vec<u8>) {
        let start = usize::from(self.at) % (message.len() + 1);
        let end = (start + usize::from(self.remove)).min(message.len());
        message.splice(start..end, self.insert.iter().copied());
    }
}

const PASSWORD: &[u8] = b"pencil";
const SALT: &[u8] = b"salt of accounts";
const NOW_MS: i64 = 1_700_000_000_000;
/// So few that a challenge with a forged count costs nothing.
const MAX_ITERATIONS: u32 = 64;

fuzz_target!(|tampering: Tampering| {
    let (server, client) = log_in(&tampering);
    assert_eq!(server.accepted, server.untouched);
    assert_eq!(client.accepted, client.untouched);
});

/// What one side came to, and whether all that it depends on arrived as it was sent.
#[derive(Default)]
struct Side {
    accepted: bool,
    untouched: bool,
}

fn log_in(tampering: &Tampering) -> (Side, Side) {
    let (mut server, mut client) = (Side::default(), Side::default());
    let mut untouched = true;
    let mut deliver = |index: usize, message: &[u8]| {
        let mut delivered = message.to_vec();
        for edit in &tampering.edits[index] {
            edit.apply(&mut delivered);
        }
        untouched &= delivered == message;
        (delivered, untouched)
    };

    let mechanism = if tampering.sha512 { Mechanism::ScramSha512 } else { Mechanism::ScramSha256 };
    let credential = if tampering.token {
        ClientCredential::token(b"user", PASSWORD)
    } else {
        ClientCredential::password(b"user", PASSWORD)
    };
    let mut login = ClientLogin::new(mechanism, credential.unwrap());
    login.set_iteration_limits(IterationLimits::new(1, MAX_ITERATIONS).unwrap());
    let start = login.start(&Nonce::from_text(b"clientNONCE").unwrap()).unwrap();

    let policy = ServerPolicy {
        implicit_tokens: tampering.implicit_tokens,
        doubled_nonce: tampering.doubled_nonce,
    };
    let nonce = Nonce::from_text(b"serverNONCE").unwrap();
    let (message, _) = deliver(0, start.message());
    let Ok(question) = AwaitClientFirst::new(mechanism, policy, nonce).step(&message) else {
        return (server, client);
    };
    // Every name has the same password, as user and as token, so that nothing but the proof helps.
    let keys = StoredKeys::derive(mechanism, PASSWORD, SALT, 1).unwrap();
    let credential =
        Credential::new(mechanism, SALT, 1, keys.stored_key(), keys.server_key()).unwrap();
    let challenged = if question.kind() == IdentityKind::User {
        question.supply_user(&credential)
    } else {
        question.supply_token(&credential, "alice", NOW_MS)
    };
    let Ok(challenged) = challenged else { return (server, client) };

    let (message, _) = deliver(1, challenged.message());
    let Ok(proved) = start.step(&message, None, &Cancel::default()) else {
        return (server, client);
    };

    let (message, untouched) = deliver(2, proved.message());
    server.untouched = untouched;
    let Ok(authenticated) = challenged.step(&message, NOW_MS) else { return (server, client) };
    server.accepted = true;

    let (message, untouched) = deliver(3, authenticated.message());
    // Nothing signs the extensions that may follow the signature (RFC 5802, section 7).
    let extended =
        message.strip_prefix(authenticated.message()).is_some_and(|rest| rest.starts_with(b","));
    client.accepted = proved.step(&message).is_ok();
    client.untouched = untouched || (extended && client.accepted);
    (server, client)
}
