//! The same login again and again, each on a connection of its own.

use std::num::NonZeroUsize;
use std::sync::Arc;

use scramtoken::{Client, ClientCredential, ClientProgress, KeyCache, Mechanism};
use serde_json::Value;

use crate::connection::Broker;
use crate::{Failure, frame};

pub(crate) struct Logins {
    broker: Broker,
    mechanism: Mechanism,
    credential: ClientCredential,
    key_cache: Arc<KeyCache>,
}

impl Logins {
    pub(crate) fn new(options: &Value) -> Result<Self, Failure> {
        let text = |name| options[name].as_str().ok_or_else(|| format!("{name} is no text"));
        let (name, secret) = (text("name")?.as_bytes(), text("secret")?.as_bytes());
        let credential = match options["is_token"].as_bool().ok_or("is_token is no boolean")? {
            true => ClientCredential::token(name, secret)?,
            false => ClientCredential::password(name, secret)?,
        };
        let mut random = [0; 32];
        getrandom::fill(&mut random)?;
        Ok(Self {
            broker: Broker::new(text("address")?, options["ca"].as_str())?,
            mechanism: Mechanism::from_name(text("mechanism")?)?,
            credential,
            key_cache: Arc::new(KeyCache::new(NonZeroUsize::MIN, random)),
        })
    }

    /// Connects, logs in and closes. That the broker lets us in is not enough: it proves itself.
    pub(crate) fn log_in(&self) -> Result<(), Failure> {
        let mut connection = self.broker.connect()?;
        frame::handshake(&mut connection, self.mechanism.name())?;
        let client = Client::new(self.mechanism);
        client.set_credential(self.credential.clone())?;
        client.set_key_cache(&self.key_cache)?;
        let mut progress = client.step(b"")?;
        let mut correlation_id = 1;
        while progress == ClientProgress::Continue {
            correlation_id += 1;
            let message = client.message();
            let answer = frame::authenticate(&mut connection, correlation_id, &message)?;
            progress = client.step(&answer)?;
        }
        connection.finish()?;
        Ok(())
    }
}
