//! TLS by rustls, set up from Kafka's `ssl.*` properties.

mod explain;
mod pkcs12;
mod stores;
mod suites;
mod verifier;

use core::fmt;
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection};

pub(super) use explain::explain;

use super::config::{invalid, value};
use crate::properties::Properties;
use crate::{error::Error, status::Status};

/// What is needed to make any number of connections.
#[derive(Clone)]
pub(crate) struct Tls(Arc<ClientConfig>);

impl Tls {
    /// Reads `ssl.*`, and the files that it names.
    ///
    /// # Errors
    ///
    /// `INVALID_ARGUMENT`, `IO` or `CORRUPT`, with the key.
    pub(super) fn from_properties(
        properties: &Properties,
        warnings: &mut Vec<String>,
    ) -> Result<Self, Error> {
        let provider = Arc::new(suites::provider(properties, warnings)?);
        let versions = suites::versions(properties, warnings)?;
        let roots = Arc::new(stores::roots(properties)?);
        let builder = ClientConfig::builder_with_provider(provider.clone())
            .with_protocol_versions(&versions)
            .map_err(|error| invalid("ssl.cipher.suites", explain(&error)))?;

        let verifier: Arc<dyn ServerCertVerifier> = if checks_host(properties)? {
            WebPkiServerVerifier::builder_with_provider(roots, provider)
                .build()
                .map_err(|error| invalid("ssl.truststore.location", error))?
        } else {
            Arc::new(verifier::AnyHost::new(roots, &provider))
        };
        let builder = builder.dangerous().with_custom_certificate_verifier(verifier);
        let config = match stores::identity(properties)? {
            None => builder.with_no_client_auth(),
            Some((chain, key)) => builder
                .with_client_auth_cert(chain, key)
                .map_err(|error| invalid("ssl.keystore.location", explain(&error)))?,
        };
        Ok(Self(Arc::new(config)))
    }

    /// A connection to be made to this host, whose name or address its certificate must bear.
    ///
    /// # Errors
    ///
    /// `INVALID_ARGUMENT` when the host can be in no certificate.
    pub(super) fn connection(&self, host: &str) -> Result<ClientConnection, Error> {
        let name = ServerName::try_from(host.to_owned()).map_err(|_| {
            let text = format!("the host {host:?} is neither a DNS name nor an IP address");
            Error::new(Status::INVALID_ARGUMENT, text)
        })?;
        ClientConnection::new(self.0.clone(), name)
            .map_err(|error| Error::new(Status::INTERNAL, format!("TLS: {}", explain(&error))))
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tls(..)")
    }
}

/// Empty switches the check of the host name off; the default is `https`.
fn checks_host(properties: &Properties) -> Result<bool, Error> {
    const KEY: &str = "ssl.endpoint.identification.algorithm";
    match (properties.get(KEY), value(properties, KEY)) {
        (None, _) => Ok(true),
        (_, None) => Ok(false),
        (_, Some(name)) if name.eq_ignore_ascii_case("https") => Ok(true),
        (_, Some(other)) => Err(invalid(KEY, format!("{other:?} is neither https nor empty"))),
    }
}
