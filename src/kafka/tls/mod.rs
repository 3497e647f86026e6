//! TLS by Kafka's `ssl.*` properties.

mod stores;
mod suites;

pub(in crate::kafka) use stores::{NO_AUTHORITIES, signers};

use super::property::{invalid, value};
use crate::error::Error;
use crate::properties::Properties;
use crate::tls::{Advice, Tls, Trust};

/// Reads `ssl.*`, and the files that it names.
///
/// # Errors
///
/// `INVALID_ARGUMENT`, `IO` or `CORRUPT`, with the key.
pub(super) fn from_properties(
    properties: &Properties,
    warnings: &mut Vec<String>,
) -> Result<Tls, Error> {
    let provider = suites::provider(properties, warnings)?;
    let versions = suites::versions(properties, warnings)?;
    let roots = stores::roots(properties)?;
    let trust = if checks_host(properties)? { Trust::Host(roots) } else { Trust::AnyHost(roots) };
    let identity = stores::identity(properties, warnings)?;
    let key = match (&identity, value(properties, "ssl.keystore.location")) {
        (None, _) => "ssl.cipher.suites",
        (Some(_), None) => "ssl.keystore.key",
        (Some(_), Some(_)) => "ssl.keystore.location",
    };
    Tls::new(provider, &versions, trust, identity).map_err(|what| invalid(key, what))
}

/// One sentence for an error of TLS, with the property to look at.
pub(super) fn explain(error: &rustls::Error) -> String {
    let advice = Advice {
        peer: "broker",
        trust: "ssl.truststore.location",
        identity: "ssl.keystore.location",
        suites: "ssl.enabled.protocols and ssl.cipher.suites",
        plain_text: "the port is another, or security.protocol must have no SSL in it",
    };
    crate::tls::explain(error, &advice)
}

/// Empty switches the check of the host name off; the default is `https`.
fn checks_host(properties: &Properties) -> Result<bool, Error> {
    const KEY: &str = "ssl.endpoint.identification.algorithm";
    match (properties.get(KEY), value(properties, KEY)) {
        (None, _) => Ok(true),
        (_, None) => Ok(false),
        (_, Some(name)) if name.eq_ignore_ascii_case("https") => Ok(true),
        (_, Some(_)) => Err(invalid(KEY, "it is neither https nor empty")),
    }
}
