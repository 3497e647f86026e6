//! `sasl.mechanism` and `sasl.jaas.config`: which mechanism, and as whom.

use zeroize::Zeroizing;

use super::{Gssapi, Login, Method, OauthBearer, Plain, Scram};
use crate::error::Error;
use crate::kafka::property::{invalid, value};
use crate::properties::{LoginModule, Properties};
use crate::scram::{ClientCredential, Mechanism};

impl Login {
    /// With a credential in place of `sasl.jaas.config`.
    ///
    /// # Errors
    ///
    /// `INVALID_ARGUMENT` where `sasl.mechanism` is not SCRAM.
    pub(in crate::kafka) fn with_credential(
        credential: ClientCredential,
        properties: &Properties,
    ) -> Result<Self, Error> {
        let mechanism = value(properties, "sasl.mechanism").unwrap_or_default();
        let mechanism = Mechanism::from_name(mechanism).map_err(|_| {
            invalid("sasl.mechanism", "SCRAM-SHA-256 or SCRAM-SHA-512 is wanted here")
        })?;
        Ok(Self::scram(mechanism, credential))
    }

    /// As the properties say; what is to be told beside that goes to the warnings.
    ///
    /// # Errors
    ///
    /// `INVALID_ARGUMENT` or `CORRUPT`, with the key. No secret is in the text.
    pub(in crate::kafka) fn from_properties(
        properties: &Properties,
        warnings: &mut Vec<String>,
    ) -> Result<Self, Error> {
        let name = value(properties, "sasl.mechanism").unwrap_or("GSSAPI");
        let module_class = match name {
            "SCRAM-SHA-256" | "SCRAM-SHA-512" => "ScramLoginModule",
            "PLAIN" => "PlainLoginModule",
            "GSSAPI" => "Krb5LoginModule",
            "OAUTHBEARER" => "OAuthBearerLoginModule",
            _ => {
                let what = "it is not GSSAPI, SCRAM-SHA-256, SCRAM-SHA-512, PLAIN or OAUTHBEARER";
                return Err(invalid("sasl.mechanism", what));
            }
        };
        let module = value(properties, "sasl.jaas.config").map(LoginModule::parse).transpose()?;
        if let Some(module) = module.as_ref().filter(|module| !module.is_class(module_class)) {
            let class = module.shown_class();
            let what = format!(
                "{class} does not go with sasl.mechanism {name}, which wants {module_class}"
            );
            return Err(invalid("sasl.jaas.config", what));
        }
        if name == "GSSAPI" {
            let gssapi = Gssapi::from_properties(properties, module.as_ref(), warnings)?;
            let name = gssapi.principal().unwrap_or_default().to_owned();
            return Ok(Self { name, method: Method::Gssapi(gssapi) });
        }
        let module = module.ok_or_else(|| {
            let what = "it is missing; a JAAS file of the JVM's (java.security.auth.login.config) is \
                        not read";
            invalid("sasl.jaas.config", what)
        })?;
        if name == "OAUTHBEARER" {
            let bearer = OauthBearer::from_properties(properties, &module, warnings)?;
            return Ok(Self { name: String::new(), method: Method::OauthBearer(bearer) });
        }
        let username = module.required_option("username")?.to_owned();
        let method = match Mechanism::from_name(name) {
            Ok(mechanism) => {
                let credential = module.scram_credential()?;
                Method::Scram(Scram { mechanism, credential, doubles_nonce: false })
            }
            Err(_) => {
                let password = Zeroizing::new(module.required_option("password")?.to_owned());
                if username.contains('\0') || password.contains('\0') {
                    return Err(invalid("sasl.jaas.config", "a NUL cannot be sent by PLAIN"));
                }
                Method::Plain(Plain { password })
            }
        };
        Ok(Self { name: username, method })
    }
}
