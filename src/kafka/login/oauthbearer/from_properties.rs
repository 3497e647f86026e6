//! Kafka's properties of OAUTHBEARER: those of 4.x, and the JAAS options that came before them.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use ureq::http::Uri;

use super::endpoint::{Client, Endpoint, Url};
use super::extensions::Extensions;
use super::{OauthBearer, Place, file_url, jwt};
use crate::error::Error;
use crate::files::read_shared_secret;
use crate::https::PlainHttp;
use crate::kafka::property::{invalid, milliseconds, value};
use crate::kafka::tls::{NO_AUTHORITIES, signers};
use crate::properties::{LoginModule, Properties};
use crate::tls::Signers;

impl OauthBearer {
    /// As the properties say.
    ///
    /// # Errors
    ///
    /// `INVALID_ARGUMENT`, with the key. No secret is in the text.
    pub(in crate::kafka::login) fn from_properties(
        properties: &Properties,
        module: &LoginModule,
        warnings: &mut Vec<String>,
    ) -> Result<Self, Error> {
        let retriever = Retriever::named(properties)?;
        check_validator(properties)?;
        let url = value(properties, URL).ok_or_else(|| {
            let what = "it is missing: name a file that holds a JWT (file:/PATH), or the address of a \
                        token endpoint (https://...); unsecured tokens (unsecuredLoginStringClaim_sub) \
                        are not made here";
            invalid(URL, what)
        })?;
        let file = file_url::path(url).map_err(|what| invalid(URL, what))?;
        let place = match (file, retriever) {
            (Some(path), Retriever::Any | Retriever::File) => {
                // Whoever may read it is told of now; what is wrong with it, when it is needed.
                if let Ok(file) = read_shared_secret(&path, jwt::MAX_LEN) {
                    warnings.extend(file.warning);
                }
                Place::File(path)
            }
            (None, Retriever::Any | Retriever::ClientCredentials) => {
                Place::Endpoint(Arc::new(endpoint(url, properties, module)?))
            }
            (Some(_), Retriever::ClientCredentials) => {
                return Err(invalid(
                    RETRIEVER,
                    "it asks a token endpoint, and the URL names a file",
                ));
            }
            (None, Retriever::File) => {
                return Err(invalid(RETRIEVER, "it reads a file, and the URL names none"));
            }
        };
        let subject_claim = value(properties, "sasl.oauthbearer.sub.claim.name").unwrap_or("sub");
        let extensions = Extensions::of(module)?;
        Ok(Self { place, extensions, subject_claim: subject_claim.to_owned() })
    }
}

/// Whether a key means something to this mechanism.
pub(in crate::kafka) fn heeds(key: &str) -> bool {
    HEEDED.contains(&key)
}

/// Whether a class of `sasl.login.callback.handler.class` is the one of Kafka's that does what is done
/// here, in whatever package Kafka's is shaded to.
pub(in crate::kafka) fn is_kafkas_handler(class: &str) -> bool {
    is_kafkas(
        class,
        &["OAuthBearerLoginCallbackHandler", "secured.OAuthBearerLoginCallbackHandler"],
    )
}

fn is_kafkas(class: &str, names: &[&str]) -> bool {
    let parts = class.rsplit_once("org.apache.kafka.common.security.oauthbearer.");
    let is_whole = |before: &str| before.is_empty() || before.ends_with('.');
    parts.is_some_and(|(before, name)| is_whole(before) && names.contains(&name))
}

/// `sasl.oauthbearer.jwt.retriever.class`
enum Retriever {
    /// Whichever goes with the URL.
    Any,
    File,
    ClientCredentials,
}

impl Retriever {
    fn named(properties: &Properties) -> Result<Self, Error> {
        match value(properties, RETRIEVER) {
            None => Ok(Self::Any),
            Some(class) if is_kafkas(class, &["DefaultJwtRetriever"]) => Ok(Self::Any),
            Some(class) if is_kafkas(class, &["FileJwtRetriever"]) => Ok(Self::File),
            Some(class) if is_kafkas(class, &["ClientCredentialsJwtRetriever"]) => {
                Ok(Self::ClientCredentials)
            }
            Some(class) if is_kafkas(class, &["JwtBearerJwtRetriever"]) => {
                Err(invalid(RETRIEVER, NO_ASSERTIONS))
            }
            Some(_) => Err(invalid(RETRIEVER, FOREIGN_CLASS)),
        }
    }
}

/// The broker checks tokens; what a class of somebody else's would refuse must not be let through.
fn check_validator(properties: &Properties) -> Result<(), Error> {
    const KEY: &str = "sasl.oauthbearer.jwt.validator.class";
    match value(properties, KEY) {
        Some(class) if !is_kafkas(class, &["DefaultJwtValidator", "ClientJwtValidator"]) => {
            Err(invalid(KEY, FOREIGN_CLASS))
        }
        _ => Ok(()),
    }
}

fn endpoint(url: &str, properties: &Properties, module: &LoginModule) -> Result<Endpoint, Error> {
    if let Some(key) = properties.keys().find(|key| key.starts_with(ASSERTION)) {
        // Only what begins as one is shown: behind a stray backslash stands the next line.
        let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte == b'.';
        let key = if key.bytes().all(is_plain) { key } else { "sasl.oauthbearer.assertion" };
        return Err(invalid(key, NO_ASSERTIONS));
    }
    let url = http(url)?;
    let setting =
        |key, option| value(properties, key).or_else(|| module.option(option).map(str::trim));
    let required = |key, option| {
        setting(key, option).filter(|text| !text.is_empty()).ok_or_else(|| {
            let what = format!("it is missing, and so is the JAAS option {option} of old");
            invalid(key, what)
        })
    };
    let id = required("sasl.oauthbearer.client.credentials.client.id", "clientId")?;
    let secret = required("sasl.oauthbearer.client.credentials.client.secret", "clientSecret")?;
    let ms = |key, default| milliseconds(properties, key, default);
    // Zero is without a limit in Java.
    let limit = |key| {
        let limit = ms(key, 10_000)?;
        Ok::<_, Error>(if limit.is_zero() { Duration::MAX } else { limit })
    };
    Ok(Endpoint {
        url,
        client: Client::new(id, secret, is_encoded(properties)?),
        scope: setting("sasl.oauthbearer.scope", "scope").unwrap_or_default().to_owned(),
        authorities: authorities(module)?,
        connect_timeout: limit("sasl.login.connect.timeout.ms")?,
        read_timeout: limit("sasl.login.read.timeout.ms")?,
        backoff: ms("sasl.login.retry.backoff.ms", 100)?,
        retry_for: ms("sasl.login.retry.backoff.max.ms", 10_000)?,
        kept: Mutex::new(None),
    })
}

fn http(url: &str) -> Result<Url, Error> {
    const FORM: &str = "it is no address: write https://HOST/PATH, or file:/PATH";
    let uri: Uri = url.parse().map_err(|_| invalid(URL, FORM))?;
    let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
        return Err(invalid(URL, FORM));
    };
    if authority.as_str().contains('@') {
        let what = "it holds a user name: sasl.oauthbearer.client.credentials.client.id and .secret are \
                    the places for that";
        return Err(invalid(URL, what));
    }
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
    // Whether the name is what it should be is looked at when it is resolved.
    let is_loopback = host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
        || host.eq_ignore_ascii_case("localhost");
    let plain_http = match scheme {
        "https" => PlainHttp::Never,
        "http" if is_loopback => PlainHttp::ToLoopback,
        "http" => {
            let what = "http sends the client's secret in clear text: write https (http is for a proxy \
                        on this machine, at localhost)";
            return Err(invalid(URL, what));
        }
        _ => return Err(invalid(URL, FORM)),
    };
    let shown = format!("{scheme}://{authority}{}", uri.path());
    Ok(Url { text: url.to_owned(), shown, plain_http })
}

/// Whose certificates are believed: as in Kafka, the JAAS options `ssl.truststore.*` say so, or else the
/// system, and never the properties of the same names, which are about brokers.
fn authorities(module: &LoginModule) -> Result<Signers, Error> {
    const OF: &str = "sasl.jaas.config";
    let options = Properties::from_pairs(module.options());
    if options.keys().any(|option| option.starts_with("ssl.keystore.")) {
        let what = "the option ssl.keystore.*, a client certificate for the token endpoint, is not \
                    supported; remove it";
        return Err(invalid(OF, what));
    }
    let signers = signers(&options).map_err(|error| invalid(OF, format!("the option {error}")))?;
    let signers = signers.unwrap_or_else(Signers::of_system);
    if signers.is_empty() {
        return Err(invalid(OF, format!("the option ssl.truststore.location: {NO_AUTHORITIES}")));
    }
    Ok(signers)
}

fn is_encoded(properties: &Properties) -> Result<bool, Error> {
    const KEY: &str = "sasl.oauthbearer.header.urlencode";
    match value(properties, KEY) {
        None => Ok(false),
        Some(text) if text.eq_ignore_ascii_case("false") => Ok(false),
        Some(text) if text.eq_ignore_ascii_case("true") => Ok(true),
        Some(_) => Err(invalid(KEY, "it is neither true nor false")),
    }
}

const URL: &str = "sasl.oauthbearer.token.endpoint.url";
const RETRIEVER: &str = "sasl.oauthbearer.jwt.retriever.class";
const ASSERTION: &str = "sasl.oauthbearer.assertion.";
const NO_ASSERTIONS: &str = "signed assertions (JwtBearerJwtRetriever, private_key_jwt) are not supported; \
     take client credentials, or a file";
const FOREIGN_CLASS: &str = "it runs classes of a JVM, and there is none here; remove it";
const HEEDED: [&str; 13] = [
    "sasl.login.callback.handler.class",
    "sasl.login.connect.timeout.ms",
    "sasl.login.read.timeout.ms",
    "sasl.login.retry.backoff.max.ms",
    "sasl.login.retry.backoff.ms",
    "sasl.oauthbearer.client.credentials.client.id",
    "sasl.oauthbearer.client.credentials.client.secret",
    "sasl.oauthbearer.header.urlencode",
    "sasl.oauthbearer.jwt.retriever.class",
    "sasl.oauthbearer.jwt.validator.class",
    "sasl.oauthbearer.scope",
    "sasl.oauthbearer.sub.claim.name",
    "sasl.oauthbearer.token.endpoint.url",
];
