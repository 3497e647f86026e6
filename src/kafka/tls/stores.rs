//! Whom we trust and who we are: PEM and PKCS12, in files or in the properties themselves.

use core::fmt;
use std::path::Path;

use rustls::pki_types::CertificateDer;
use zeroize::Zeroizing;

use super::super::property::{invalid, value};
use crate::error::Error;
use crate::files::{read_public, read_shared_secret};
use crate::properties::Properties;
use crate::tls::{self, Authorities, Identity, Kind, MAX_FILE, Signers, certificates, private_key};

/// The authorities of `ssl.truststore.*`, or else the system's.
///
/// # Errors
///
/// `INVALID_ARGUMENT`, with the key.
pub(super) fn roots(properties: &Properties) -> Result<Authorities, Error> {
    let authorities = match trusted(properties)? {
        None => Authorities::of_system(),
        Some(Trusted { certificates, from }) => {
            let mut authorities = Authorities::new();
            certificates
                .into_iter()
                .try_for_each(|each| authorities.add(each))
                .map_err(|what| from.invalid(what))?;
            authorities
        }
    };
    if authorities.is_empty() {
        return Err(invalid(LOCATION, NO_AUTHORITIES));
    }
    Ok(authorities)
}

/// Those of `ssl.truststore.*` for others than brokers; None where it is not there.
///
/// # Errors
///
/// `INVALID_ARGUMENT`, with the key, where it has others than authorities in it, too.
pub(in crate::kafka) fn signers(properties: &Properties) -> Result<Option<Signers>, Error> {
    let Some(Trusted { certificates, from }) = trusted(properties)? else { return Ok(None) };
    Signers::all(certificates).map(Some).map_err(|what| from.invalid(what))
}

/// What `ssl.truststore.*` names.
struct Trusted<'a> {
    certificates: Vec<CertificateDer<'static>>,
    from: From<'a>,
}

#[derive(Clone, Copy)]
enum From<'a> {
    Inline,
    File(&'a str),
}

impl From<'_> {
    fn invalid(self, what: impl fmt::Display) -> Error {
        match self {
            Self::Inline => invalid(INLINE, what),
            Self::File(path) => invalid(LOCATION, format_args!("{path}: {what}")),
        }
    }
}

/// The certificates of `ssl.truststore.*`; None where it is not there.
///
/// # Errors
///
/// `INVALID_ARGUMENT`, with the key.
fn trusted(properties: &Properties) -> Result<Option<Trusted<'_>>, Error> {
    let (certificates, from) = if let Some(pem) = value(properties, INLINE) {
        (certificates(pem.as_bytes()), From::Inline)
    } else if let Some(store) = Store::open(properties, TRUSTSTORE)? {
        let certificates = match store.kind()? {
            Kind::Pkcs12 => tls::trusted(&store.bytes, store.password()),
            _ => certificates(&store.bytes),
        };
        (certificates, From::File(store.path))
    } else {
        return Ok(None);
    };
    let certificates = certificates.map_err(|what| from.invalid(what))?;
    Ok(Some(Trusted { certificates, from }))
}

/// Our own certificate, where `ssl.keystore.*` names one.
///
/// # Errors
///
/// `INVALID_ARGUMENT`, with the key.
pub(super) fn identity(
    properties: &Properties,
    warnings: &mut Vec<String>,
) -> Result<Option<Identity>, Error> {
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
    let Some(mut store) = Store::open(properties, KEYSTORE)? else { return Ok(None) };
    warnings.extend(store.warning.take());
    let identity = match store.kind()? {
        Kind::Pkcs12 => tls::identity(&store.bytes, store.password()),
        _ => certificates(&store.bytes).and_then(|chain| {
            match private_key(&store.bytes, key_password) {
                Ok(key) => Ok((chain, key)),
                Err(fault) => Err(fault.to_string()),
            }
        }),
    };
    identity.map(Some).map_err(|what| store.invalid(what))
}

/// A file that a property names, whole.
struct Store<'a> {
    /// `truststore` or `keystore`.
    kind: &'static str,
    path: &'a str,
    declared: Option<&'a str>,
    password: Option<&'a str>,
    bytes: Zeroizing<Vec<u8>>,
    /// Others may read it.
    warning: Option<String>,
}

const INLINE: &str = "ssl.truststore.certificates";
const LOCATION: &str = "ssl.truststore.location";
/// What is said of `ssl.truststore.location` then.
pub(in crate::kafka) const NO_AUTHORITIES: &str =
    "it is missing, and the system has no certificates of authorities either";
const TRUSTSTORE: &str = "truststore";
const KEYSTORE: &str = "keystore";

impl<'a> Store<'a> {
    fn open(properties: &'a Properties, kind: &'static str) -> Result<Option<Self>, Error> {
        let location = format!("ssl.{kind}.location");
        let Some(path) = value(properties, &location) else { return Ok(None) };
        let (bytes, warning) = match kind {
            KEYSTORE => read_shared_secret(Path::new(path), MAX_FILE)
                .map(|secret| (secret.bytes, secret.warning)),
            _ => read_public(Path::new(path), MAX_FILE).map(|bytes| (bytes, None)),
        }
        .map_err(|error| invalid(&location, error))?;
        Ok(Some(Self {
            kind,
            path,
            declared: value(properties, &format!("ssl.{kind}.type")),
            // Not trimmed: blanks may belong to a password.
            password: properties.get(&format!("ssl.{kind}.password")),
            bytes,
            warning,
        }))
    }

    /// What is in the file counts, as in newer JVMs; the declared type must be one we know.
    fn kind(&self) -> Result<Kind, Error> {
        match self.declared {
            None | Some("JKS" | "PKCS12" | "PEM") => {}
            Some(_) => {
                let what = "it is neither PEM nor PKCS12";
                return Err(invalid(&format!("ssl.{}.type", self.kind), what));
            }
        }
        match Kind::of(&self.bytes) {
            Kind::Jks => Err(self.invalid(format_args!(
                "the format JKS is not read; convert it: keytool -importkeystore -srckeystore {} \
                 -destkeystore {}.p12 -deststoretype PKCS12",
                self.path, self.path
            ))),
            kind => Ok(kind),
        }
    }

    /// Without one, a PKCS12 store is opened by the empty one.
    fn password(&self) -> &str {
        self.password.unwrap_or_default()
    }

    fn invalid(&self, what: impl fmt::Display) -> Error {
        invalid(&format!("ssl.{}.location", self.kind), format_args!("{}: {what}", self.path))
    }
}
