//! The client credentials grant (RFC 6749, 4.4), asked for as Kafka's ClientCredentialsJwtRetriever does.

use std::collections::BTreeMap;
use std::thread;
use std::time::{Duration, Instant};

use base64::{Engine, engine::general_purpose::STANDARD};
use parking_lot::Mutex;
use serde_json::Value;
use serde_json::value::RawValue;
use ureq::http::HeaderValue;
use zeroize::Zeroizing;

use super::jwt::Jwt;
use super::kept::Kept;
use crate::clock::now_ms;
use crate::https::{self, Limits, PlainHttp};
use crate::kafka::deadline::Deadline;
use crate::kafka::untrusted::{excerpt, unless_secret};
use crate::tls::{Advice, Signers, explain};
use crate::{error::Error, status::Status};

/// Where tokens are had, and as whom.
pub(super) struct Endpoint {
    pub(super) url: Url,
    pub(super) client: Client,
    /// `scope`, empty for what the endpoint gives by itself.
    pub(super) scope: String,
    /// Whose certificates are believed.
    pub(super) authorities: Signers,
    /// `sasl.login.connect.timeout.ms`; `Duration::MAX` is without a limit.
    pub(super) connect_timeout: Duration,
    /// `sasl.login.read.timeout.ms`, likewise.
    pub(super) read_timeout: Duration,
    /// `sasl.login.retry.backoff.ms`; with zero there is one try.
    pub(super) backoff: Duration,
    /// `sasl.login.retry.backoff.max.ms`: for how long tries are repeated.
    pub(super) retry_for: Duration,
    /// The last token, for all that share these properties. Whoever asks for a new one holds it, and
    /// the others wait: they want the same.
    pub(super) kept: Mutex<Option<Kept>>,
}

/// An address of a token endpoint.
pub(super) struct Url {
    pub(super) text: String,
    /// Without its query, for messages.
    pub(super) shown: String,
    pub(super) plain_http: PlainHttp,
}

/// Who asks.
pub(super) struct Client {
    id: String,
    /// The value of the header Authorization.
    basic: Zeroizing<String>,
    /// The forms of the secret that go out, which no answer may show.
    secrets: [Zeroizing<String>; 3],
}

/// One try's failure.
struct Failed {
    error: Error,
    may_pass: bool,
}

impl Endpoint {
    /// An access token: the last one while it is fresh, or a new one.
    ///
    /// # Errors
    ///
    /// `IO` where there is no answer, `SERVER_REFUSED` for a refusal, `MALFORMED` for an answer that holds
    /// no token; no secret is in the text.
    pub(super) fn token(&self, subject_claim: &str, deadline: Deadline) -> Result<Jwt, Error> {
        let late = || self.away("there is no time left to ask it").error;
        let left = deadline.remaining().map_err(|_| late())?;
        let mut kept = self.kept.try_lock_for(left).ok_or_else(late)?;
        if let Some(jwt) = kept.as_ref().and_then(Kept::fresh) {
            return Ok(jwt.clone());
        }
        *kept = None;
        let text = self.new_token(deadline)?;
        let jwt = Jwt::parse(text.as_bytes(), subject_claim).map_err(|why| {
            self.failed(Status::MALFORMED, &format!("of the token that it gives: {why}")).error
        })?;
        *kept = Kept::new(&jwt, now_ms());
        Ok(jwt)
    }

    /// Does not use a token again, which a broker has refused.
    pub(super) fn forget(&self, jwt: &Jwt) {
        let mut kept = self.kept.lock();
        if kept.as_ref().is_some_and(|kept| kept.is(jwt)) {
            *kept = None;
        }
    }

    /// Tries again where that may help, as long as `retry_for` and the deadline allow.
    fn new_token(&self, deadline: Deadline) -> Result<Zeroizing<String>, Error> {
        let end = Instant::now() + self.retry_for;
        let mut backoff = self.backoff;
        loop {
            let Failed { error, may_pass } = match self.ask(deadline) {
                Ok(token) => return Ok(token),
                Err(failed) => failed,
            };
            let left = end.saturating_duration_since(Instant::now());
            let left = left.min(deadline.remaining().unwrap_or_default());
            if !may_pass || backoff.is_zero() || left <= backoff {
                return Err(error);
            }
            thread::sleep(backoff);
            backoff = backoff.saturating_mul(2);
        }
    }

    /// For messages.
    pub(super) fn place(&self) -> String {
        format!("the token endpoint {}", self.url.shown)
    }

    fn ask(&self, deadline: Deadline) -> Result<Zeroizing<String>, Failed> {
        let left =
            deadline.remaining().map_err(|_| self.away("there is no time left to ask it"))?;
        let whole = self.connect_timeout.saturating_add(self.read_timeout).min(left);
        let limits = Limits { connect: self.connect_timeout.min(left), whole };
        let agent = https::agent(&self.authorities, self.url.plain_http, limits, USER_AGENT);
        let no_answer = |error: &ureq::Error| {
            let explain = |error: &rustls::Error| explain(error, &ADVICE);
            let why = https::no_answer(error, limits.whole, "token endpoint", explain);
            Failed { may_pass: https::may_pass(error), ..self.away(&why) }
        };
        let mut basic = HeaderValue::from_str(&self.client.basic)
            .map_err(|_| self.away("the client's id and secret do not fit into a header"))?;
        basic.set_sensitive(true);
        let answer = agent
            .post(&self.url.text)
            .header("accept", "application/json")
            .header("authorization", basic)
            .header("cache-control", "no-cache")
            .content_type("application/x-www-form-urlencoded")
            .send(self.body())
            .map_err(|error| no_answer(&error))?;
        let (code, body) = https::whole(answer, MAX_ANSWER).map_err(|error| no_answer(&error))?;
        match code {
            200 | 201 => token(&body).ok_or_else(|| {
                self.failed(
                Status::MALFORMED,
                "what it answers holds no access_token: is it the address of the token endpoint?",
            )
            }),
            code => Err(self.refused(code, &body)),
        }
    }

    fn body(&self) -> String {
        match self.scope.as_str() {
            "" => GRANT.to_owned(),
            scope => format!("{GRANT}&scope={}", *form_encoded(scope)),
        }
    }

    fn away(&self, why: &str) -> Failed {
        Failed { may_pass: true, ..self.failed(Status::IO, why) }
    }

    fn failed(&self, status: Status, why: &str) -> Failed {
        let error = Error::new(status, format!("{}: {why}", self.place()));
        Failed { error, may_pass: false }
    }

    /// With the words of RFC 6749, 5.2, or of Okta.
    fn refused(&self, code: u16, body: &str) -> Failed {
        if (300..400).contains(&code) {
            let why =
                format!("it answers {code}, a redirect, which is not followed: name its goal");
            return self.failed(Status::SERVER_REFUSED, &why);
        }
        let answer: Value = serde_json::from_str(body).unwrap_or_default();
        let word = |key| answer.get(key).and_then(Value::as_str).filter(|text| !text.is_empty());
        let error = word("error").or_else(|| word("errorCode"));
        let said = [error, word("error_description").or_else(|| word("errorSummary"))];
        let said: Vec<&str> = said.into_iter().flatten().collect();
        let said: String = said
            .iter()
            .map(|text| format!(": {}", excerpt(unless_secret(text, &self.client.secrets))))
            .collect();
        let advice = match (error, code) {
            (Some("invalid_scope"), _) => {
                "; look at sasl.oauthbearer.scope, or the JAAS option scope"
            }
            (Some("invalid_client" | "unauthorized_client"), _) | (_, 401) => {
                "; look at sasl.oauthbearer.client.credentials.client.id and .secret, or the JAAS options \
                 clientId and clientSecret"
            }
            (None, 404 | 405) => "; is it the address of the token endpoint?",
            _ => "",
        };
        let (may_pass, status) = match code {
            _ if FINAL.contains(&code) => (false, Status::SERVER_REFUSED),
            _ => (true, Status::IO),
        };
        let id = &self.client.id;
        let why = format!("it gives the client {id:?} no token ({code}){said}{advice}");
        Failed { may_pass, ..self.failed(status, &why) }
    }
}

impl Client {
    /// `encoded` is what RFC 6749 asks for and not every server decodes:
    /// `sasl.oauthbearer.header.urlencode`.
    pub(super) fn new(id: &str, secret: &str, encoded: bool) -> Self {
        let form_encoded_secret = form_encoded(secret);
        let both = if encoded {
            Zeroizing::new(format!("{}:{}", *form_encoded(id), *form_encoded_secret))
        } else {
            Zeroizing::new(format!("{id}:{secret}"))
        };
        let both = Zeroizing::new(STANDARD.encode(both.as_bytes()));
        let basic = Zeroizing::new(format!("Basic {}", *both));
        let secrets = [Zeroizing::new(secret.to_owned()), form_encoded_secret, both];
        Self { id: id.to_owned(), basic, secrets }
    }
}

/// The token of an answer; `id_token` is what some endpoints give alone.
fn token(body: &str) -> Option<Zeroizing<String>> {
    let answer: BTreeMap<String, &RawValue> = serde_json::from_str(body).ok()?;
    let text = |key| {
        let raw: &RawValue = answer.get(key)?;
        serde_json::from_str(raw.get()).ok().map(Zeroizing::<String>::new)
    };
    let is_there = |text: &Zeroizing<String>| !text.trim().is_empty();
    text("access_token").filter(is_there).or_else(|| text("id_token").filter(is_there))
}

/// As java.net.URLEncoder does.
fn form_encoded(text: &str) -> Zeroizing<String> {
    let mut encoded = Zeroizing::new(String::with_capacity(text.len() * 3));
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'-' | b'*' | b'_' => {
                encoded.push(char::from(byte));
            }
            b' ' => encoded.push('+'),
            byte => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

const GRANT: &str = "grant_type=client_credentials";
const USER_AGENT: &str = concat!("scramtoken/", env!("CARGO_PKG_VERSION"));
/// A token, and what stands around it.
const MAX_ANSWER: u64 = 256 * 1024;
/// What Kafka's clients, too, do not try again.
const FINAL: [u16; 17] =
    [400, 401, 402, 403, 404, 405, 406, 407, 409, 410, 411, 412, 413, 414, 415, 501, 505];
const ADVICE: Advice = Advice {
    peer: "endpoint",
    trust: "the JAAS option ssl.truststore.location",
    identity: "the endpoint's settings, for no certificate is shown to it",
    suites: "the versions of TLS that it speaks",
    plain_text: "look at the port in sasl.oauthbearer.token.endpoint.url",
};

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(client: Client) -> Endpoint {
        let ms = Duration::from_millis;
        Endpoint {
            url: Url {
                text: "https://idp.example/token?tenant=s3cret".to_owned(),
                shown: "https://idp.example/token".to_owned(),
                plain_http: PlainHttp::Never,
            },
            client,
            scope: String::new(),
            authorities: Signers::default(),
            connect_timeout: ms(1),
            read_timeout: ms(1),
            backoff: ms(1),
            retry_for: ms(1),
            kept: Mutex::new(None),
        }
    }

    fn me() -> Client {
        Client::new("me", "s3cret", false)
    }

    #[test]
    fn the_header_is_that_of_kafka() {
        // HttpAccessTokenRetrieverTest of Kafka: testFormatAuthorizationHeader, and ...Encoding.
        let header = |id, secret, encoded| Client::new(id, secret, encoded).basic.to_string();
        assert_eq!(header("id", "secret", false), "Basic aWQ6c2VjcmV0");
        assert_eq!(
            header("SOME_RANDOM_LONG_USER_01234", "9Q|0`8i~ute-n9ksjLWb\\50\"AX@UUED5E", true),
            format!(
                "Basic {}",
                STANDARD.encode(
                    "SOME_RANDOM_LONG_USER_01234:9Q%7C0%608i%7Eute-n9ksjLWb%5C50%22AX%40UUED5E"
                )
            )
        );
        assert_eq!(*form_encoded("a b+c\u{e9}"), "a+b%2Bc%C3%A9");
        assert_eq!(endpoint(me()).body(), "grant_type=client_credentials");
        let scoped = Endpoint { scope: "a b".to_owned(), ..endpoint(me()) };
        assert_eq!(scoped.body(), "grant_type=client_credentials&scope=a+b");
    }

    #[test]
    fn a_token_is_found_where_it_is() {
        for (body, expected) in [
            (r#"{"access_token":"a.b.c","expires_in":3}"#, Some("a.b.c")),
            (r#"{"id_token":"a.b.c"}"#, Some("a.b.c")),
            (r#"{"access_token":"","id_token":"d"}"#, Some("d")),
            (r#"{"access_token":"\u0061"}"#, Some("a")),
            (r#"{"access_token":7}"#, None),
            (r#"["access_token"]"#, None),
            ("", None),
            ("<html>", None),
        ] {
            assert_eq!(token(body).as_ref().map(|text| text.as_str()), expected, "{body}");
        }
    }

    /// Whoever answers may say anything: one line comes of it, and nothing that was sent.
    #[test]
    fn hostile_answers() {
        let endpoint = endpoint(me());
        let long = "x\\n\\u001b[2J".repeat(500);
        for body in [
            String::new(),
            "[".repeat(10_000),
            "null".to_owned(),
            r#"{"error":7,"error_description":[]}"#.to_owned(),
            r#"{"error":"invalid_client","error_description":"not s3cret"}"#.to_owned(),
            r#"{"error":"Basic bWU6czNjcmV0"}"#.to_owned(),
            format!(r#"{{"error":"{long}","error_description":"{long}"}}"#),
        ] {
            for code in [101, 204, 302, 400, 401, 403, 404, 429, 500, 503, 599] {
                let error = endpoint.refused(code, &body).error;
                let text = error.text();
                assert!(
                    text.starts_with("the token endpoint https://idp.example/token: "),
                    "{text}"
                );
                assert!(text.len() < 8_000, "{text}");
                assert!(!text.contains("s3cret") && !text.contains("bWU6"), "{text}");
                assert!(!text.chars().any(char::is_control), "{text:?}");
            }
        }
    }

    /// In whatever form it was sent.
    #[test]
    fn no_answer_shows_the_secret() {
        for encoded in [false, true] {
            let client = Client::new("me", "a b+\u{e9}", encoded);
            let basic = client.basic.strip_prefix("Basic ").unwrap().to_owned();
            let endpoint = endpoint(client);
            for echo in ["a b+\u{e9}", "a+b%2B%C3%A9", &basic] {
                for key in ["error", "error_description", "errorCode", "errorSummary"] {
                    let body = serde_json::json!({ key: format!("not {echo}") }).to_string();
                    let error = endpoint.refused(401, &body).error;
                    let text = error.text();
                    assert!(!text.contains(echo) && text.contains("words are left out"), "{text}");
                }
            }
        }
    }

    #[test]
    fn a_token_that_was_refused_is_not_given_again() {
        let jwt = |text: &str| Jwt {
            text: Zeroizing::new(text.to_owned()),
            subject: String::new(),
            issued_ms: None,
            expiry_ms: Some(i64::MAX),
        };
        let endpoint = endpoint(me());
        let token = || endpoint.token("sub", Deadline::after(Duration::from_secs(9)));
        *endpoint.kept.lock() = Kept::new(&jwt("a.b.c"), 0);
        assert_eq!(*token().unwrap().text, "a.b.c");
        endpoint.forget(&jwt("another"));
        assert!(token().is_ok());
        endpoint.forget(&jwt("a.b.c"));
        assert!(endpoint.kept.lock().is_none());
    }
}
