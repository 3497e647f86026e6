//! TLS by librdkafka's own `ssl.*` properties.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use rustls::DEFAULT_VERSIONS;
use rustls::pki_types::CertificateDer;
use zeroize::Zeroizing;

use crate::files::{Secret, read_public, read_shared_secret};
use crate::tls::{
    self, Advice, Authorities, Identity, KeyFault, Kind, MAX_FILE, PrivateKey, Tls, Trust,
};
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

    /// Names what could not be honoured, and what is wrong with files as far as can be told by now:
    /// properties come one by one, and a password may come after its key.
    ///
    /// # Errors
    ///
    /// `INVALID_ARGUMENT`, with the property.
    pub(super) fn check(&self) -> Result<(), Error> {
        if let Some(name) = REFUSED.into_iter().find(|name| self.get(name).is_some()) {
            let what = "scramtoken cannot honour it with SASL_SSL: leave it out, or set \
                        scramtoken.mode=credentials before it";
            return Err(invalid(name, what));
        }
        if self.get(CA_LOCATION).or(self.get(CA_PEM)).is_some() {
            self.trust()?;
        }
        match self.identity() {
            Ok((Some(identity), _)) => {
                tls::certified_key(identity).map(drop).map_err(|what| self.of_identity(what))
            }
            Ok((None, _)) | Err(NotReady::Incomplete(_)) => Ok(()),
            Err(NotReady::Wrong(error)) => Err(error),
        }
    }

    /// Reads the files that are named.
    ///
    /// # Errors
    ///
    /// `INVALID_ARGUMENT`, with the property.
    pub(super) fn read(&self) -> Result<Tls, Error> {
        let trust = self.trust()?;
        let (identity, warning) = self.identity().map_err(|error| match error {
            NotReady::Incomplete(error) | NotReady::Wrong(error) => error,
        })?;
        if let Some(warning) = warning {
            super::warn(&warning);
        }
        Tls::new(tls::provider(), DEFAULT_VERSIONS, trust, identity)
            .map_err(|what| self.of_identity(what))
    }

    fn of_identity(&self, what: String) -> Error {
        invalid(self.get(KEYSTORE).map_or(KEY, |_| KEYSTORE), what)
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
        let authorities = self.authorities()?;
        let any_host = self.get(ENDPOINT).is_some_and(|name| name.eq_ignore_ascii_case("none"));
        Ok(if any_host { Trust::AnyHost(authorities) } else { Trust::Host(authorities) })
    }

    /// The authorities of ssl.ca.location and ssl.ca.pem, or else the system's.
    fn authorities(&self) -> Result<Authorities, Error> {
        let mut authorities = Authorities::new();
        let location = self.get(CA_LOCATION).filter(|location| *location != "probe").map(Path::new);
        match location {
            Some(directory) if directory.is_dir() => add_all_in(&mut authorities, directory)?,
            Some(file) => {
                let pem = public(CA_LOCATION, file)?;
                add_all(&mut authorities, &pem).map_err(|what| in_file(CA_LOCATION, file, what))?;
            }
            None => {}
        }
        if let Some(pem) = self.get(CA_PEM) {
            add_all(&mut authorities, pem.as_bytes()).map_err(|what| invalid(CA_PEM, what))?;
        } else if location.is_none() {
            authorities = Authorities::of_system();
        }
        if authorities.is_empty() {
            let what = "it is not set, and the system has no certificates of authorities";
            return Err(invalid(CA_LOCATION, what));
        }
        Ok(authorities)
    }

    /// Our own certificate with its chain, and its key; the second is a warning.
    fn identity(&self) -> Result<(Option<Identity>, Option<String>), NotReady> {
        if let Some(path) = self.get(KEYSTORE) {
            let others = [CERTIFICATE, CERTIFICATE_PEM, KEY, KEY_PEM];
            if let Some(other) = others.into_iter().find(|name| self.get(name).is_some()) {
                let what = format!("{other} is set too: leave one of them out");
                return Err(NotReady::Wrong(invalid(KEYSTORE, what)));
            }
            let path = Path::new(path);
            let store = secret(KEYSTORE, path)?;
            let password = self.get(KEYSTORE_PASSWORD);
            let identity = tls::identity(&store.bytes, password.unwrap_or_default());
            return match identity {
                Ok(identity) => Ok((Some(identity), store.warning)),
                Err(what) => {
                    let error = in_file(KEYSTORE, path, what);
                    let may_open = password.is_none() && Kind::of(&store.bytes) == Kind::Pkcs12;
                    Err(if may_open { NotReady::Incomplete(error) } else { NotReady::Wrong(error) })
                }
            };
        }
        let chain = self.chain()?;
        let (key, warning) = self.key()?;
        match (chain, key) {
            (None, None) => Ok((None, None)),
            (Some(chain), Some(key)) => Ok((Some((chain, key)), warning)),
            (Some(_), None) => {
                Err(NotReady::Incomplete(invalid(KEY, "it is not set, and a certificate is")))
            }
            (None, Some(_)) => {
                Err(NotReady::Incomplete(invalid(CERTIFICATE, "it is not set, and a key is")))
            }
        }
    }

    fn chain(&self) -> Result<Option<Vec<CertificateDer<'static>>>, Error> {
        if let Some(pem) = self.get(CERTIFICATE_PEM) {
            let chain = tls::certificates(pem.as_bytes());
            return chain.map(Some).map_err(|what| invalid(CERTIFICATE_PEM, what));
        }
        let Some(path) = self.get(CERTIFICATE).map(Path::new) else { return Ok(None) };
        let chain = tls::certificates(&public(CERTIFICATE, path)?);
        chain.map(Some).map_err(|what| in_file(CERTIFICATE, path, what))
    }

    fn key(&self) -> Result<(Option<PrivateKey>, Option<String>), NotReady> {
        let password = self.get(KEY_PASSWORD);
        let incomplete = |error, fault: &KeyFault| match fault {
            KeyFault::Encrypted => NotReady::Incomplete(error),
            KeyFault::Unreadable(_) => NotReady::Wrong(error),
        };
        if let Some(pem) = self.get(KEY_PEM) {
            let key = tls::private_key(pem.as_bytes(), password);
            let key = key.map_err(|fault| incomplete(invalid(KEY_PEM, &fault), &fault))?;
            return Ok((Some(key), None));
        }
        let Some(path) = self.get(KEY).map(Path::new) else { return Ok((None, None)) };
        let file = secret(KEY, path)?;
        let key = tls::private_key(&file.bytes, password);
        let key = key.map_err(|fault| incomplete(in_file(KEY, path, &fault), &fault))?;
        Ok((Some(key), file.warning))
    }
}

/// Why there is no identity.
enum NotReady {
    /// Something is missing, which may still be set.
    Incomplete(Error),
    Wrong(Error),
}

impl From<Error> for NotReady {
    fn from(error: Error) -> Self {
        Self::Wrong(error)
    }
}

impl core::fmt::Debug for TlsSettings {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_set().entries(self.values.keys()).finish()
    }
}

/// What an error of TLS means, with the property to look at.
pub(super) fn explain(error: &rustls::Error) -> Error {
    let advice = Advice {
        peer: "broker",
        trust: CA_LOCATION,
        identity: "ssl.keystore.location, or ssl.certificate.location and ssl.key.location",
        suites: "the broker's ssl.enabled.protocols and ssl.cipher.suites",
        plain_text: "the port is another, or security.protocol must have no SSL in it",
    };
    Error::new(Status::IO, format!("TLS: {}", tls::explain(error, &advice)))
}

fn add_all(authorities: &mut Authorities, pem: &[u8]) -> Result<(), String> {
    tls::certificates(pem)?.into_iter().try_for_each(|certificate| authorities.add(certificate))
}

/// The authorities in a directory, which may hold other files too.
fn add_all_in(authorities: &mut Authorities, directory: &Path) -> Result<(), Error> {
    let unreadable = |error| in_file(CA_LOCATION, directory, error);
    for entry in fs::read_dir(directory).map_err(unreadable)? {
        let file = entry.map_err(unreadable)?.path();
        if file.is_file() {
            for certificate in tls::certificates(&public(CA_LOCATION, &file)?).unwrap_or_default() {
                let _ = authorities.add(certificate);
            }
        }
    }
    if authorities.is_empty() {
        return Err(in_file(CA_LOCATION, directory, "no file in it holds a PEM certificate"));
    }
    Ok(())
}

/// What anybody may know.
fn public(name: &str, path: &Path) -> Result<Zeroizing<Vec<u8>>, Error> {
    read_public(path, MAX_FILE).map_err(|error| invalid(name, error))
}

/// What nobody else should, as librdkafka and OpenSSL let pass.
fn secret(name: &str, path: &Path) -> Result<Secret, Error> {
    read_shared_secret(path, MAX_FILE).map_err(|error| invalid(name, error))
}

fn in_file(name: &str, path: &Path, what: impl core::fmt::Display) -> Error {
    invalid(name, format_args!("{}: {what}", path.display()))
}

fn invalid(name: &str, what: impl core::fmt::Display) -> Error {
    Error::new(Status::INVALID_ARGUMENT, format!("{name}: {what}"))
}

const CA_LOCATION: &str = "ssl.ca.location";
const CA_PEM: &str = "ssl.ca.pem";
const CERTIFICATE: &str = "ssl.certificate.location";
const CERTIFICATE_PEM: &str = "ssl.certificate.pem";
const KEY: &str = "ssl.key.location";
const KEY_PEM: &str = "ssl.key.pem";
const KEY_PASSWORD: &str = "ssl.key.password";
const KEYSTORE: &str = "ssl.keystore.location";
const KEYSTORE_PASSWORD: &str = "ssl.keystore.password";
const ENDPOINT: &str = "ssl.endpoint.identification.algorithm";
const VERIFICATION: &str = "enable.ssl.certificate.verification";

/// Not set by its name, but by a function of its own.
pub(super) const VERIFY_CB: &str = "ssl.certificate.verify_cb";

/// What is honoured.
pub(super) const NAMES: [&str; 11] = [
    CA_LOCATION,
    CA_PEM,
    CERTIFICATE,
    CERTIFICATE_PEM,
    KEY,
    KEY_PEM,
    KEY_PASSWORD,
    KEYSTORE,
    KEYSTORE_PASSWORD,
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
