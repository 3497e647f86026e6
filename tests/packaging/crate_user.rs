//! A program of someone else's that depends on the crate: a token logs in to a server in memory.

use scramtoken::{
    AwaitClientFirst, Cancel, ClientCredential, ClientLogin, Credential, Error, Mechanism,
    NONCE_ENTROPY, Nonce, ServerPolicy, StoredKeys,
};

fn main() -> Result<(), Error> {
    let (mechanism, salt, hmac) = (Mechanism::ScramSha512, b"0123456789abcdef", b"aG1hYw==");
    let keys = StoredKeys::derive(mechanism, hmac, salt, 4096)?;
    let stored = Credential::new(mechanism, salt, 4096, keys.stored_key(), keys.server_key())?;

    let nonce = |byte| Nonce::from_random([byte; NONCE_ENTROPY]);
    let client = ClientLogin::new(mechanism, ClientCredential::token(b"token-1", hmac)?);
    let server = AwaitClientFirst::new(mechanism, ServerPolicy::default(), nonce(1));

    let client = client.start(&nonce(2))?;
    let server = server.step(client.message()).unwrap();
    let server = server.supply_token(&stored, "alice", -1).unwrap();
    let client = client.step(server.message(), None, &Cancel::default())?;
    let server = server.step(client.message(), 0).unwrap();
    client.step(server.message())?;
    println!("{} by {}", server.name(), server.token_id().unwrap());
    Ok(())
}
