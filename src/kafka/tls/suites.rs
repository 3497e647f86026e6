//! Versions and cipher suites: `ssl.protocol`, `ssl.enabled.protocols`, `ssl.cipher.suites`.

use rustls::SupportedProtocolVersion;
use rustls::crypto::CryptoProvider;
use rustls::version::{TLS12, TLS13};

use super::super::property::{invalid, value};
use crate::error::Error;
use crate::properties::Properties;
use crate::tls;

/// The versions to offer; what rustls does not speak is named.
///
/// # Errors
///
/// `INVALID_ARGUMENT` when no version is left.
pub(super) fn versions(
    properties: &Properties,
    warnings: &mut Vec<String>,
) -> Result<Vec<&'static SupportedProtocolVersion>, Error> {
    let most = match value(properties, "ssl.protocol") {
        None | Some("TLSv1.3" | "TLS") => &TLS13,
        Some("TLSv1.2") => &TLS12,
        Some(_) => return Err(invalid("ssl.protocol", "it is not TLSv1.2 or TLSv1.3")),
    };
    const KEY: &str = "ssl.enabled.protocols";
    let enabled = value(properties, KEY).unwrap_or("TLSv1.2,TLSv1.3");
    let mut versions = Vec::new();
    for name in names(enabled) {
        match name {
            "TLSv1.2" => versions.push(&TLS12),
            "TLSv1.3" if most.version == TLS13.version => versions.push(&TLS13),
            "TLSv1.3" => {}
            other => warnings.push(format!("{KEY}: {} is not spoken, so left out", shown(other))),
        }
    }
    if versions.is_empty() {
        return Err(invalid(KEY, "it leaves neither TLSv1.2 nor TLSv1.3"));
    }
    Ok(versions)
}

/// The cipher suites to offer; what rustls does not have is named.
///
/// # Errors
///
/// `INVALID_ARGUMENT` when no suite is left.
pub(super) fn provider(
    properties: &Properties,
    warnings: &mut Vec<String>,
) -> Result<CryptoProvider, Error> {
    const KEY: &str = "ssl.cipher.suites";
    let mut provider = tls::provider();
    let Some(wanted) = value(properties, KEY) else { return Ok(provider) };
    let mut suites = Vec::new();
    for name in names(wanted) {
        let suite = provider.cipher_suites.iter().find(|suite| {
            // rustls writes TLS13_AES_..., the standard (and Java) TLS_AES_...
            let ours = format!("{:?}", suite.suite());
            ours == name || ours.replacen("TLS13_", "TLS_", 1) == name
        });
        match suite {
            Some(suite) => suites.push(*suite),
            None => {
                warnings.push(format!("{KEY}: {} is not supported, so left out", shown(name)));
            }
        }
    }
    if suites.is_empty() {
        return Err(invalid(KEY, "none of its suites is supported"));
    }
    provider.cipher_suites = suites;
    Ok(provider)
}

fn names(list: &str) -> impl Iterator<Item = &str> {
    list.split(',').map(str::trim).filter(|name| !name.is_empty())
}

/// A name in a list, where it looks like one: behind a stray backslash it holds the next line.
fn shown(name: &str) -> &str {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-');
    if name.bytes().all(is_plain) { name } else { "a name" }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn properties(text: &str) -> Properties {
        Properties::parse(text.as_bytes()).unwrap()
    }

    #[test]
    fn versions_are_those_of_the_properties() {
        let versions = |text| {
            let mut warnings = Vec::new();
            let versions = super::versions(&properties(text), &mut warnings);
            versions.map(|versions| (versions.len(), warnings.len()))
        };
        assert_eq!(versions(""), Ok((2, 0)));
        assert_eq!(versions("ssl.protocol=TLSv1.2"), Ok((1, 0)));
        assert_eq!(versions("ssl.enabled.protocols=TLSv1.1, TLSv1.3"), Ok((1, 1)));
        assert!(versions("ssl.enabled.protocols=TLSv1").is_err());
        assert!(versions("ssl.protocol=SSLv3").is_err());
    }

    #[test]
    fn suites_go_by_their_standard_names() {
        let mut warnings = Vec::new();
        let text = "ssl.cipher.suites=TLS_AES_256_GCM_SHA384,\
                    TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,TLS_RSA_WITH_AES_128_CBC_SHA";
        let provider = super::provider(&properties(text), &mut warnings).unwrap();
        assert_eq!(provider.cipher_suites.len(), 2);
        assert_eq!(warnings.len(), 1);
        assert!(super::provider(&properties("ssl.cipher.suites=X"), &mut warnings).is_err());
    }
}
