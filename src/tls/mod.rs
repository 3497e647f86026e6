//! TLS by rustls: whom a client trusts, and who it is. The doors read their own properties.

mod explain;
mod file;
mod pem;
mod pkcs12;
mod verifier;

use core::fmt;
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, SupportedProtocolVersion};

pub(crate) use explain::{Advice, explain};
pub(crate) use file::read;
pub(crate) use pem::{certificates, private_key};
pub(crate) use pkcs12::identity;
pub(crate) use pkcs12::trusted;

use self::verifier::AnyHost;
use crate::{error::Error, status::Status};

/// Whose certificates are believed.
pub(crate) enum Trust {
    /// Of the host that is connected to, signed by one of these.
    Host(RootCertStore),
    /// Of any host, signed by one of these.
    AnyHost(RootCertStore),
    /// All of them.
    Anybody,
}

/// Our certificate with its chain, and its private key.
pub(crate) type Identity = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

/// What is needed to make any number of connections.
#[derive(Clone)]
pub(crate) struct Tls(Arc<ClientConfig>);

impl Tls {
    /// Puts together what a door has read.
    ///
    /// # Errors
    ///
    /// When suites and versions do not fit together, or a certificate and its key.
    pub(crate) fn new(
        provider: CryptoProvider,
        versions: &[&'static SupportedProtocolVersion],
        trust: Trust,
        identity: Option<Identity>,
    ) -> Result<Self, rustls::Error> {
        let provider = Arc::new(provider);
        let verifier: Arc<dyn ServerCertVerifier> = match trust {
            Trust::Host(roots) => {
                let roots = Arc::new(roots);
                WebPkiServerVerifier::builder_with_provider(roots, Arc::clone(&provider))
                    .build()
                    .map_err(|error| rustls::Error::General(error.to_string()))?
            }
            Trust::AnyHost(roots) => Arc::new(AnyHost::new(Some(roots), &provider)),
            Trust::Anybody => Arc::new(AnyHost::new(None, &provider)),
        };
        let builder = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(versions)?
            .dangerous()
            .with_custom_certificate_verifier(verifier);
        let config = match identity {
            None => builder.with_no_client_auth(),
            Some((chain, key)) => builder.with_client_auth_cert(chain, key)?,
        };
        Ok(Self(Arc::new(config)))
    }

    /// A connection to be made to this host, whose name or address its certificate must bear.
    ///
    /// # Errors
    ///
    /// `INVALID_ARGUMENT` when the host can be in no certificate.
    pub(crate) fn connection(&self, host: &str) -> Result<ClientConnection, Error> {
        let name = ServerName::try_from(host.to_owned()).map_err(|_| {
            let text = format!("the host {host:?} is neither a DNS name nor an IP address");
            Error::new(Status::INVALID_ARGUMENT, text)
        })?;
        ClientConnection::new(Arc::clone(&self.0), name)
            .map_err(|error| Error::new(Status::INTERNAL, format!("TLS: {error}")))
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tls(..)")
    }
}

/// The system's authorities; none where it has none.
pub(crate) fn system_roots() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    roots
}
