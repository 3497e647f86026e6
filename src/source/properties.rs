//! The properties of a Kafka client, read for their credential and written for a token.

use zeroize::Zeroizing;

use super::credential::{CurrentCredential, Field, corrupt, token};
use crate::error::Error;
use crate::properties::{LoginModule, Properties};
use crate::scram::Mechanism;
use crate::token::Token;

/// `sasl.jaas.config` is all that a source needs of the file.
pub(super) fn parse(bytes: &[u8]) -> Result<CurrentCredential, Error> {
    let properties = Properties::parse(bytes)?;
    let jaas = properties.get("sasl.jaas.config").ok_or_else(|| {
        corrupt("it is neither a JSON object nor a properties file with sasl.jaas.config")
    })?;
    let module = LoginModule::parse(jaas)?;
    let credential = module.scram_credential()?;
    if !module.is_token() {
        return Ok(CurrentCredential::Password(credential));
    }
    let option = |name| Ok(Field { name, value: module.required_option(name)?.as_bytes() });
    token(option("username")?, option("password")?).map(CurrentCredential::Token)
}

/// Properties that a Kafka client logs in with, below a comment of one line.
///
/// # Errors
///
/// `MALFORMED` for an id that cannot be written into properties.
pub(crate) fn token_properties(
    comment: &str,
    token: &Token,
    mechanism: Mechanism,
) -> Result<Zeroizing<String>, Error> {
    let hmac = token.hmac_text();
    let jaas = LoginModule::token_line(&token.id, hmac)?;
    Ok(Zeroizing::new(format!(
        "# {comment}\nsasl.mechanism={}\nsasl.jaas.config={}\n",
        mechanism.name(),
        jaas.as_str(),
    )))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::status::Status;

    fn a_token(id: &str, hmac: &[u8]) -> Token {
        let (name, value) = ("id", id.as_bytes());
        token(Field { name, value }, Field { name: "hmac", value: hmac }).unwrap()
    }

    #[test]
    fn what_is_written_is_read() {
        let written = a_token("-0_aZ.9", b"+/8aG1hYw==");
        let text = token_properties("A comment.", &written, Mechanism::ScramSha256).unwrap();
        assert!(text.starts_with("# A comment.\nsasl.mechanism=SCRAM-SHA-256\n"), "{}", *text);
        match parse(text.as_bytes()).unwrap() {
            CurrentCredential::Token(read) => assert_eq!(read, written),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn an_id_that_says_something_else_in_properties_is_not_written() {
        for id in ["a\"b", "a\\b", "\u{e9}", "a;b", "a#"] {
            let written = a_token(id, b"aG1hYw==");
            let error = token_properties("", &written, Mechanism::ScramSha512).unwrap_err();
            assert_eq!(error.status(), Status::MALFORMED, "{id}");
            assert!(!error.text().contains("aG1hYw"), "{error}");
        }
    }
}
