//! An access token: a JWT (RFC 7519), of which we read who it is for and when it ends, and believe
//! neither. The broker checks the signature.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Map, Value};
use zeroize::Zeroizing;

/// A JWT that may be sent; its text is a secret.
#[derive(Clone)]
pub(super) struct Jwt {
    pub(super) text: Zeroizing<String>,
    /// Whom it is for, as it says itself.
    pub(super) subject: String,
    /// When it was made, in ms since 1970; None where it does not say.
    pub(super) issued_ms: Option<i64>,
    /// When it ends, likewise.
    pub(super) expiry_ms: Option<i64>,
}

impl Jwt {
    /// Reads what a file or an endpoint gave, without the blanks around it.
    ///
    /// # Errors
    ///
    /// A clause about "it", in which nothing of the text is.
    pub(super) fn parse(text: &[u8], subject_claim: &str) -> Result<Self, &'static str> {
        const NONE: &str = "it is no JWT, which is three parts in base64 with dots between them";
        let text = text.trim_ascii();
        if text.is_empty() {
            return Err("it is empty: there is no token in it");
        }
        if text.len() > MAX_LEN {
            return Err("it is longer than any token that a broker takes");
        }
        let text = str::from_utf8(text).map_err(|_| NONE)?;
        let mut parts = text.split('.');
        let (Some(header), Some(payload), Some(signature), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(NONE);
        };
        object(header).ok_or(NONE)?;
        let claims = object(payload).ok_or("it is no JWT: its second part is no JSON object")?;
        if signature.is_empty() {
            return Err("it is a JWT without a signature, which no broker should take");
        }
        decode(signature).ok_or(NONE)?;
        let subject = claims.get(subject_claim).and_then(Value::as_str).unwrap_or(UNNAMED);
        Ok(Self {
            text: Zeroizing::new(text.to_owned()),
            subject: subject.chars().take(MAX_SUBJECT).collect(),
            issued_ms: claims.get("iat").and_then(milliseconds),
            expiry_ms: claims.get("exp").and_then(milliseconds),
        })
    }

    /// When it ended, where it has by this machine's clock, which may be wrong.
    pub(super) fn ended_ms(&self, now_ms: i64) -> Option<i64> {
        self.expiry_ms.filter(|expiry_ms| *expiry_ms <= now_ms)
    }

    /// What must not be shown: whoever has the signature has the rest of it, which is no secret.
    pub(super) fn secrets(&self) -> [Zeroizing<String>; 2] {
        let (_, signature) = self.text.rsplit_once('.').unwrap_or_default();
        [self.text.clone(), Zeroizing::new(signature.to_owned())]
    }
}

/// A part that holds JSON.
fn object(part: &str) -> Option<Map<String, Value>> {
    serde_json::from_slice(&decode(part)?).ok()
}

/// Without padding, as JWS has it, and so with no letter that the protocol has a use for.
fn decode(part: &str) -> Option<Zeroizing<Vec<u8>>> {
    URL_SAFE_NO_PAD.decode(part).ok().map(Zeroizing::new)
}

/// Of a NumericDate: seconds, perhaps with a fraction.
fn milliseconds(seconds: &Value) -> Option<i64> {
    match seconds.as_i64() {
        Some(seconds) => Some(seconds.saturating_mul(1000)),
        #[allow(clippy::cast_possible_truncation, reason = "the nearest that there is")]
        None => Some((seconds.as_f64()? * 1000.0) as i64),
    }
}

/// Brokers take half a megabyte (sasl.server.max.receive.size); tokens have one or two kilobytes.
pub(super) const MAX_LEN: usize = 64 * 1024;
const MAX_SUBJECT: usize = 256;
const UNNAMED: &str = "unnamed";

#[cfg(test)]
mod tests {
    use super::*;

    fn jwt(claims: &str) -> String {
        let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
        format!("{}.{}.c2ln", part(r#"{"alg":"RS256"}"#), part(claims))
    }

    #[test]
    fn who_it_is_for_and_when_it_ends() {
        let read = |claims: &str| {
            let Jwt { subject, expiry_ms, .. } = Jwt::parse(jwt(claims).as_bytes(), "sub").unwrap();
            (subject, expiry_ms)
        };
        let pod = "system:serviceaccount:app:relay";
        let (name, end) = read(&format!(r#"{{"sub":"{pod}","exp":1900000000}}"#));
        assert_eq!((name.as_str(), end), (pod, Some(1_900_000_000_000)));
        assert_eq!(read(r#"{"sub":"a","exp":1.5}"#).1, Some(1500));
        assert_eq!(read(r#"{"sub":"a","exp":1e300}"#).1, Some(i64::MAX));
        assert_eq!(read(r#"{"sub":"a","exp":9223372036854775807}"#).1, Some(i64::MAX));
        for claims in ["{}", r#"{"sub":7,"exp":"soon"}"#, r#"{"sub":["a"],"exp":null}"#] {
            assert_eq!(read(claims), (UNNAMED.to_owned(), None), "{claims}");
        }
        let long = format!(r#"{{"sub":"{}"}}"#, "\u{e9}".repeat(1000));
        assert_eq!(read(&long).0, "\u{e9}".repeat(256));
        let other = Jwt::parse(jwt(r#"{"sub":"a","azp":"b"}"#).as_bytes(), "azp").unwrap();
        assert_eq!(other.subject, "b");
    }

    #[test]
    fn blanks_around_it_are_no_part_of_it() {
        let text = jwt("{}");
        let read = Jwt::parse(format!(" \t{text}\r\n\n").as_bytes(), "sub").unwrap();
        assert_eq!(*read.text, text);
    }

    #[test]
    fn what_is_none_is_refused_without_a_word_of_it() {
        let good = jwt("{}");
        let deep = jwt(&"[".repeat(10_000));
        for text in [
            "",
            " \n",
            "s3cret",
            "s3cret.s3cret.s3cret",
            "..",
            &good.replace("c2ln", ""),
            &format!("{good}.c2ln"),
            &format!("{good}="),
            &format!("{good}\u{1}auth=x"),
            &good.replacen('.', ".\n", 1),
            &jwt("[]"),
            &jwt("s3cret"),
            &deep,
            &"a".repeat(MAX_LEN + 1),
        ] {
            let why = Jwt::parse(text.as_bytes(), "sub").err().unwrap();
            assert!(why.starts_with("it is ") && !why.contains("s3cret"), "{why}");
        }
        assert!(Jwt::parse(b"\xff.\xff.\xff", "sub").is_err());
    }
}
