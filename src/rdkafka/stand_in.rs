//! The credential that librdkafka logs in to us with, made up for each client.
//!
//! 256 random bits: should a connection ever reach a broker, or a man in the middle, without us,
//! this is all that there is to see, and it is good for nothing.

use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};
use zeroize::Zeroizing;

use crate::error::Error;
use crate::scram::{
    AwaitClientFinal, AwaitClientFirst, Credential, Mechanism, Nonce, ServerPolicy, StoredKeys,
};

/// The user name that librdkafka is given.
pub(super) const USERNAME: &str = "scramtoken";

/// What librdkafka is given for a password. Zeroed on drop.
#[derive(Clone)]
pub(super) struct StandInPassword(Zeroizing<String>);

impl StandInPassword {
    pub(super) fn new() -> Result<Self, Error> {
        let random = Zeroizing::new(crate::random::bytes::<32>()?);
        Ok(Self(Zeroizing::new(STANDARD_NO_PAD.encode(random.as_slice()))))
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

/// The server's side of that credential.
pub(super) struct StandIn {
    mechanism: Mechanism,
    salt: [u8; 16],
    keys: StoredKeys,
}

impl StandIn {
    pub(super) fn new(mechanism: Mechanism, password: &StandInPassword) -> Result<Self, Error> {
        let salt = crate::random::bytes()?;
        let keys = StoredKeys::derive(mechanism, password.0.as_bytes(), &salt, ITERATIONS)?;
        Ok(Self { mechanism, salt, keys })
    }

    /// A login of librdkafka's that has not begun.
    pub(super) fn server(&self, nonce: Nonce) -> AwaitClientFirst {
        // librdkafka before 2.6.1 doubles its nonce; what it proves is the same.
        let policy = ServerPolicy { implicit_tokens: false, doubled_nonce: true };
        AwaitClientFirst::new(self.mechanism, policy, nonce)
    }

    /// Challenges librdkafka.
    pub(super) fn challenge(
        &self,
        state: AwaitClientFirst,
        client_first: &[u8],
    ) -> Result<AwaitClientFinal, Error> {
        let (stored_key, server_key) = (self.keys.stored_key(), self.keys.server_key());
        let credential =
            Credential::new(self.mechanism, &self.salt, ITERATIONS, stored_key, server_key)?;
        state
            .step(client_first)
            .and_then(|need| need.supply_user(&credential))
            .map_err(|rejected| rejected.error().clone())
    }
}

/// Hashing again and again slows down who guesses; nobody guesses 256 random bits.
const ITERATIONS: u32 = 1;
