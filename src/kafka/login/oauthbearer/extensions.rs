//! SASL extensions: the options `extension_NAME` of the JAAS line, by the rules of Kafka's
//! OAuthBearerClientInitialResponse.

use crate::error::Error;
use crate::kafka::property::invalid;
use crate::properties::LoginModule;

/// As they stand in the client's first message: each `name=value`, and ^A.
#[derive(Clone, Default)]
pub(super) struct Extensions(pub(super) String);

impl Extensions {
    /// # Errors
    ///
    /// `INVALID_ARGUMENT` for a name or a value that the protocol has no place for.
    pub(super) fn of(module: &LoginModule) -> Result<Self, Error> {
        let mut text = String::new();
        for (option, value) in module.options() {
            let Some(name) = option.strip_prefix("extension_") else { continue };
            if name == "auth" {
                let what = "extension_auth is the token's own place; take another name";
                return Err(invalid("sasl.jaas.config", what));
            }
            if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphabetic()) {
                // The name is not shown: where a quote is missing, it may be anything.
                let what = "the name of an extension (extension_NAME) has other than letters";
                return Err(invalid("sasl.jaas.config", what));
            }
            let fits = |byte: u8| matches!(byte, b'\t' | b'\n' | b'\r' | b' '..=b'~');
            if value.is_empty() || !value.bytes().all(fits) {
                let what = format!(
                    "the value of extension_{name} is empty, or has other than printable ASCII"
                );
                return Err(invalid("sasl.jaas.config", what));
            }
            text.push_str(&format!("{name}={value}\u{1}"));
        }
        Ok(Self(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(options: &str) -> Result<String, Error> {
        let line = format!("a.OAuthBearerLoginModule required {options};");
        Extensions::of(&LoginModule::parse(&line).unwrap()).map(|extensions| extensions.0)
    }

    #[test]
    fn they_are_kafkas() {
        assert_eq!(of("").unwrap(), "");
        assert_eq!(
            of("extension_logicalCluster=\"lkc-1 ~\" clientId=x extension_a=b").unwrap(),
            "a=b\u{1}logicalCluster=lkc-1 ~\u{1}"
        );
        for options in [
            "extension_auth=x",
            "extension_=x",
            "extension_a1=x",
            "extension_a_b=x",
            "extension_a=\"\"",
            "extension_a=\"\\001auth=x\"",
            "extension_a=\"\u{e9}\"",
        ] {
            let error = of(options).unwrap_err();
            assert!(error.text().starts_with("sasl.jaas.config: "), "{options}: {error}");
        }
    }
}
