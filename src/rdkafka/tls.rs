//! TLS by rustls, set up from librdkafka's own `ssl.*` properties.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, ClientConnection, DigitallySignedStruct, RootCertStore,
    SignatureScheme,
};
use zeroize::Zeroizing;

use crate::{error::Error, status::Status};

/// librdkafka's properties of TLS that we honour, as the application set them.
#[derive(Clone, Default)]
pub(super) struct TlsSettings {
    values: std::collections::BTreeMap<&'static str, Zeroizing<String>>,
}

impl TlsSettings {
    /// Remembers a property, if it is one of TLS; librdkafka checks and takes it too.
    pub(super) fn set(&mut self, name: &str, value: Option<&str>) {
        let Some(name) = NAMES.iter().chain(&REFUSED).find(|known| **known == name) else { return };
        match value {
            Some(value) => self.values.insert(name, Zeroizing::new(value.to_owned())),
            None => self.values.remove(name),
        };
    }

    /// What could not be honoured is named.
    ///
    /// # Errors
    ///
    /// `INVALID_ARGUMENT`.
    pub(super) fn check(&self) -> Result<(), Error> {
        match REFUSED.into_iter().find(|name| self.get(name).is_some()) {
            None => Ok(()),
            Some(name) => {
                Err(invalid(name, "scramtoken cannot honour it with SASL_SSL: leave it out"))
            }
        }
    }

    /// Reads the files that are named.
    ///
    /// # Errors
    ///
    /// `INVALID_ARGUMENT`, with the property.
    pub(super) fn config(&self) -> Result<Arc<ClientConfig>, Error> {
        self.check()?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| invalid("ssl", error))?;
        let verifier: Arc<dyn ServerCertVerifier> = if self
            .is_true("enable.ssl.certificate.verification")
        {
            let roots = Arc::new(self.roots()?);
            let inner = WebPkiServerVerifier::builder_with_provider(roots, provider)
                .build()
                .map_err(|error| invalid(CA_LOCATION, error))?;
            let any_host = self.get(ENDPOINT).is_some_and(|name| name.eq_ignore_ascii_case("none"));
            if any_host { Arc::new(AnyHost(inner)) } else { inner }
        } else {
            Arc::new(Anybody(provider))
        };
        let builder = builder.dangerous().with_custom_certificate_verifier(verifier);
        let config = match self.identity()? {
            None => builder.with_no_client_auth(),
            Some((chain, key)) => builder
                .with_client_auth_cert(chain, key)
                .map_err(|error| invalid("ssl.certificate", error))?,
        };
        Ok(Arc::new(config))
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(|value| value.as_str()).filter(|value| !value.is_empty())
    }

    fn is_true(&self, name: &str) -> bool {
        !self.get(name).is_some_and(|value| matches!(value, "false" | "f" | "0"))
    }

    /// The authorities: ssl.ca.pem, or the file or directory of ssl.ca.location, or the system's.
    fn roots(&self) -> Result<RootCertStore, Error> {
        let mut roots = RootCertStore::empty();
        let location = self.get(CA_LOCATION).filter(|location| *location != "probe");
        let (name, pem) = match (self.get(CA_PEM), location) {
            (Some(pem), _) => (CA_PEM, pem.as_bytes().to_vec()),
            (None, Some(location)) => (CA_LOCATION, read_all(CA_LOCATION, Path::new(location))?),
            (None, None) => {
                roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
                if roots.is_empty() {
                    let what = "it is not set, and the system has no certificates of authorities";
                    return Err(invalid(CA_LOCATION, what));
                }
                return Ok(roots);
            }
        };
        for certificate in certificates(name, &pem)? {
            roots.add(certificate).map_err(|error| invalid(name, error))?;
        }
        Ok(roots)
    }

    /// Our own certificate with its chain, and its key.
    fn identity(
        &self,
    ) -> Result<Option<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)>, Error> {
        let chain = self.file_or_pem("ssl.certificate.location", "ssl.certificate.pem")?;
        let key = self.file_or_pem("ssl.key.location", "ssl.key.pem")?;
        let ((chain_name, chain), (key_name, key)) = match (chain, key) {
            (None, None) => return Ok(None),
            (Some(chain), Some(key)) => (chain, key),
            (Some(_), None) => {
                return Err(invalid("ssl.key.location", "it is not set, and a certificate is"));
            }
            (None, Some(_)) => {
                return Err(invalid("ssl.certificate.location", "it is not set, and a key is"));
            }
        };
        let key = PrivateKeyDer::from_pem_slice(&key).map_err(|_| {
            invalid(key_name, "no private key in PEM that can be read (an encrypted one cannot)")
        })?;
        Ok(Some((certificates(chain_name, &chain)?, key)))
    }

    fn file_or_pem(
        &self,
        location: &'static str,
        pem: &'static str,
    ) -> Result<Option<Named>, Error> {
        if let Some(text) = self.get(pem) {
            return Ok(Some((pem, Zeroizing::new(text.as_bytes().to_vec()))));
        }
        let Some(path) = self.get(location) else { return Ok(None) };
        let bytes = fs::read(path).map_err(|error| unreadable(location, Path::new(path), error))?;
        Ok(Some((location, Zeroizing::new(bytes))))
    }
}

/// Bytes of a property, or of the file that it names.
type Named = (&'static str, Zeroizing<Vec<u8>>);

impl core::fmt::Debug for TlsSettings {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_set().entries(self.values.keys()).finish()
    }
}

/// A connection to a host, whose name or address its certificate must bear.
pub(super) fn connection(
    config: &Arc<ClientConfig>,
    host: &str,
) -> Result<ClientConnection, Error> {
    let name = ServerName::try_from(host.to_owned()).map_err(|_| {
        let text = format!("the broker's host {host:?} is neither a DNS name nor an IP address");
        Error::new(Status::INVALID_ARGUMENT, text)
    })?;
    let mut connection = ClientConnection::new(Arc::clone(config), name)
        .map_err(|error| Error::new(Status::INTERNAL, format!("TLS: {error}")))?;
    connection.set_buffer_limit(None); // the relay has its own
    Ok(connection)
}

/// What an error of TLS means, with the property to look at.
pub(super) fn explain(error: &rustls::Error) -> Error {
    use rustls::Error as Tls;
    let text = match error {
        Tls::InvalidCertificate(
            CertificateError::UnknownIssuer | CertificateError::BadSignature,
        ) => {
            "the broker's certificate is signed by nobody that we trust: ssl.ca.location must hold \
             its authority"
                .to_owned()
        }
        Tls::InvalidCertificate(CertificateError::NotValidForNameContext {
            expected,
            presented,
        }) => {
            format!(
                "the broker's certificate is not for {:?} but for {}: connect by a name that it \
                 bears",
                expected.to_str(),
                if presented.is_empty() { "no name".to_owned() } else { presented.join(", ") }
            )
        }
        Tls::InvalidCertificate(
            CertificateError::Expired | CertificateError::ExpiredContext { .. },
        ) => "the broker's certificate has expired".to_owned(),
        Tls::InvalidCertificate(other) => {
            format!("the broker's certificate is not acceptable: {other}")
        }
        Tls::InvalidMessage(_) => {
            "the broker does not speak TLS on this port: is security.protocol \
                                   to be SASL_PLAINTEXT, or the port another?"
                .to_owned()
        }
        Tls::AlertReceived(alert) => format!(
            "the broker broke off the TLS handshake ({alert:?}): does it want a client's \
             certificate? See ssl.certificate.location and ssl.key.location"
        ),
        other => other.to_string(),
    };
    Error::new(Status::IO, format!("TLS: {text}"))
}

/// A chain to a trusted authority, whatever host it is for.
#[derive(Debug)]
struct AnyHost(Arc<WebPkiServerVerifier>);

impl ServerCertVerifier for AnyHost {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let inner = &self.0;
        match inner.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now) {
            // The name is looked at last, when all else is well.
            Err(rustls::Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) => Ok(ServerCertVerified::assertion()),
            other => other,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.0.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.0.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_verify_schemes()
    }
}

/// enable.ssl.certificate.verification=false: whoever answers. SCRAM still proves the broker.
#[derive(Debug)]
struct Anybody(Arc<CryptoProvider>);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, dss, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, dss, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

/// A file, or all files of a directory.
fn read_all(name: &str, path: &Path) -> Result<Vec<u8>, Error> {
    let read = || {
        if !path.is_dir() {
            return fs::read(path);
        }
        let mut all = Vec::new();
        for entry in fs::read_dir(path)? {
            let file = entry?.path();
            if file.is_file() {
                all.extend(fs::read(file)?);
                all.push(b'\n');
            }
        }
        Ok(all)
    };
    read().map_err(|error| unreadable(name, path, error))
}

fn certificates(name: &str, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, Error> {
    let certificates: Vec<_> = CertificateDer::pem_slice_iter(pem)
        .collect::<Result<_, _>>()
        .map_err(|_| invalid(name, "its PEM is damaged"))?;
    if certificates.is_empty() {
        return Err(invalid(name, "no certificate in PEM is there"));
    }
    Ok(certificates)
}

fn unreadable(name: &str, path: &Path, error: std::io::Error) -> Error {
    invalid(name, format_args!("{}: {error}", path.display()))
}

fn invalid(name: &str, what: impl core::fmt::Display) -> Error {
    Error::new(Status::INVALID_ARGUMENT, format!("{name}: {what}"))
}

const CA_LOCATION: &str = "ssl.ca.location";
const CA_PEM: &str = "ssl.ca.pem";
const ENDPOINT: &str = "ssl.endpoint.identification.algorithm";

/// Not set by its name, but by a function of its own.
pub(super) const VERIFY_CB: &str = "ssl.certificate.verify_cb";

/// What is honoured.
pub(super) const NAMES: [&str; 8] = [
    CA_LOCATION,
    CA_PEM,
    "ssl.certificate.location",
    "ssl.certificate.pem",
    "ssl.key.location",
    "ssl.key.pem",
    ENDPOINT,
    "enable.ssl.certificate.verification",
];

/// What is not, and must not be passed over.
pub(super) const REFUSED: [&str; 10] = [
    "ssl.key.password",
    "ssl.keystore.location",
    "ssl.keystore.password",
    "ssl.cipher.suites",
    "ssl.curves.list",
    "ssl.sigalgs.list",
    "ssl.crl.location",
    "ssl.providers",
    "ssl.engine.location",
    VERIFY_CB,
];
