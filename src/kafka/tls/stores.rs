//! Whom we trust and who we are: PEM and PKCS12, in files or in the properties themselves.

use core::fmt;
use std::path::Path;

use rustls::RootCertStore;
use zeroize::Zeroizing;

use super::super::config::{invalid, value};
use crate::error::Error;
use crate::properties::Properties;
use crate::tls::{self, Identity, certificates, private_key};

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
            Format::Pkcs12 => {
                tls::trusted(&store.bytes, store.password()).map_err(|what| store.invalid(what))?
            }
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
    let roots = tls::system_roots();
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
        Format::Pkcs12 => tls::identity(&store.bytes, store.password())
            .map(Some)
            .map_err(|what| store.invalid(what)),
    }
}

/// A file that a property names, whole.
struct Store<'a> {
    /// `truststore` or `keystore`.
    kind: &'static str,
    path: &'a str,
    declared: Option<&'a str>,
    password: Option<&'a str>,
    bytes: Zeroizing<Vec<u8>>,
}

enum Format {
    Pem,
    Pkcs12,
}

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
        store.bytes = tls::read(Path::new(path)).map_err(|error| store.invalid(error))?;
        Ok(Some(store))
    }

    /// What is in the file counts, as in newer JVMs; the declared type must be one we know.
    fn format(&self) -> Result<Format, Error> {
        const JKS: &[u8] = &[0xfe, 0xed, 0xfe, 0xed];
        const JCEKS: &[u8] = &[0xce, 0xce, 0xce, 0xce];
        const DER_SEQUENCE: &[u8] = &[0x30];
        match self.declared {
            None | Some("JKS" | "PKCS12" | "PEM") => {}
            Some(_) => {
                let what = "it is neither PEM nor PKCS12";
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

    /// Without one, a PKCS12 store is opened by the empty one.
    fn password(&self) -> &str {
        self.password.unwrap_or_default()
    }

    fn invalid(&self, what: impl fmt::Display) -> Error {
        invalid(&format!("ssl.{}.location", self.kind), format_args!("{}: {what}", self.path))
    }
}
