//! TLS by rustls: whom a client trusts, and who it is. The doors read their own properties.
//!
//! No text of another library's is passed on from here: some of them carry what they could not read,
//! and that may be a private key.

mod authorities;
mod certificate;
mod explain;
mod kind;
mod pem;
mod pkcs12;
mod private_key;
mod provider;
mod secp521r1;
mod verifier;

use core::fmt;
use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{
    ClientConfig, ClientConnection, Error as TlsError, InconsistentKeys, SupportedProtocolVersion,
};

pub(crate) use authorities::{Authorities, Signers};
pub(crate) use certificate::Shown;
pub(crate) use explain::{Advice, explain};
pub(crate) use kind::Kind;
pub(crate) use pem::certificates;
pub(crate) use pkcs12::identity;
pub(crate) use pkcs12::trusted;
pub(crate) use private_key::{KeyFault, PrivateKey, private_key};
pub(crate) use provider::provider;

use self::private_key::cannot_sign;
use self::provider::signing_key;
use self::verifier::Verifier;
use crate::{error::Error, status::Status};

/// More than any store of certificates has, in bytes.
pub(crate) const MAX_FILE: usize = 4 * 1024 * 1024;

/// Whose certificates are believed.
#[derive(Debug)]
pub(crate) enum Trust {
    /// Of the host that is connected to, signed by one of these.
    Host(Authorities),
    /// Of any host, signed by one of these.
    AnyHost(Authorities),
    /// All of them, even those that cannot be read.
    Anybody,
}

/// Our certificate with its chain, and its private key.
pub(crate) type Identity = (Vec<CertificateDer<'static>>, PrivateKey);

/// What is needed to make any number of connections.
#[derive(Clone)]
pub(crate) struct Tls(Arc<ClientConfig>);

impl Tls {
    /// Puts together what a door has read.
    ///
    /// # Errors
    ///
    /// A sentence for suites and versions that do not fit together, and for a certificate and a key
    /// that do not, or cannot be used.
    pub(crate) fn new(
        provider: CryptoProvider,
        versions: &[&'static SupportedProtocolVersion],
        trust: Trust,
        identity: Option<Identity>,
    ) -> Result<Self, String> {
        let verifier = Verifier::new(trust, &provider);
        let builder = ClientConfig::builder_with_provider(Arc::new(provider))
            .with_protocol_versions(versions)
            .map_err(|_| "the cipher suites are of none of the versions of TLS")?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier));
        let config = match identity {
            None => builder.with_no_client_auth(),
            Some(identity) => {
                let key = certified_key(identity)?;
                builder.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(key)))
            }
        };
        Ok(Self(Arc::new(config)))
    }

    /// For a look at what a server shows: it may be anybody, so nothing is to be sent to it.
    ///
    /// # Errors
    ///
    /// `INTERNAL`.
    pub(crate) fn of_anybody() -> Result<Self, Error> {
        Self::new(provider(), rustls::ALL_VERSIONS, Trust::Anybody, None)
            .map_err(|what| Error::new(Status::INTERNAL, what))
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
            .map_err(|_| Error::new(Status::INTERNAL, "TLS cannot begin"))
    }
}

/// Checks that our certificate is our key's.
///
/// # Errors
///
/// A sentence for when it is not, and for a key of a kind that is not supported.
pub(crate) fn certified_key((chain, key): Identity) -> Result<CertifiedKey, String> {
    let signing_key = signing_key(&key).map_err(|_| cannot_sign(&key))?;
    let certified = CertifiedKey::new(chain, signing_key);
    match certified.keys_match() {
        Ok(()) | Err(TlsError::InconsistentKeys(InconsistentKeys::Unknown)) => Ok(certified),
        Err(TlsError::InconsistentKeys(_)) => {
            Err("the private key is another one than the certificate's".to_owned())
        }
        Err(_) => Err("the certificate cannot be read: it is damaged".to_owned()),
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tls(..)")
    }
}
