//! Whether a token is there, of which nothing but the id is known.
//!
//! Kafka's own SaslServer refuses an unknown token at the client's first message, and a known one gets a
//! challenge. No secret is needed, and none is sent; the login is broken off. A listener with another
//! SaslServer may make challenges up, as scramtoken's own does: then it says nothing.

use kafka_protocol::messages::{SaslAuthenticateRequest, SaslHandshakeRequest};

use super::apis::Api;
use super::cluster::Cluster;
use super::connection::Connection;
use super::deadline::Deadline;
use super::error_code;
use super::failure::Failure;
use crate::error::Error;
use crate::scram::{ClientCredential, ClientLogin, Mechanism, Nonce};

impl Cluster {
    /// Whether there is a token of this id, whether we may see it or not; None where the broker that
    /// answered last does not tell, since it has no SCRAM or challenges everybody.
    ///
    /// # Errors
    ///
    /// `IO`, and what else keeps a broker from being asked.
    pub(crate) fn has_token(&mut self, id: &str) -> Result<Option<bool>, Error> {
        // A token that nobody has made: who gives a challenge for it gives one for every name.
        let nobody = Nonce::random()?;
        let nobody: String = nobody.as_str().chars().take(22).collect();
        match self.is_challenged(&nobody)? {
            Some(false) => self.is_challenged(id),
            Some(true) | None => Ok(None),
        }
    }

    /// None where the broker has no SCRAM.
    fn is_challenged(&mut self, id: &str) -> Result<Option<bool>, Error> {
        const UNSUPPORTED_SASL_MECHANISM: i16 = 33;
        const SASL_AUTHENTICATION_FAILED: i16 = 58;

        let deadline = Deadline::after(self.config().request_timeout);
        let address = self.connect()?.address().clone();
        let ask = || {
            let config = self.config().without_login();
            for mechanism in [Mechanism::ScramSha512, Mechanism::ScramSha256] {
                let mut connection = Connection::open(&address, &config, deadline)?;
                let hello = SaslHandshakeRequest::default().with_mechanism(mechanism.name().into());
                match connection.call(&hello, deadline)?.error_code {
                    error_code::NONE => {}
                    UNSUPPORTED_SASL_MECHANISM => continue,
                    code => {
                        return Err(error_code::failure(SaslHandshakeRequest::NAME, code, None));
                    }
                }
                let credential = ClientCredential::token(id.as_bytes(), b"none")?;
                let login = ClientLogin::new(mechanism, credential).start(&Nonce::random()?)?;
                let message = login.message().to_vec();
                let first = SaslAuthenticateRequest::default().with_auth_bytes(message.into());
                return match connection.call(&first, deadline)?.error_code {
                    error_code::NONE => Ok(Some(true)),
                    SASL_AUTHENTICATION_FAILED => Ok(Some(false)),
                    code => Err(error_code::failure(SaslAuthenticateRequest::NAME, code, None)),
                };
            }
            Ok(None)
        };
        ask().map_err(|failure: Failure| failure.error)
    }
}
