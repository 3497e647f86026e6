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
    /// answered last does not tell.
    pub(crate) fn has_token(&mut self, id: &str) -> Option<bool> {
        // A token that nobody has made: who gives a challenge for it gives one for every name.
        let nobody = Nonce::random().ok()?;
        let nobody = nobody.as_str().get(..22)?;
        match self.is_challenged(nobody) {
            Ok(false) => self.is_challenged(id).ok(),
            Ok(true) | Err(_) => None,
        }
    }

    fn is_challenged(&mut self, id: &str) -> Result<bool, Error> {
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
                    error_code::NONE => Ok(true),
                    SASL_AUTHENTICATION_FAILED => Ok(false),
                    code => Err(error_code::failure(SaslAuthenticateRequest::NAME, code, None)),
                };
            }
            let name = SaslHandshakeRequest::NAME;
            Err(error_code::failure(name, UNSUPPORTED_SASL_MECHANISM, None))
        };
        ask().map_err(|failure: Failure| failure.error)
    }
}
