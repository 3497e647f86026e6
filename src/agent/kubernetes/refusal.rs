//! What an API server's answer means to whoever set it up: one sentence, and what would mend it.

use std::time::Duration;

use serde_json::Value;

use super::place::Secret;
use crate::audit::loggable;
use crate::https::no_answer;
use crate::tls::{Advice, explain};
use crate::{error::Error, status::Status};

/// A request that did not do what it was to do.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::agent) struct Refusal {
    pub(in crate::agent) kind: Kind,
    pub(in crate::agent) text: String,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::agent) enum Kind {
    /// The server is away, slow or busy, or a file of ours is: it may pass.
    Away,
    /// Somebody must give the agent a right, or make something.
    Denied,
    /// The Secret has changed since it was read.
    Stale,
    /// A key belongs to somebody else, or the document is not accepted.
    Refused,
}

/// What was asked for.
#[derive(Clone, Copy)]
pub(super) enum Request<'a> {
    Read(&'a Secret),
    Apply(&'a Secret),
}

impl Request<'_> {
    fn secret(&self) -> &Secret {
        match self {
            Self::Read(secret) | Self::Apply(secret) => secret,
        }
    }

    fn refusal(&self, kind: Kind, why: impl core::fmt::Display) -> Refusal {
        Refusal { kind, text: format!("the Secret {}: {why}", self.secret()) }
    }

    /// It could not be sent: a file of ours.
    pub(super) fn failed(&self, why: String) -> Refusal {
        self.refusal(Kind::Away, why)
    }

    /// What answers is no API server.
    pub(super) fn no_secret(&self) -> Refusal {
        let server = &self.secret().api.server;
        self.refusal(Kind::Away, format_args!("what {server} answers is no Secret"))
    }

    /// Nothing came back that could be read.
    pub(super) fn no_answer(&self, error: &ureq::Error, limit: Duration) -> Refusal {
        let api = &self.secret().api;
        let (server, ca) = (&api.server, api.ca.display());
        let explain = |error: &rustls::Error| explain_tls(error, &ca.to_string());
        let why = no_answer(error, limit, "API server", explain);
        self.refusal(Kind::Away, format_args!("the API server {server}: {why}"))
    }

    /// Whether the answer of code 404 is about the Secret, and not about the path or something between.
    pub(super) fn is_missing(&self, body: &str) -> bool {
        let status: Value = serde_json::from_str(body).unwrap_or_default();
        text(&status, "/kind") == "Status" && text(&status, "/details/kind") == "secrets"
    }

    /// The server answered with this code.
    pub(super) fn refused(&self, code: u16, body: &str) -> Refusal {
        // Of its words only those are repeated that cannot hold what was sent.
        let status: Value = serde_json::from_str(body).unwrap_or_default();
        let secret = self.secret();
        let (server, namespace) = (&secret.api.server, &secret.namespace);
        match code {
            401 => {
                let token = secret.api.token_file.display();
                let why = format!(
                    "the API server {server} does not accept the token in {token} (401): it has \
                     expired, is another cluster's, or has another audience"
                );
                self.refusal(Kind::Denied, why)
            }
            403 => self.refusal(Kind::Denied, self.forbidden(&status)),
            404 if text(&status, "/details/kind") == "namespaces" => {
                let why = format!(
                    "there is no namespace {namespace} (404): kubectl create namespace {namespace}"
                );
                self.refusal(Kind::Denied, why)
            }
            404 => {
                let why = format!(
                    "what answers at {server} knows no Secrets (404): is that the API server?"
                );
                self.refusal(Kind::Denied, why)
            }
            409 => self.conflict(&status),
            413 | 422 => self.refusal(Kind::Refused, self.invalid(code, &status)),
            code => {
                let reason = word(text(&status, "/reason"));
                let reason = reason.map_or(String::new(), |reason| format!(", {reason}"));
                let kind = match code {
                    408 | 429 | 500.. => Kind::Away,
                    _ => Kind::Refused,
                };
                self.refusal(kind, format_args!("the API server {server} answers {code}{reason}"))
            }
        }
    }

    /// With the rule that is missing, as it is written in a Role.
    fn forbidden(&self, status: &Value) -> String {
        let Secret { namespace, name, .. } = self.secret();
        let message = text(status, "/message");
        let quoted = |before: &str| {
            let (_, rest) = message.split_once(before)?;
            rest.split_once('"').map(|(text, _)| loggable(text))
        };
        let who =
            quoted("User \"").map_or("the agent".to_owned(), |user| format!("the user {user}"));
        if message.contains(" cannot create resource ") {
            return format!(
                "it is not there, and {who} may not make it (403); as no resourceNames can narrow \
                 that right, make an empty one: kubectl -n {namespace} create secret generic {name}"
            );
        }
        let verb = match self {
            Self::Read(_) => "get",
            Self::Apply(_) => "patch",
        };
        format!(
            "{who} may not {verb} it (403); a Role in the namespace {namespace} must have the rule: \
             apiGroups: [\"\"], resources: [\"secrets\"], resourceNames: [\"{name}\"], verbs: \
             [\"get\", \"patch\"], and a RoleBinding must give it to {who}"
        )
    }

    /// Somebody else's key, or somebody was quicker.
    fn conflict(&self, status: &Value) -> Refusal {
        let conflicts: Vec<String> = causes(status)
            .filter(|cause| text(cause, "/reason") == "FieldManagerConflict")
            .map(|cause| {
                let key = loggable(text(cause, "/field").trim_start_matches(".data."));
                let manager = text(cause, "/message").split('"').nth(1);
                let manager = loggable(manager.unwrap_or("another field manager"));
                format!("the key {key} belongs to the field manager {manager:?}")
            })
            .collect();
        if conflicts.is_empty() {
            return self
                .refusal(Kind::Stale, "somebody else has changed it at the same time (409)");
        }
        let Secret { namespace, name, .. } = self.secret();
        let why = format!(
            "{} (409); choose another key, or remove it: kubectl -n {namespace} edit secret {name}",
            conflicts.join(", ")
        );
        self.refusal(Kind::Refused, why)
    }

    fn invalid(&self, code: u16, status: &Value) -> String {
        let message = text(status, "/message");
        if message.contains("field is immutable when `immutable` is set") {
            return format!("it is immutable ({code}): delete it, and make one that is not");
        }
        let causes: Vec<String> = causes(status)
            .map(|cause| {
                let field = loggable(text(cause, "/field"));
                format!("{field}: {}", word(text(cause, "/reason")).unwrap_or("invalid"))
            })
            .collect();
        let why =
            if causes.is_empty() { String::new() } else { format!(": {}", causes.join(", ")) };
        format!("the API server does not accept it ({code}){why}")
    }
}

impl Refusal {
    pub(in crate::agent) fn into_error(self) -> Error {
        let status = match self.kind {
            Kind::Away | Kind::Stale => Status::IO,
            Kind::Denied | Kind::Refused => Status::PERMISSIONS,
        };
        Error::new(status, self.text)
    }
}

/// A text of a Status; empty where it is not there.
fn text<'a>(status: &'a Value, pointer: &str) -> &'a str {
    status.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// The first few of its details.
fn causes(status: &Value) -> impl Iterator<Item = &Value> {
    let causes = status.pointer("/details/causes").and_then(Value::as_array);
    causes.into_iter().flatten().take(8)
}

/// A reason such as `InternalError`, which is one word.
fn word(text: &str) -> Option<&str> {
    let is_plain = !text.is_empty() && text.len() <= 64;
    (is_plain && text.bytes().all(|byte| byte.is_ascii_alphanumeric())).then_some(text)
}

fn explain_tls(error: &rustls::Error, ca: &str) -> String {
    use rustls::{CertificateError, Error};
    match error {
        // The latter where both authorities have one name.
        Error::InvalidCertificate(
            CertificateError::UnknownIssuer | CertificateError::BadSignature,
        ) => format!(
            "its certificate is signed by nobody that {ca} names; is that the CA of this cluster?"
        ),
        other => explain(other, &ADVICE),
    }
}

const ADVICE: Advice = Advice {
    peer: "API server",
    trust: "the file that ca names",
    identity: "token_file, for the agent has no certificate",
    suites: "the versions of TLS that it speaks",
    plain_text: "look at the port in api_server",
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::kubernetes::Given;

    /// Whoever answers may say anything: one line comes of it, and nothing that was sent.
    #[test]
    fn hostile_answers() {
        let given = Given {
            api_server: Some("https://a".to_owned()),
            namespace: Some("jobs".to_owned()),
            ..Given::default()
        };
        let secret = given.secret("kafka-token".to_owned(), None).unwrap();
        let long = "x\\n".repeat(500);
        let bodies = [
            String::new(),
            "[".repeat(1_000),
            "null".to_owned(),
            r#"{"message":7,"reason":[],"details":{"causes":{"a":1}}}"#.to_owned(),
            format!(r#"{{"message":"s3cret {long}","reason":"s3cret {long}","details":"s3cret"}}"#),
            format!(r#"{{"message":"User \"a\\u001b[2J{long}\" cannot create resource s3cret"}}"#),
            format!(
                r#"{{"message":"s3cret","details":{{"causes":[{}]}}}}"#,
                vec![
                    format!(
                        r#"{{"reason":"FieldManagerConflict","field":".data.{long}","message":"{long}"}}"#
                    );
                    20
                ]
                .join(",")
            ),
        ];
        let codes =
            [101, 204, 302, 400, 401, 403, 404, 408, 409, 413, 415, 422, 429, 500, 503, 599];
        for request in [Request::Read(&secret), Request::Apply(&secret)] {
            for (code, body) in
                codes.into_iter().flat_map(|code| bodies.iter().map(move |body| (code, body)))
            {
                let Refusal { text, .. } = request.refused(code, body);
                assert!(text.starts_with("the Secret jobs/kafka-token: "), "{text}");
                assert!(text.len() < 8_000 && !text.contains("s3cret"), "{code} {text}");
                assert!(!text.chars().any(char::is_control), "{text:?}");
                assert!(!request.is_missing(body));
            }
        }
    }
}
