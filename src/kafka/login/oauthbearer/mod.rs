//! OAUTHBEARER (RFC 7628): a JWT stands for the user, from a file or from a token endpoint (KIP-768).

mod endpoint;
mod extensions;
mod file_url;
mod from_properties;
mod jwt;
mod kept;

use std::path::PathBuf;
use std::sync::Arc;

use serde_json::Value;
use zeroize::Zeroizing;

use self::endpoint::Endpoint;
use self::extensions::Extensions;
use self::jwt::Jwt;
use super::{Exchange, Failure};
use crate::clock::now_ms;
use crate::files::read_shared_secret;
use crate::kafka::deadline::Deadline;
use crate::kafka::untrusted::{excerpt, unless_secret};
use crate::{byte_order_mark, error::Error, status::Status};

pub(super) use self::from_properties::{heeds, is_kafkas_handler};

#[derive(Clone)]
pub(super) struct OauthBearer {
    place: Place,
    extensions: Extensions,
    /// `sasl.oauthbearer.sub.claim.name`
    subject_claim: String,
}

/// Where tokens are. A file is read anew at each login, for others renew it.
#[derive(Clone)]
enum Place {
    File(PathBuf),
    Endpoint(Arc<Endpoint>),
}

impl OauthBearer {
    /// The session's lifetime in ms.
    pub(super) fn log_in(&self, exchange: &mut Exchange<'_>) -> Result<i64, Failure> {
        let jwt = self.current(exchange.deadline)?;
        exchange.name.clone_from(&jwt.subject);
        exchange.secrets.extend(jwt.secrets());
        match self.present(&jwt, exchange) {
            // A broker that gives no time at all ends the session at once: within the skew that it allows.
            Ok(0) if jwt.ended_ms(now_ms()).is_some() => {
                let address = exchange.connection.address();
                Err(self.over(&jwt, &format!("broker {address} gives it no time")))
            }
            Err(failure) if failure.error.status() == Status::SERVER_REFUSED => {
                if let Place::Endpoint(endpoint) = &self.place {
                    endpoint.forget(&jwt);
                }
                Err(match jwt.ended_ms(now_ms()) {
                    Some(_) => self.over(&jwt, failure.error.text()),
                    None => failure,
                })
            }
            other => other,
        }
    }

    /// Shows the token to the broker.
    fn present(&self, jwt: &Jwt, exchange: &mut Exchange<'_>) -> Result<i64, Failure> {
        let (answer, lifetime_ms) = exchange.authenticate(&self.first_message(jwt))?;
        if answer.is_empty() {
            return Ok(lifetime_ms);
        }
        // A refusal is a success that says why not. The broker waits for ^A, and ends the login then.
        let address = exchange.connection.address();
        let text = format!(
            "broker {address} refused the access token of {:?} (OAUTHBEARER): {}; check {CHECK}",
            jwt.subject,
            refusal(&answer, &exchange.secrets)
        );
        let _ = exchange.authenticate(&[SEPARATOR]);
        Err(Error::new(Status::SERVER_REFUSED, text).into())
    }

    /// The token as it is now.
    fn current(&self, deadline: Deadline) -> Result<Jwt, Error> {
        match &self.place {
            Place::File(path) => {
                let file = read_shared_secret(path, jwt::MAX_LEN).map_err(of_file)?;
                let place = path.display();
                let text = byte_order_mark::skip(&file.bytes)
                    .map_err(|error| Error::new(error.status(), format!("{place}: {error}")))?;
                Jwt::parse(text, &self.subject_claim)
                    .map_err(|why| Error::new(Status::CORRUPT, format!("{place}: {why}")))
            }
            Place::Endpoint(endpoint) => endpoint.token(&self.subject_claim, deadline),
        }
    }

    /// A refused token that has ended, unless our clock is wrong.
    fn over(&self, jwt: &Jwt, refusal: &str) -> Failure {
        let (place, mend) = match &self.place {
            Place::File(path) => {
                (path.display().to_string(), "whoever writes the file has to write a new one")
            }
            Place::Endpoint(endpoint) => {
                (endpoint.place(), "it gives tokens that have ended: is its clock right?")
            }
        };
        let ended = ended(jwt.expiry_ms.unwrap_or_default());
        let text = format!(
            "{place}: the access token of {:?} {ended}; {mend}; or this machine's clock is ahead; {refusal}",
            jwt.subject
        );
        Error::new(Status::TOKEN_EXPIRED, text).into()
    }

    /// `n,,^Aauth=Bearer TOKEN^AEXTENSIONS^A`.
    fn first_message(&self, jwt: &Jwt) -> Zeroizing<Vec<u8>> {
        const BEGIN: &[u8] = b"n,,\x01auth=Bearer ";
        let (token, extensions) = (jwt.text.as_bytes(), self.extensions.0.as_bytes());
        // Whole from the beginning: growing would leave copies behind.
        let len = BEGIN.len() + token.len() + extensions.len() + 2;
        let mut message = Zeroizing::new(Vec::with_capacity(len));
        for part in [BEGIN, token, &[SEPARATOR], extensions, &[SEPARATOR]] {
            message.extend_from_slice(part);
        }
        message
    }
}

/// A file that cannot be read is no fault of the network's.
fn of_file(error: Error) -> Error {
    match error.status() {
        Status::IO => Error::new(Status::CORRUPT, error.text().to_owned()),
        _ => error,
    }
}

fn ended(expiry_ms: i64) -> String {
    let ago = now_ms().saturating_sub(expiry_ms) / 1000;
    match jiff::Timestamp::from_millisecond(expiry_ms) {
        Ok(time) => format!("ended at {}, {ago} s ago", time.strftime("%Y-%m-%dT%H:%M:%SZ")),
        Err(_) => format!("ended {ago} s ago"),
    }
}

/// What the broker says by RFC 7628, 3.2.2: its status, and what it would have had.
fn refusal(answer: &[u8], secrets: &[Zeroizing<String>]) -> String {
    let shown = |text: &str| excerpt(unless_secret(text, secrets));
    let parsed: Value = serde_json::from_slice(answer).unwrap_or_default();
    let word = |key| parsed.get(key).and_then(Value::as_str).filter(|text| !text.is_empty());
    let Some(status) = word("status") else {
        return shown(&String::from_utf8_lossy(answer));
    };
    let mut said = shown(status);
    for key in ["scope", "openid-configuration"] {
        if let Some(text) = word(key) {
            said.push_str(&format!(", {key} {}", shown(text)));
        }
    }
    said
}

/// What a refused login may come from.
pub(super) const CHECK: &str = "the token's audience, issuer and end, and whether the broker has the key \
     that signed it; the broker's own log knows which";

const SEPARATOR: u8 = 1;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_message_is_that_of_the_rfc() {
        let bearer = |extensions: &str| OauthBearer {
            place: Place::File(PathBuf::new()),
            extensions: Extensions(extensions.to_owned()),
            subject_claim: "sub".to_owned(),
        };
        let jwt = Jwt {
            text: Zeroizing::new("a.b.c".to_owned()),
            subject: String::new(),
            issued_ms: None,
            expiry_ms: None,
        };
        // RFC 7628, 4.1, without the host and the port, which Kafka's clients do not send.
        let message = bearer("").first_message(&jwt);
        assert_eq!(message.as_slice(), b"n,,\x01auth=Bearer a.b.c\x01\x01");
        let message = bearer("host=x\x01").first_message(&jwt);
        assert_eq!(message.as_slice(), b"n,,\x01auth=Bearer a.b.c\x01host=x\x01\x01");
        assert_eq!(message.len(), message.capacity());
    }

    #[test]
    fn a_refusal_is_one_harmless_line() {
        // Of RFC 7628, 3.2.2.
        let rfc = br#"{"status":"invalid_token","scope":"example_scope",
            "openid-configuration":"https://example.com/.well-known/openid-configuration"}"#;
        assert_eq!(
            refusal(rfc, &[]),
            "invalid_token, scope example_scope, openid-configuration \
             https://example.com/.well-known/openid-configuration"
        );
        assert_eq!(refusal(br#"{"status":"invalid_token"}"#, &[]), "invalid_token");
        let long = vec![b'['; 1024 * 1024];
        for answer in [b"\x1b[2J\xff".as_slice(), &long, b"{\"status\":7}", b"null", b"\n"] {
            let said = refusal(answer, &[]);
            assert!(said.len() < 2000 && !said.chars().any(char::is_control), "{said:?}");
        }
    }
}
