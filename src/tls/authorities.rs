//! Whose signatures are believed.

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use x509_parser::prelude::{FromDer, X509Certificate, X509Version};

use super::certificate::rsa_bits;

/// The certificates that trust begins with.
#[derive(Debug)]
pub(crate) struct Authorities {
    /// Those that may sign others.
    pub(super) roots: RootCertStore,
    /// Those that may not, and vouch for themselves alone, as a self-signed broker's own does. Whoever
    /// holds the key of such a broker must not become every broker.
    pub(super) pinned: Vec<CertificateDer<'static>>,
    /// The names (X.501, in DER) of authorities whose RSA key is too short to check a signature with.
    pub(super) with_short_keys: Vec<(Vec<u8>, usize)>,
}

impl Authorities {
    pub(crate) fn new() -> Self {
        Self { roots: RootCertStore::empty(), pinned: Vec::new(), with_short_keys: Vec::new() }
    }

    /// The system's; none where it has none.
    pub(crate) fn of_system() -> Self {
        let mut authorities = Self::new();
        for certificate in system_certificates() {
            // One that is of no use must not take the others along.
            let _ = authorities.add(certificate);
        }
        authorities
    }

    /// Believes a certificate: all that it has signed if it is an authority's, and otherwise itself.
    ///
    /// # Errors
    ///
    /// A sentence for one that cannot be read.
    pub(crate) fn add(&mut self, certificate: CertificateDer<'static>) -> Result<(), String> {
        let unreadable = || "a certificate in it cannot be read: it is damaged".to_owned();
        let (_, parsed) = X509Certificate::from_der(&certificate).map_err(|_| unreadable())?;
        if !may_sign_certificates(&parsed) {
            self.pinned.push(certificate);
            return Ok(());
        }
        if let Some(bits) = rsa_bits(&parsed) {
            self.with_short_keys.push((parsed.subject().as_raw().to_vec(), bits));
        }
        self.roots.add(certificate.clone()).map_err(|_| unreadable())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.roots.is_empty() && self.pinned.is_empty()
    }
}

/// Authorities for a client that believes whatever a certificate of its list has signed, as webpki's
/// does: all of them may sign others.
#[derive(Default)]
pub(crate) struct Signers(Vec<CertificateDer<'static>>);

impl Signers {
    /// The system's; none where it has none.
    pub(crate) fn of_system() -> Self {
        Self::among(system_certificates())
    }

    /// Those that may sign others, of a list that somebody else keeps.
    pub(crate) fn among(certificates: Vec<CertificateDer<'static>>) -> Self {
        Self(certificates.into_iter().filter(|each| may_sign(each) == Some(true)).collect())
    }

    /// All of a list that the user has made for this.
    ///
    /// # Errors
    ///
    /// A sentence for one that may not sign others: who believed what it has signed would make whoever
    /// has its key an authority. And for one that cannot be read.
    pub(crate) fn all(certificates: Vec<CertificateDer<'static>>) -> Result<Self, &'static str> {
        match certificates.iter().map(may_sign).find(|may| *may != Some(true)) {
            None => Ok(Self(certificates)),
            Some(None) => Err("a certificate in it cannot be read: it is damaged"),
            Some(Some(_)) => Err(
                "a certificate in it is not an authority's (its basicConstraints lack CA:TRUE) and so \
                 may not sign others; it must hold authorities alone",
            ),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn certificates(&self) -> &[CertificateDer<'static>] {
        &self.0
    }
}

/// None for what cannot be read.
fn may_sign(certificate: &CertificateDer<'_>) -> Option<bool> {
    let (_, parsed) = X509Certificate::from_der(certificate).ok()?;
    Some(may_sign_certificates(&parsed))
}

fn system_certificates() -> Vec<CertificateDer<'static>> {
    rustls_native_certs::load_native_certs().certs
}

/// As OpenSSL judges a trust anchor (X509_check_ca): by basicConstraints, or else by keyUsage; of the
/// versions that had neither, the self-signed. Java, too, refuses others.
fn may_sign_certificates(certificate: &X509Certificate<'_>) -> bool {
    if certificate.version() != X509Version::V3 {
        return certificate.subject() == certificate.issuer();
    }
    let Ok(usage) = certificate.key_usage() else { return false };
    if usage.as_ref().is_some_and(|usage| !usage.value.key_cert_sign()) {
        return false;
    }
    match certificate.basic_constraints() {
        Ok(Some(constraints)) => constraints.value.ca,
        Ok(None) => usage.is_some(),
        Err(_) => false,
    }
}
