//! Whether a broker's certificate is to be believed, and why not.
//!
//! The checks are rustls's (chain, dates, signatures, host name). What is ours is which certificates
//! trust begins with, that the host need not be looked at where
//! `ssl.endpoint.identification.algorithm` names no algorithm, and that nothing need be where
//! `enable.ssl.certificate.verification=false`.

use core::fmt;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::{
    CryptoProvider, WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature,
};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{
    CertificateError, DigitallySignedStruct, Error, OtherError, RootCertStore, SignatureScheme,
};

use super::Trust;
use super::authorities::Authorities;
use super::certificate::{hosts, parse, rsa_bits, signature_algorithm};

#[derive(Debug)]
pub(super) struct Verifier {
    trust: Trust,
    algorithms: WebPkiSupportedAlgorithms,
}

/// What rustls's errors do not tell.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Fault {
    /// It is signed by a certificate that we know, and that may not sign others.
    NotAnAuthority,
    /// It is for these hosts, and for none of that name.
    WrongHost { host: String, hosts: Vec<String> },
    /// An RSA key of so many bits checks no signature.
    ShortRsaKey(usize),
    /// It, or one that it comes with, is signed by this.
    UnsupportedSignature(String),
    /// It is signed with a key of a kind that checks no signature.
    UnsupportedKey,
}

impl Verifier {
    pub(super) fn new(trust: Trust, provider: &CryptoProvider) -> Self {
        Self { trust, algorithms: provider.signature_verification_algorithms }
    }

    fn check_chain(
        &self,
        authorities: &Authorities,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<(), Error> {
        let parsed = ParsedCertificate::try_from(certificate)?;
        let check = |roots: &RootCertStore| {
            let algorithms = self.algorithms.all;
            verify_server_cert_signed_by_trust_anchor(
                &parsed,
                roots,
                intermediates,
                now,
                algorithms,
            )
        };
        let pinned = authorities.pinned.iter().find(|pinned| *pinned == certificate);
        let checked = match pinned {
            Some(itself) => check(&roots_of([itself])),
            None => check(&authorities.roots),
        };
        let Err(error) = checked else { return Ok(()) };
        let presented = || [certificate].into_iter().chain(intermediates);
        Err(match error {
            _ if !authorities.pinned.is_empty()
                && check(&roots_of(&authorities.pinned)).is_ok() =>
            {
                Fault::NotAnAuthority.into()
            }
            Error::InvalidCertificate(CertificateError::BadSignature) => {
                short_key(authorities, presented()).map_or(error, Fault::into)
            }
            Error::InvalidCertificate(CertificateError::UnsupportedSignatureAlgorithmContext {
                ref signature_algorithm_id,
                ..
            }) => presented()
                .filter_map(parse)
                .find(|parsed| {
                    // The identifier is the algorithm's, with its parameters.
                    let algorithm = parsed.signature_algorithm.algorithm.as_bytes();
                    signature_algorithm_id.get(2..2 + algorithm.len()) == Some(algorithm)
                })
                .map_or(error, |parsed| {
                    Fault::UnsupportedSignature(signature_algorithm(&parsed)).into()
                }),
            error if is_of_key(&error) => Fault::UnsupportedKey.into(),
            error => error,
        })
    }

    fn check_signature(
        &self,
        certificate: &CertificateDer<'_>,
        check: impl FnOnce() -> Result<HandshakeSignatureValid, Error>,
    ) -> Result<HandshakeSignatureValid, Error> {
        if matches!(self.trust, Trust::Anybody) {
            return Ok(HandshakeSignatureValid::assertion());
        }
        check().map_err(|error| match parse(certificate).and_then(|parsed| rsa_bits(&parsed)) {
            Some(bits) => Fault::ShortRsaKey(bits).into(),
            None if is_of_key(&error) => Fault::UnsupportedKey.into(),
            None => error,
        })
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        host: &ServerName<'_>,
        _: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        match &self.trust {
            Trust::Host(authorities) => {
                self.check_chain(authorities, certificate, intermediates, now)?;
                check_host(certificate, host)?;
            }
            Trust::AnyHost(authorities) => {
                self.check_chain(authorities, certificate, intermediates, now)?;
            }
            Trust::Anybody => {}
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.check_signature(certificate, || {
            verify_tls12_signature(message, certificate, signature, &self.algorithms)
        })
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.check_signature(certificate, || {
            verify_tls13_signature(message, certificate, signature, &self.algorithms)
        })
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

/// Whether no algorithm fits the key, of which rustls shows identifiers byte by byte.
fn is_of_key(error: &Error) -> bool {
    matches!(
        error,
        Error::InvalidCertificate(
            CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext { .. }
        )
    )
}

fn check_host(certificate: &CertificateDer<'_>, host: &ServerName<'_>) -> Result<(), Error> {
    verify_server_name(&ParsedCertificate::try_from(certificate)?, host).map_err(|error| {
        let Error::InvalidCertificate(
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
        ) = error
        else {
            return error;
        };
        let hosts = parse(certificate).map(|parsed| hosts(&parsed)).unwrap_or_default();
        Fault::WrongHost { host: host.to_str().into_owned(), hosts }.into()
    })
}

fn roots_of<'a>(
    certificates: impl IntoIterator<Item = &'a CertificateDer<'static>>,
) -> RootCertStore {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(certificates.into_iter().cloned());
    roots
}

/// A key in the chain that is too short.
fn short_key<'a>(
    authorities: &Authorities,
    presented: impl Iterator<Item = &'a CertificateDer<'a>>,
) -> Option<Fault> {
    presented.filter_map(parse).find_map(|parsed| {
        let issuer = parsed.issuer().as_raw();
        let of_issuer = authorities.with_short_keys.iter().find(|(name, _)| name == issuer);
        rsa_bits(&parsed).or(of_issuer.map(|(_, bits)| *bits)).map(Fault::ShortRsaKey)
    })
}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Self {
        CertificateError::Other(OtherError(Arc::new(fault))).into()
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

impl std::error::Error for Fault {}
