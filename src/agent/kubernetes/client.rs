//! The two requests that the agent makes, each with an end and an answer of bounded length.

use std::collections::BTreeMap;
use std::time::Duration;

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::Value;
use serde_json::value::RawValue;
use ureq::http::HeaderValue;
use ureq::{Agent, RequestBuilder};
use zeroize::Zeroizing;

use super::place::{Api, Secret};
use super::refusal::{Refusal, Request};
use crate::files::{read_public, read_shared_secret};
use crate::https::{self, Limits, PlainHttp};
use crate::tls::{self, Signers};

/// A Secret as it is.
pub(in crate::agent) struct Stored {
    body: Zeroizing<String>,
}

/// Values stay text in the one buffer that is wiped.
type Object<'a> = BTreeMap<&'a str, &'a RawValue>;

/// Reads a Secret; None where it is not there.
///
/// # Errors
///
/// As of [`Refusal`].
pub(in crate::agent) fn read(secret: &Secret) -> Result<Option<Stored>, Refusal> {
    let request = Request::Read(secret);
    let agent = agent(&secret.api).map_err(|why| request.failed(why))?;
    let call =
        authorized(agent.get(url(secret)), &secret.api).map_err(|why| request.failed(why))?;
    let answer = call.call().map_err(|error| request.no_answer(&error, LIMIT))?;
    let (status, body) =
        https::whole(answer, MAX_ANSWER).map_err(|error| request.no_answer(&error, LIMIT))?;
    match status {
        200 => Stored::new(body).map(Some).ok_or_else(|| request.no_secret()),
        404 if request.is_missing(&body) => Ok(None),
        status => Err(request.refused(status, &body)),
    }
}

/// Applies these keys of its data, which belong to this field manager from then on; other keys stay.
/// With a version, only while it is of that.
///
/// # Errors
///
/// As of [`Refusal`].
pub(in crate::agent) fn apply(
    secret: &Secret,
    manager: &str,
    version: Option<&str>,
    data: &[(&str, &[u8])],
) -> Result<(), Refusal> {
    let request = Request::Apply(secret);
    let agent = agent(&secret.api).map_err(|why| request.failed(why))?;
    let call = agent.patch(url(secret)).query("fieldManager", manager);
    let call = authorized(call, &secret.api).map_err(|why| request.failed(why))?;
    let call = call.content_type("application/apply-patch+yaml"); // of which JSON is a part
    let answer = call
        .send(document(secret, version, data).as_bytes())
        .map_err(|error| request.no_answer(&error, LIMIT))?;
    let (status, body) =
        https::whole(answer, MAX_ANSWER).map_err(|error| request.no_answer(&error, LIMIT))?;
    match status {
        200 | 201 => Ok(()),
        status => Err(request.refused(status, &body)),
    }
}

impl Stored {
    fn new(body: Zeroizing<String>) -> Option<Self> {
        let stored = Self { body };
        stored.version().map(|_| stored)
    }

    /// Changes whenever the Secret does.
    pub(in crate::agent) fn version(&self) -> Option<String> {
        let object: Object<'_> = serde_json::from_str(&self.body).ok()?;
        let metadata: Object<'_> = serde_json::from_str(object.get("metadata")?.get()).ok()?;
        serde_json::from_str(metadata.get("resourceVersion")?.get()).ok()
    }

    /// The keys of its data that a field manager has applied.
    pub(in crate::agent) fn keys_of(&self, manager: &str) -> Vec<String> {
        let object: Option<Object<'_>> = serde_json::from_str(&self.body).ok();
        let metadata = object.and_then(|object| {
            let metadata = object.get("metadata")?.get();
            serde_json::from_str::<Value>(metadata).ok() // it holds no secret
        });
        let entries = metadata.as_ref().and_then(|metadata| metadata.get("managedFields"));
        let entries = entries.and_then(Value::as_array).into_iter().flatten();
        let applied = entries.filter(|entry| {
            let is = |key, text: &str| entry.get(key).and_then(Value::as_str) == Some(text);
            is("manager", manager) && is("operation", "Apply")
        });
        let data = applied.filter_map(|entry| entry.pointer("/fieldsV1/f:data")?.as_object());
        let keys = data.flat_map(|data| data.keys());
        keys.filter_map(|key| key.strip_prefix("f:").map(str::to_owned)).collect()
    }

    /// One of its values.
    pub(in crate::agent) fn get(&self, key: &str) -> Option<Zeroizing<Vec<u8>>> {
        let object: Object<'_> = serde_json::from_str(&self.body).ok()?;
        let data: BTreeMap<String, &RawValue> =
            serde_json::from_str(object.get("data")?.get()).ok()?;
        // Base64 needs no escapes, so that nothing is copied.
        let text: &str = serde_json::from_str(data.get(key)?.get()).ok()?;
        let mut value = Zeroizing::new(vec![0; text.len() / 4 * 3 + 3]);
        let len = STANDARD.decode_slice(text, &mut value).ok()?;
        value.truncate(len);
        Some(value)
    }
}

/// For one request: the CA's file may be another one by now.
fn agent(api: &Api) -> Result<Agent, String> {
    let bytes = read_public(&api.ca, tls::MAX_FILE).map_err(|error| error.text().to_owned())?;
    let failed = |why: String| format!("{}: {why}", api.ca.display());
    // Clusters put into it what they like, such as the certificate of their ingress.
    let authorities = Signers::among(tls::certificates(&bytes).map_err(failed)?);
    if authorities.is_empty() {
        return Err(failed("no certificate in it is an authority's".to_owned()));
    }
    let limits = Limits { connect: CONNECT, whole: LIMIT };
    Ok(https::agent(&authorities, PlainHttp::Never, limits, USER_AGENT))
}

/// With the service account's token as it is now, for it rotates.
fn authorized<B>(call: RequestBuilder<B>, api: &Api) -> Result<RequestBuilder<B>, String> {
    let path = api.token_file.display();
    let file = read_shared_secret(&api.token_file, MAX_TOKEN);
    let file = file.map_err(|error| error.text().to_owned())?;
    let token = file.bytes.trim_ascii();
    let mut text = Zeroizing::new(Vec::with_capacity(BEARER.len() + token.len()));
    text.extend_from_slice(BEARER);
    text.extend_from_slice(token);
    let value = HeaderValue::from_bytes(&text).ok().filter(|_| !token.is_empty());
    let mut value = value.ok_or_else(|| format!("{path}: there is no token in it"))?;
    value.set_sensitive(true);
    Ok(call.header("accept", "application/json").header("authorization", value))
}

/// Name and namespace are of letters that need no escapes.
fn url(secret: &Secret) -> String {
    let Secret { api, namespace, name } = secret;
    format!("{}/api/v1/namespaces/{namespace}/secrets/{name}", api.server)
}

fn document(secret: &Secret, version: Option<&str>, data: &[(&str, &[u8])]) -> Zeroizing<String> {
    let Secret { namespace, name, .. } = secret;
    let len: usize = data.iter().map(|(key, value)| key.len() + value.len() * 4 / 3 + 16).sum();
    // Whole from the beginning, again.
    let mut text = Zeroizing::new(String::with_capacity(1024 + len));
    text.push_str("{\"apiVersion\":\"v1\",\"kind\":\"Secret\",\"metadata\":{");
    text.push_str(&format!("\"name\":\"{name}\",\"namespace\":\"{namespace}\""));
    if let Some(version) = version {
        let version = serde_json::Value::from(version);
        text.push_str(&format!(",\"resourceVersion\":{version}"));
    }
    text.push_str("},\"data\":{");
    for (index, (key, value)) in data.iter().enumerate() {
        text.push_str(if index == 0 { "\"" } else { ",\"" });
        text.push_str(key);
        text.push_str("\":\"");
        STANDARD.encode_string(value, &mut text);
        text.push('"');
    }
    text.push_str("}}");
    text
}

const USER_AGENT: &str = concat!("scramtoken-agent/", env!("CARGO_PKG_VERSION"));
const BEARER: &[u8] = b"Bearer ";
const CONNECT: Duration = Duration::from_secs(3);
/// The most that one request may take.
const LIMIT: Duration = Duration::from_secs(6);
const MAX_TOKEN: usize = 64 * 1024;
/// etcd keeps nothing longer than 1.5 MiB.
const MAX_ANSWER: u64 = 2 * 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn stored(body: &str) -> Option<Stored> {
        Stored::new(Zeroizing::new(body.to_owned()))
    }

    #[test]
    fn what_is_sent_is_what_comes_back() {
        let given = super::super::Given {
            api_server: Some("https://a".to_owned()),
            namespace: Some("jobs".to_owned()),
            ..Default::default()
        };
        let secret = given.secret("kafka-token".to_owned(), None).unwrap();
        let values: [(&str, &[u8]); 3] = [("a", b""), ("b.json", b"{\"\\"), ("c", &[0xff; 4096])];
        let text = document(&secret, Some("7\""), &values);
        assert!(text.capacity() >= text.len());
        let back = stored(&text).unwrap();
        assert_eq!(back.version().as_deref(), Some("7\""));
        for (key, value) in values {
            assert_eq!(back.get(key).unwrap().as_slice(), value, "{key}");
        }
        assert!(back.get("d").is_none());
        assert_eq!(url(&secret), "https://a/api/v1/namespaces/jobs/secrets/kafka-token");
    }

    #[test]
    fn what_is_no_secret_has_no_values() {
        for body in ["", "{", "[]", "null", "{}", r#"{"metadata":{}}"#, r#"{"metadata":"x"}"#] {
            assert!(stored(body).is_none(), "{body}");
        }
        let with = |rest: &str| format!(r#"{{"metadata":{{"resourceVersion":"1"{rest}"#);
        for rest in [
            "}}",
            r#"},"data":null}"#,
            r#"},"data":[]}"#,
            r#"},"data":{"a":1}}"#,
            r#"},"data":{"a":"%"}}"#,
            r#"},"data":{"a":"\u0041"}}"#,
            r#","managedFields":7}}"#,
            r#","managedFields":[null,{"manager":"m","operation":"Apply","fieldsV1":[]}]}}"#,
        ] {
            let stored = stored(&with(rest)).unwrap();
            assert!(stored.get("a").is_none() && stored.keys_of("m").is_empty(), "{rest}");
        }
        let fields =
            r#"{"manager":"m","operation":"Apply","fieldsV1":{"f:data":{".":{},"f:a":{}}}}"#;
        let stored = stored(&with(&format!(r#","managedFields":[{fields}]}}}}"#))).unwrap();
        assert_eq!(stored.keys_of("m"), ["a"]);
        assert!(stored.keys_of("n").is_empty());
    }
}
