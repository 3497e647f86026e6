//! SCRAM-SHA-256 and SCRAM-SHA-512, with a password or a token.

use super::Exchange;
use super::Failure;
use crate::scram::{Cancel, ClientCredential, ClientLogin, Mechanism, Nonce};

#[derive(Clone)]
pub(super) struct Scram {
    pub(super) mechanism: Mechanism,
    pub(super) credential: ClientCredential,
    /// Whether to do what librdkafka before 2.6.1 does.
    pub(super) doubles_nonce: bool,
}

impl Scram {
    /// The session's lifetime in ms.
    pub(super) fn log_in(&self, exchange: &mut Exchange<'_>) -> Result<i64, Failure> {
        let nonce = Nonce::random()?;
        let mut login = ClientLogin::new(self.mechanism, self.credential.clone());
        if self.doubles_nonce {
            login.double_nonce();
        }
        let login = login.start(&nonce)?;
        let (server_first, _) = exchange.authenticate(login.message())?;
        let login = login.step(&server_first, None, &Cancel::default())?;
        let (server_final, lifetime_ms) = exchange.authenticate(login.message())?;
        login.step(&server_final)?;
        Ok(lifetime_ms)
    }
}
