//! Whom we trust and who we are: PEM and PKCS12, in files or in the properties themselves.

use core::fmt;
use std::fs::File;
use std::io::Read;

use rustls::RootCertStore;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use zeroize::Zeroizing;

use super::super::config::{invalid, value};
use super::pkcs12;
use crate::error::Error;
use crate::properties::Properties;

/// Our certificate with its chain, and its private key.
pub(super) type Identity = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

/// The authorities of `ssl.truststore.*`, or else the system's.
///
/// # Errors
///
/// `INVALID_ARGUMENT`, with the key.
pub(super) fn roots(properties: &Properties) -> Result<RootCertStore, Error> {
    const INLINE: &str = "ssl.truststore.certificates";
    let certificates = if let Some(pem) = value(properties, INLINE) {
        certificates(pem.as_bytes()).map_err(|what| invalid(INLINE, what))?
    } else if let Some(store) = Store::open(properties, "truststore")? {
        match store.format()? {
            Format::Pem => certificates(&store.bytes).map_err(|what| store.invalid(what))?,
            Format::Pkcs12 => pkcs12::trusted(&store)?,
        }
    } else {
        return system_roots();
    };
    let mut roots = RootCertStore::empty();
    for certificate in certificates {
        roots.add(certificate).map_err(|error| {
            invalid("ssl.truststore", format!("a certificate in it cannot be used: {error}"))
        })?;
    }
    Ok(roots)
}

fn system_roots() -> Result<RootCertStore, Error> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() {
        let what = "it is missing, and the system has no certificates of authorities either";
        return Err(invalid("ssl.truststore.location", what));
    }
    Ok(roots)
}

/// Our own certificate, where `ssl.keystore.*` names one.
///
/// # Errors
///
/// `INVALID_ARGUMENT`, with the key.
pub(super) fn identity(properties: &Properties) -> Result<Option<Identity>, Error> {
    const KEY: &str = "ssl.keystore.key";
    const CHAIN: &str = "ssl.keystore.certificate.chain";
    let key_password = value(properties, "ssl.key.password");
    match (value(properties, KEY), value(properties, CHAIN)) {
        (Some(key), Some(chain)) => {
            let chain = certificates(chain.as_bytes()).map_err(|what| invalid(CHAIN, what))?;
            let key =
                private_key(key.as_bytes(), key_password).map_err(|what| invalid(KEY, what))?;
            return Ok(Some((chain, key)));
        }
        (None, None) => {}
        (Some(_), None) => {
            return Err(invalid(CHAIN, "it is missing, and ssl.keystore.key is not"));
        }
        (None, Some(_)) => return Err(invalid(KEY, format!("it is missing, and {CHAIN} is not"))),
    }
    let Some(store) = Store::open(properties, "keystore")? else { return Ok(None) };
    match store.format()? {
        Format::Pem => {
            let chain = certificates(&store.bytes).map_err(|what| store.invalid(what))?;
            let key =
                private_key(&store.bytes, key_password).map_err(|what| store.invalid(what))?;
            Ok(Some((chain, key)))
        }
        Format::Pkcs12 => pkcs12::identity(&store).map(Some),
    }
}

/// A file that a property names, whole.
pub(super) struct Store<'a> {
    /// `truststore` or `keystore`.
    kind: &'static str,
    path: &'a str,
    declared: Option<&'a str>,
    pub(super) password: Option<&'a str>,
    pub(super) bytes: Zeroizing<Vec<u8>>,
}

enum Format {
    Pem,
    Pkcs12,
}

/// More than any store of certificates has.
const MAX_BYTES: u64 = 4 * 1024 * 1024;

impl<'a> Store<'a> {
    fn open(properties: &'a Properties, kind: &'static str) -> Result<Option<Self>, Error> {
        let Some(path) = value(properties, &format!("ssl.{kind}.location")) else {
            return Ok(None);
        };
        let mut store = Self {
            kind,
            path,
            declared: value(properties, &format!("ssl.{kind}.type")),
            // Not trimmed: blanks may belong to a password.
            password: properties.get(&format!("ssl.{kind}.password")),
            bytes: Zeroizing::default(),
        };
        let read = File::open(path)
            .and_then(|file| file.take(MAX_BYTES + 1).read_to_end(&mut store.bytes))
            .map_err(|error| store.invalid(error))?;
        if u64::try_from(read).is_ok_and(|read| read > MAX_BYTES) {
            return Err(store.invalid(format_args!("it has more than {MAX_BYTES} bytes")));
        }
        Ok(Some(store))
    }

    /// What is in the file counts, as in newer JVMs; the declared type must be one we know.
    fn format(&self) -> Result<Format, Error> {
        const JKS: &[u8] = &[0xfe, 0xed, 0xfe, 0xed];
        const JCEKS: &[u8] = &[0xce, 0xce, 0xce, 0xce];
        const DER_SEQUENCE: &[u8] = &[0x30];
        match self.declared {
            None | Some("JKS" | "PKCS12" | "PEM") => {}
            Some(other) => {
                let what = format!("{other:?} is neither PEM nor PKCS12");
                return Err(invalid(&format!("ssl.{}.type", self.kind), what));
            }
        }
        if self.bytes.starts_with(JKS) || self.bytes.starts_with(JCEKS) {
            return Err(self.invalid(format_args!(
                "the format JKS is not read; convert it: keytool -importkeystore -srckeystore {} \
                 -destkeystore {}.p12 -deststoretype PKCS12",
                self.path, self.path
            )));
        }
        let is_der = self.bytes.starts_with(DER_SEQUENCE);
        Ok(if is_der { Format::Pkcs12 } else { Format::Pem })
    }

    pub(super) fn invalid(&self, what: impl fmt::Display) -> Error {
        invalid(&format!("ssl.{}.location", self.kind), format_args!("{}: {what}", self.path))
    }
}

fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match certificates {
        Ok(certificates) if certificates.is_empty() => {
            Err("it holds no PEM certificate".to_owned())
        }
        Ok(certificates) => Ok(certificates),
        Err(error) => Err(format!("its PEM cannot be read: {error}")),
    }
}

fn private_key(pem: &[u8], password: Option<&str>) -> Result<PrivateKeyDer<'static>, String> {
    const ENCRYPTED: &str = "-----BEGIN ENCRYPTED PRIVATE KEY-----";
    let text = str::from_utf8(pem).map_err(|_| "its PEM is not text".to_owned())?;
    let Some(begin) = text.find(ENCRYPTED) else {
        return PrivateKeyDer::from_pem_slice(pem)
            .map_err(|error| format!("its private key cannot be read: {error}"));
    };
    let password = password.ok_or("its private key is encrypted; set ssl.key.password")?;
    const END: &str = "-----END ENCRYPTED PRIVATE KEY-----";
    let rest = text.get(begin..).unwrap_or_default();
    let end = rest.find(END).map_or(rest.len(), |end| end + END.len());
    let decrypt = || -> Option<PrivatePkcs8KeyDer<'static>> {
        let pem = rest.get(..end)?;
        let (_, document) = pkcs8::SecretDocument::from_pem(pem).ok()?;
        let encrypted = pkcs8::EncryptedPrivateKeyInfoRef::try_from(document.as_bytes()).ok()?;
        let key = encrypted.decrypt(password).ok()?;
        Some(PrivatePkcs8KeyDer::from(key.as_bytes().to_vec()))
    };
    decrypt()
        .map(PrivateKeyDer::Pkcs8)
        .ok_or_else(|| "its private key cannot be decrypted; is ssl.key.password right?".to_owned())
}
