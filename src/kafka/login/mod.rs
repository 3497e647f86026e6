//! Logging in: SaslHandshake, then SaslAuthenticate with the messages of a mechanism in it. Each
//! mechanism has a file; `from_properties` reads which one is wanted, and with what secret.

mod from_properties;
mod gssapi;
mod oauthbearer;
mod plain;
mod scram;

use core::fmt;
use core::time::Duration;

use bytes::Bytes;
use kafka_protocol::messages::{SaslAuthenticateRequest, SaslHandshakeRequest};
use zeroize::Zeroizing;

use self::gssapi::Gssapi;
pub(crate) use self::gssapi::{end_process, is_waiting as is_waiting_for_kdc};
use self::oauthbearer::OauthBearer;
use self::plain::Plain;
use self::scram::Scram;
use super::apis::Api;
use super::connection::Connection;
use super::deadline::Deadline;
use super::error_code;
use super::failure::Failure;
use super::property::{invalid, value};
use super::untrusted::{excerpt, unless_secret};
use crate::properties::Properties;
use crate::scram::{ClientCredential, Mechanism};
use crate::{error::Error, status::Status};

/// How to log in, and as whom.
#[derive(Clone)]
pub(crate) struct Login {
    /// The user's name or the token's id, for messages; empty where only the login itself tells.
    name: String,
    method: Method,
}

/// The mechanism, with its secret.
#[derive(Clone)]
enum Method {
    Scram(Scram),
    Plain(Plain),
    Gssapi(Gssapi),
    OauthBearer(OauthBearer),
}

impl Login {
    /// By SCRAM, with a password or a token.
    pub(crate) fn scram(mechanism: Mechanism, credential: ClientCredential) -> Self {
        let name = credential.name().to_owned();
        Self { name, method: Method::Scram(Scram { mechanism, credential, doubles_nonce: false }) }
    }

    /// Whom it logs in; empty where only the login itself tells.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn mechanism(&self) -> &'static str {
        match &self.method {
            Method::Scram(Scram { mechanism, .. }) => mechanism.name(),
            Method::Plain(_) => "PLAIN",
            Method::Gssapi(_) => "GSSAPI",
            Method::OauthBearer(_) => "OAUTHBEARER",
        }
    }

    /// Whether the broker, too, proves that it knows the secret.
    pub(super) fn is_mutual(&self) -> bool {
        matches!(self.method, Method::Scram(_) | Method::Gssapi(_))
    }

    pub(crate) fn is_token(&self) -> bool {
        matches!(&self.method, Method::Scram(Scram { credential, .. }) if credential.is_token())
    }

    /// With the nonce sent twice where it is SCRAM, as librdkafka before 2.6.1 does.
    pub(super) fn doubling_nonce(mut self) -> Self {
        if let Method::Scram(scram) = &mut self.method {
            scram.doubles_nonce = true;
        }
        self
    }

    /// The mechanism, where that is SCRAM.
    pub(super) fn scram_mechanism(&self) -> Option<Mechanism> {
        match &self.method {
            Method::Scram(Scram { mechanism, .. }) => Some(*mechanism),
            Method::Plain(_) | Method::Gssapi(_) | Method::OauthBearer(_) => None,
        }
    }

    /// What the mechanism sends as it is, so that TLS alone keeps it secret.
    pub(super) fn sends_secret(&self) -> Option<&'static str> {
        match self.method {
            Method::Scram(_) | Method::Gssapi(_) => None,
            Method::Plain(_) => Some("the password"),
            Method::OauthBearer(_) => Some("the access token"),
        }
    }

    /// What to look at when a broker refuses the login.
    fn check(&self) -> &'static str {
        match self.method {
            Method::Scram(_) if self.is_token() => {
                "the token's id and HMAC, and whether it has expired"
            }
            Method::Scram(_) | Method::Plain(_) => "the name, the password and the mechanism",
            Method::Gssapi(_) => "the broker's log, its keytab and its clock",
            Method::OauthBearer(_) => oauthbearer::CHECK,
        }
    }
}

/// Whether a key of the properties means something to the mechanism that they name.
///
/// # Errors
///
/// `INVALID_ARGUMENT` for a class of a JVM's that would have to run for it.
pub(super) fn heeds(properties: &Properties, key: &str) -> Result<bool, Error> {
    if value(properties, "sasl.mechanism") != Some("OAUTHBEARER") || !oauthbearer::heeds(key) {
        return Ok(false);
    }
    // Kafka's own class does what is done here.
    let is_foreign = key == "sasl.login.callback.handler.class"
        && value(properties, key).is_some_and(|class| !oauthbearer::is_kafkas_handler(class));
    if is_foreign {
        let what = "it runs classes of a JVM, and there is none here; remove it, or name \
                    org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginCallbackHandler";
        return Err(invalid(key, what));
    }
    Ok(true)
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Login({} as {:?}, ..)", self.mechanism(), self.name)
    }
}

/// What the broker said about the session.
#[derive(Clone, Default, Debug)]
pub(crate) struct Session {
    /// As whom: the user's name, the token's id, or the Kerberos principal.
    pub(crate) name: String,
    /// How long the broker keeps the session (KIP-368); None is without limit.
    pub(crate) lifetime: Option<Duration>,
}

pub(super) fn log_in(
    connection: &mut Connection,
    login: &Login,
    deadline: Deadline,
) -> Result<Session, Failure> {
    let name = login.name.clone();
    let mut exchange = Exchange { connection, login, deadline, name, secrets: Vec::new() };
    exchange.handshake()?;
    let lifetime_ms = match &login.method {
        Method::Scram(scram) => scram.log_in(&mut exchange)?,
        Method::Plain(plain) => plain.log_in(&login.name, &mut exchange)?,
        Method::Gssapi(gssapi) => gssapi.log_in(&mut exchange)?,
        Method::OauthBearer(bearer) => bearer.log_in(&mut exchange)?,
    };
    // Of a token that is over but not yet swept, the broker says 0, and lets it in for ever.
    if login.is_token() && lifetime_ms <= 0 {
        let text = format!("the delegation token {:?} has expired; create a new one", login.name);
        return Err(Error::new(Status::TOKEN_EXPIRED, text).into());
    }
    let lifetime = u64::try_from(lifetime_ms).ok().filter(|ms| *ms > 0).map(Duration::from_millis);
    Ok(Session { name: exchange.name, lifetime })
}

/// Sends a mechanism's messages, and gets the broker's.
struct Exchange<'a> {
    connection: &'a mut Connection,
    login: &'a Login,
    deadline: Deadline,
    /// As whom; a mechanism may come to know more than the properties say.
    name: String,
    /// What the mechanism sends as it is, and no broker's words may show.
    secrets: Vec<Zeroizing<String>>,
}

impl Exchange<'_> {
    fn handshake(&mut self) -> Result<(), Failure> {
        const UNSUPPORTED_SASL_MECHANISM: i16 = 33;

        let mechanism = self.login.mechanism();
        let request = SaslHandshakeRequest::default().with_mechanism(mechanism.into());
        let response = self.connection.call(&request, self.deadline)?;
        match response.error_code {
            error_code::NONE => Ok(()),
            UNSUPPORTED_SASL_MECHANISM => {
                let offered: Vec<&str> = response.mechanisms.iter().map(|name| &**name).collect();
                let advice = match offered.as_slice() {
                    [] => {
                        "and names no other: see sasl.enabled.mechanisms of its listener".to_owned()
                    }
                    offered => {
                        format!("but {}; set sasl.mechanism", excerpt(&offered.join(", ")))
                    }
                };
                let address = self.connection.address();
                let text = format!("broker {address} does not enable {mechanism} here {advice}");
                Err(Error::new(Status::UNSUPPORTED_MECHANISM, text).into())
            }
            code => Err(error_code::failure(SaslHandshakeRequest::NAME, code, None)),
        }
    }

    /// The broker's answer, and the session's lifetime in ms where the login is done with it.
    fn authenticate(&mut self, message: &[u8]) -> Result<(Bytes, i64), Failure> {
        const SASL_AUTHENTICATION_FAILED: i16 = 58;

        let message = Bytes::from_owner(Zeroizing::new(message.to_vec()));
        let request = SaslAuthenticateRequest::default().with_auth_bytes(message);
        let response = self.connection.call(&request, self.deadline)?;
        let said = response.error_message.as_deref();
        let said = said.map(|said| unless_secret(said, &self.secrets));
        match response.error_code {
            error_code::NONE => Ok((response.auth_bytes, response.session_lifetime_ms)),
            SASL_AUTHENTICATION_FAILED => {
                let (name, mechanism) = (&self.name, self.login.mechanism());
                let kind = if self.login.is_token() { "the delegation token" } else { "the user" };
                Err(Error::new(
                    Status::SERVER_REFUSED,
                    format!(
                        "broker {} refused the login of {kind} {name:?} by {mechanism}: {}; check {}",
                        self.connection.address(),
                        excerpt(said.unwrap_or("no reason given")),
                        self.login.check(),
                    ),
                )
                .into())
            }
            code => Err(error_code::failure(SaslAuthenticateRequest::NAME, code, said)),
        }
    }
}
