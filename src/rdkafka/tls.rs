//! TLS by librdkafka's own `ssl.*` properties.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use rustls::{DEFAULT_VERSIONS, RootCertStore};
use zeroize::Zeroizing;

use crate::tls::{self, Advice, Identity, Tls, Trust};
use crate::{error::Error, status::Status};

/// librdkafka's properties of TLS that concern trust and identity, as the application set them.
#[derive(Clone, Default)]
pub(super) struct TlsSettings {
    values: BTreeMap<&'static str, Zeroizing<String>>,
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
            Some(name) => Err(invalid(
                name,
                "scramtoken cannot honour it with SASL_SSL: leave it out, or set \
                 scramtoken.mode=credentials before it",
            )),
        }
    }

    /// Reads the files that are named.
    ///
    /// # Errors
    ///
    /// `INVALID_ARGUMENT`, with the property.
    pub(super) fn read(&self) -> Result<Tls, Error> {
        self.check()?;
        let provider = rustls::crypto::ring::default_provider();
        Tls::new(provider, DEFAULT_VERSIONS, self.trust()?, self.identity()?)
            .map_err(|error| invalid("ssl.certificate.location", error))
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(|value| value.as_str()).filter(|value| !value.is_empty())
    }

    fn trust(&self) -> Result<Trust, Error> {
        // As librdkafka reads a boolean; Python writes False.
        let no = |value: &str| ["false", "f", "0"].iter().any(|no| value.eq_ignore_ascii_case(no));
        if self.get(VERIFICATION).is_some_and(no) {
            return Ok(Trust::Anybody);
        }
        let roots = self.roots()?;
        let any_host = self.get(ENDPOINT).is_some_and(|name| name.eq_ignore_ascii_case("none"));
        Ok(if any_host { Trust::AnyHost(roots) } else { Trust::Host(roots) })
    }

    /// The authorities of ssl.ca.location and ssl.ca.pem, or else the system's.
    fn roots(&self) -> Result<RootCertStore, Error> {
        let mut roots = RootCertStore::empty();
        let location = self.get(CA_LOCATION).filter(|location| *location != "probe").map(Path::new);
        match location {
            Some(directory) if directory.is_dir() => add_all_in(&mut roots, directory)?,
            Some(file) => add_all(&mut roots, CA_LOCATION, &read(CA_LOCATION, file)?)?,
            None => {}
        }
        if let Some(pem) = self.get(CA_PEM) {
            add_all(&mut roots, CA_PEM, pem.as_bytes())?;
        } else if location.is_none() {
            roots = tls::system_roots();
        }
        if roots.is_empty() {
            let what = "it is not set, and the system has no certificates of authorities";
            return Err(invalid(CA_LOCATION, what));
        }
        Ok(roots)
    }

    /// Our own certificate with its chain, and its key.
    fn identity(&self) -> Result<Option<Identity>, Error> {
        const CERTIFICATE_PEM: &str = "ssl.certificate.pem";
        const KEY_PEM: &str = "ssl.key.pem";
        if let Some(path) = self.get(KEYSTORE) {
            let others = [CERTIFICATE, CERTIFICATE_PEM, KEY, KEY_PEM];
            if let Some(other) = others.into_iter().find(|name| self.get(name).is_some()) {
                let what = format!("{other} is set too: leave one of them out");
                return Err(invalid(KEYSTORE, what));
            }
            let store = read(KEYSTORE, Path::new(path))?;
            let password = self.get("ssl.keystore.password").unwrap_or_default();
            return tls::identity(&store, password)
                .map(Some)
                .map_err(|what| invalid(KEYSTORE, format_args!("{path}: {what}")));
        }
        let chain = self.file_or_pem(CERTIFICATE, CERTIFICATE_PEM)?;
        let key = self.file_or_pem(KEY, KEY_PEM)?;
        let ((chain_name, chain), (key_name, key)) = match (chain, key) {
            (None, None) => return Ok(None),
            (Some(chain), Some(key)) => (chain, key),
            (Some(_), None) => return Err(invalid(KEY, "it is not set, and a certificate is")),
            (None, Some(_)) => return Err(invalid(CERTIFICATE, "it is not set, and a key is")),
        };
        let chain = tls::certificates(&chain).map_err(|what| invalid(chain_name, what))?;
        let key = tls::private_key(&key, self.get("ssl.key.password"))
            .map_err(|what| invalid(key_name, what))?;
        Ok(Some((chain, key)))
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
        Ok(Some((location, read(location, Path::new(path))?)))
    }
}

/// Bytes of a property, or of the file that it names.
type Named = (&'static str, Zeroizing<Vec<u8>>);

impl core::fmt::Debug for TlsSettings {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_set().entries(self.values.keys()).finish()
    }
}

/// What an error of TLS means, with the property to look at.
pub(super) fn explain(error: &rustls::Error) -> Error {
    let advice = Advice {
        trust: CA_LOCATION,
        identity: "ssl.keystore.location, or ssl.certificate.location and ssl.key.location",
        suites: "the broker's ssl.enabled.protocols and ssl.cipher.suites",
    };
    Error::new(Status::IO, format!("TLS: {}", tls::explain(error, &advice)))
}

fn add_all(roots: &mut RootCertStore, name: &str, pem: &[u8]) -> Result<(), Error> {
    for certificate in tls::certificates(pem).map_err(|what| invalid(name, what))? {
        roots.add(certificate).map_err(|error| invalid(name, error))?;
    }
    Ok(())
}

/// The authorities in a directory, which may hold other files too.
fn add_all_in(roots: &mut RootCertStore, directory: &Path) -> Result<(), Error> {
    let unreadable = |error| unreadable(CA_LOCATION, directory, error);
    for entry in fs::read_dir(directory).map_err(unreadable)? {
        let file = entry.map_err(unreadable)?.path();
        if file.is_file() {
            let certificates = tls::certificates(&read(CA_LOCATION, &file)?).unwrap_or_default();
            roots.add_parsable_certificates(certificates);
        }
    }
    if roots.is_empty() {
        let what = format!("{}: no file in it holds a PEM certificate", directory.display());
        return Err(invalid(CA_LOCATION, what));
    }
    Ok(())
}

fn read(name: &str, path: &Path) -> Result<Zeroizing<Vec<u8>>, Error> {
    tls::read(path).map_err(|error| unreadable(name, path, error))
}

fn unreadable(name: &str, path: &Path, error: std::io::Error) -> Error {
    invalid(name, format_args!("{}: {error}", path.display()))
}

fn invalid(name: &str, what: impl core::fmt::Display) -> Error {
    Error::new(Status::INVALID_ARGUMENT, format!("{name}: {what}"))
}

const CA_LOCATION: &str = "ssl.ca.location";
const CA_PEM: &str = "ssl.ca.pem";
const CERTIFICATE: &str = "ssl.certificate.location";
const KEY: &str = "ssl.key.location";
const KEYSTORE: &str = "ssl.keystore.location";
const ENDPOINT: &str = "ssl.endpoint.identification.algorithm";
const VERIFICATION: &str = "enable.ssl.certificate.verification";

/// Not set by its name, but by a function of its own.
pub(super) const VERIFY_CB: &str = "ssl.certificate.verify_cb";

/// What is honoured.
pub(super) const NAMES: [&str; 11] = [
    CA_LOCATION,
    CA_PEM,
    CERTIFICATE,
    "ssl.certificate.pem",
    KEY,
    "ssl.key.pem",
    "ssl.key.password",
    KEYSTORE,
    "ssl.keystore.password",
    ENDPOINT,
    VERIFICATION,
];

/// What is not, and must not be passed over.
pub(super) const REFUSED: [&str; 7] = [
    "ssl.cipher.suites",
    "ssl.curves.list",
    "ssl.sigalgs.list",
    "ssl.crl.location",
    "ssl.providers",
    "ssl.engine.location",
    VERIFY_CB,
];
