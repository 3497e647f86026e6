//! The server's side of a login, looked up in a store beside one whose credential was supplied.

use std::hint::black_box;

use scramtoken::{
    AwaitClientFirst, Cancel, ClientCredential, ClientLogin, Credential, NONCE_ENTROPY,
    NeedCredential, Nonce, ServerPolicy, Store, StoredKeys,
};

use super::{MECHANISM, report, time};

const SALT: &[u8] = b"sixteen bytes...";
const PASSWORD: &[u8] = b"pencil";

pub(crate) fn bench(store: &Store) {
    let keys = StoredKeys::derive(MECHANISM, PASSWORD, SALT, 4096).unwrap();
    let credential =
        Credential::new(MECHANISM, SALT, 4096, keys.stored_key(), keys.server_key()).unwrap();
    store.put_credential(b"alice", &credential).unwrap();

    // The client's messages, which are the same each time.
    let client = ClientCredential::password(b"alice", PASSWORD).unwrap();
    let client = ClientLogin::new(MECHANISM, client).start(&nonce()).unwrap();
    let first = client.message().to_vec();
    let challenge = question(&first).supply_user(&credential).unwrap();
    let client = client.step(challenge.message(), None, &Cancel::default()).unwrap();
    let last = client.message().to_vec();

    let supplied = || {
        let login = question(&first).supply_user(&credential).unwrap();
        black_box(login.step(&last, 0).unwrap());
    };
    let looked_up = || {
        let login = store.answer(question(&first), &store.mock_challenges(4096)).unwrap();
        black_box(login.step(&last, 0).unwrap());
    };
    // In turns, so that both see the same machine.
    let (mut of_supplied, mut of_looked_up) = (Vec::new(), Vec::new());
    for _ in 0..20_000 {
        of_supplied.push(time(supplied));
        of_looked_up.push(time(looked_up));
    }
    report("handshake/supplied", "us", of_supplied);
    report("handshake/store", "us", of_looked_up);
}

fn question(first: &[u8]) -> NeedCredential {
    AwaitClientFirst::new(MECHANISM, ServerPolicy::default(), nonce()).step(first).unwrap()
}

fn nonce() -> Nonce {
    Nonce::from_random([7; NONCE_ENTROPY])
}
