//! `file:`: a JSON object, or the properties file of a Kafka client.

use std::path::Path;

use super::MAX_FILE;
use super::credential::{CurrentCredential, Reading, Warning, corrupt};
use super::{json, properties};
use crate::files::read_secret;
use crate::{byte_order_mark, error::Error};

/// Reads the file anew.
pub(super) fn read(path: &Path) -> Result<Reading, Error> {
    let file = read_secret(path, MAX_FILE)?;
    let credential =
        parse(&file.bytes).map_err(|error| corrupt(format!("{}: {error}", path.display())))?;
    Ok(Reading { credential, warning: file.warning.map(Warning::Exposed) })
}

fn parse(bytes: &[u8]) -> Result<CurrentCredential, Error> {
    let bytes = byte_order_mark::skip(bytes)?;
    match bytes.trim_ascii_start().first() {
        Some(b'{') => {
            json::parse(core::str::from_utf8(bytes).map_err(|_| corrupt("it is not UTF-8"))?)
        }
        Some(_) => properties::parse(bytes),
        None => Err(corrupt("it is empty")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::status::Status;

    fn token_of(text: &str) -> crate::token::Token {
        match parse(text.as_bytes()) {
            Ok(CurrentCredential::Token(token)) => token,
            other => panic!("{text}: {other:?}"),
        }
    }

    fn hmac_of(text: &str) -> String {
        token_of(text).hmac.unwrap().as_str().to_owned()
    }

    #[test]
    fn a_token_and_all_that_is_known_of_it() {
        let token = token_of(
            r#" {"token_id": "id", "hmac": "aG1hYw==", "owner": "User:alice", "later": [{}],
                "mechanism": "SCRAM-SHA-512", "issue_timestamp_ms": 0,
                "expiry_timestamp_ms": 1700000000000, "max_timestamp_ms": 9223372036854775807}
            "#,
        );
        assert_eq!((token.id.as_str(), token.owner.as_deref()), ("id", Some("User:alice")));
        assert_eq!((token.issue_ms, token.expiry_ms), (Some(0), Some(1_700_000_000_000)));
        assert_eq!((token.max_ms, token.requester), (Some(i64::MAX), None));
    }

    #[test]
    fn a_byte_order_mark_is_skipped_or_refused_by_name() {
        let json = r#"{"token_id": "id", "hmac": "aG1hYw=="}"#;
        let properties = "sasl.jaas.config=a.ScramLoginModule required username=id \
                          password=\"aG1hYw==\" tokenauth=true;";
        for text in [json, properties] {
            assert_eq!(token_of(&format!("\u{feff}{text}")).id, "id");
            let wide: Vec<u8> =
                format!("\u{feff}{text}").encode_utf16().flat_map(u16::to_le_bytes).collect();
            assert!(parse(&wide).unwrap_err().text().contains("byte order mark"), "{text}");
        }
        assert!(parse("\u{feff}\u{feff}{}".as_bytes()).is_err());
    }

    #[test]
    fn what_is_null_is_unknown() {
        let token = token_of(
            r#"{"token_id":"id","hmac":"aG1hYw==","owner":null,"mechanism":null,
                "issue_timestamp_ms":null,"expiry_timestamp_ms":-1,"max_timestamp_ms":null}"#,
        );
        assert_eq!(token, token_of(r#"{"hmac": "aG1hYw==", "token_id": "id"}"#));
        assert_eq!((token.owner, token.expiry_ms, token.max_ms), (None, None, None));
    }

    #[test]
    fn strings_are_unescaped_as_json_demands() {
        let json = r#"{"username": "a\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00é", "password": "p"}"#;
        let expected: String =
            serde_json::from_str(r#""a\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00é""#).unwrap();
        match parse(json.as_bytes()) {
            Ok(CurrentCredential::Password(credential)) => assert_eq!(credential.name(), expected),
            other => panic!("{other:?}"),
        }
        assert_eq!(hmac_of(r#"{"token_id": "id", "hmac": "a\/b\u003d"}"#), "a/b=");
    }

    #[test]
    fn a_password_in_json_and_in_properties() {
        for text in [
            r#"{"username": "alice", "password": "pa ss\n"}"#,
            "# Kafka's\nsecurity.protocol=SASL_SSL\nsasl.jaas.config=\
             org.apache.kafka.common.security.scram.ScramLoginModule required \
             username=\"alice\" password=\"secret\";\n",
        ] {
            let current = parse(text.as_bytes()).unwrap();
            assert!(matches!(current, CurrentCredential::Password(_)), "{current:?}");
        }
    }

    #[test]
    fn a_token_in_properties_says_tokenauth() {
        let text = "sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule \\\n  \
                    required username=\"id\" password=\"aG1hYw==\" tokenauth=\"true\";";
        assert_eq!((token_of(text).id, hmac_of(text)), ("id".into(), "aG1hYw==".into()));
    }

    /// Every secret of these is `s3cret`, and must not be in the error.
    #[test]
    fn each_fault_is_named_without_the_secret() {
        let module = "org.apache.kafka.common.security";
        let plain = format!(
            "sasl.jaas.config={module}.plain.PlainLoginModule required username=a password=s3cret;"
        );
        let no_name = format!(
            "sasl.jaas.config={module}.scram.ScramLoginModule required password=s3cret \
             tokenauth=true;"
        );
        let blank = format!(
            "sasl.jaas.config={module}.scram.ScramLoginModule required username=a \
             password=\"s3cret \" tokenauth=true;"
        );
        let rows: [(&str, &str); 38] = [
            ("", "it is empty"),
            (" \n\t ", "it is empty"),
            ("{", "it is not whole"),
            (r#"{"token_id": "id", "hmac": "s3cre"#, "it is not whole"),
            (r#"{"token_id": "id", "hmac": "s3cret""#, "it is not whole"),
            (r#"{"token_id": "id", "hmac": "s3cret"} x"#, "not JSON (line 1, column 38)"),
            (r#"{"token_id": "id", "hmac": "s3cret"}{}"#, "not JSON (line 1, column 37)"),
            (r#"{"token_id": "id", "hmac": "s3cret",}"#, "not JSON"),
            ("{\"token_id\": \"id\",\n \"hmac\": s3cret}", "not JSON (line 2"),
            ("{\"token_id\": \"id\", \"hmac\": \"s3cret\n\"}", "not JSON (line 1"),
            (r#"{"token_id": "id", "hmac": "s3cret\u12x4"}"#, "not JSON"),
            (r#"{"hmac": "s3cret"}"#, r#""token_id" is missing"#),
            (r#"{"token_id": "id"}"#, r#""hmac" is missing"#),
            (r#"{"password": "s3cret"}"#, r#""username" is missing"#),
            (r#"{"username": "s3cret"}"#, r#""password" is missing"#),
            ("{}", r#"neither "token_id" and "hmac" nor "username" and "password""#),
            (r#"{"token_id": "id", "hmac": ""}"#, r#""hmac" is empty"#),
            (r#"{"token_id": "", "hmac": "s3cret"}"#, r#""token_id" is empty"#),
            (r#"{"username": "", "password": "s3cret"}"#, r#""username" is empty"#),
            (r#"{"username": "a", "password": ""}"#, r#""password" is empty"#),
            (r#"{"token_id": 7, "hmac": "s3cret"}"#, r#""token_id" is not a string"#),
            (r#"{"token_id": "id", "hmac": ["s3cret"]}"#, r#""hmac" is not a string"#),
            (r#"{"token_id": "id", "hmac": null}"#, r#""hmac" is not a string"#),
            (r#"{"token_id": "id", "hmac": "s3cret\ud800"}"#, r#""hmac" is not a string"#),
            (r#"{"token_id": "id", "hmac": "s3cret\n"}"#, "the HMAC is not base64 text"),
            (r#"{"token_id": "i\u0000d", "hmac": "s3cret"}"#, "the token id holds a NUL"),
            (
                r#"{"token_id": "id", "hmac": "s3cret", "hmac": "s3cret2"}"#,
                r#""hmac" is there twice"#,
            ),
            (
                r#"{"token_id": "id", "hmac": "s3cret", "password": "s3cret"}"#,
                "of a token (\"token_id\", \"hmac\") and of a password",
            ),
            (
                r#"{"token_id": "id", "hmac": "s3cret", "expiry_timestamp_ms": "s3cret"}"#,
                r#""expiry_timestamp_ms" is no time"#,
            ),
            (
                r#"{"token_id": "id", "hmac": "s3cret", "max_timestamp_ms": 1.5}"#,
                r#""max_timestamp_ms" is no time"#,
            ),
            (
                r#"{"token_id": "id", "hmac": "s3cret", "mechanism": "PLAIN"}"#,
                r#""mechanism": the mechanism is neither"#,
            ),
            (r#"{"username": "a", "s3cret": "a", "s3cret": "b"}"#, "a key is there twice"),
            (r#"{"token_id": "id\n", "hmac": "s3cret"}"#, "the token id holds a line end"),
            (r#"{"token_id": "i d", "hmac": "s3cret"}"#, "the token id holds a line end"),
            (
                r#"{"username": "a\r\n", "password": "s3cret"}"#,
                r#""username" ends with a line end"#,
            ),
            (&plain, "PlainLoginModule is not ScramLoginModule"),
            (&no_name, "\"username\""),
            (&blank, "username and password: the HMAC is not base64 text"),
        ];
        for (text, expected) in rows {
            let error = parse(text.as_bytes()).unwrap_err();
            assert!(error.text().contains(expected), "{text}: {error}");
            assert!(!error.text().contains("s3cre"), "{text}: {error}");
            assert!(matches!(error.status(), Status::CORRUPT | Status::INVALID_ARGUMENT));
        }
    }

    #[test]
    fn other_texts_are_none_of_the_two() {
        for text in ["[1]", "\"s3cret\"", "s3cret", "token_id=id\nhmac=s3cret"] {
            let error = parse(text.as_bytes()).unwrap_err();
            assert!(error.text().contains("neither a JSON object nor"), "{text}: {error}");
        }
        assert_eq!(parse(b"{\"hmac\": \"\xff\"}").unwrap_err().text(), "it is not UTF-8");
    }

    #[test]
    fn noise_is_an_error_and_no_panic() {
        let good =
            br#"{"token_id": "id\u00e9\ud83d\ude00", "hmac": "aG1h", "max_timestamp_ms": 1}"#;
        for at in 0..good.len() {
            assert!(parse(&good[..at]).is_err());
            for byte in [0, b'"', b'\\', b'{', b'}', 0xff] {
                let mut noise = good.to_vec();
                noise[at] = byte;
                let _ = parse(&noise);
            }
        }
        let deep = format!("{{\"a\": {}", "[".repeat(60_000));
        assert!(parse(deep.as_bytes()).is_err());
    }
}
