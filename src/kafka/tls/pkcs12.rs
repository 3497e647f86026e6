//! PKCS12 stores, as keytool and openssl write them.

use p12_keystore::error::Error as Pkcs12Error;
use p12_keystore::{KeyStore, KeyStoreEntry, Pkcs12ImportPolicy};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

use super::stores::{Identity, Store};
use crate::error::Error;

/// The certificates that the store marks as trusted.
pub(super) fn trusted(store: &Store<'_>) -> Result<Vec<CertificateDer<'static>>, Error> {
    let entries = open(store)?;
    let certificates = entries.entries().filter_map(|(_, entry)| match entry {
        KeyStoreEntry::Certificate(certificate) => {
            Some(CertificateDer::from(certificate.as_der().to_vec()))
        }
        _ => None,
    });
    let certificates: Vec<_> = certificates.collect();
    if certificates.is_empty() {
        return Err(store.invalid(
            "it holds no trusted certificate; add the authority with `keytool -importcert \
             -trustcacerts`, or use a PEM file",
        ));
    }
    Ok(certificates)
}

/// The one private key of the store, with its certificates.
pub(super) fn identity(store: &Store<'_>) -> Result<Identity, Error> {
    let entries = open(store)?;
    let (_, chain) = entries
        .private_key_chain()
        .ok_or_else(|| store.invalid("it holds no private key with its certificate"))?;
    let certificates =
        chain.certs().iter().map(|certificate| certificate.as_der().to_vec().into()).collect();
    let key = PrivatePkcs8KeyDer::from(chain.key().as_der().to_vec());
    Ok((certificates, PrivateKeyDer::Pkcs8(key)))
}

fn open(store: &Store<'_>) -> Result<KeyStore, Error> {
    let password = store.password.unwrap_or_default();
    KeyStore::from_pkcs12(&store.bytes, password, Pkcs12ImportPolicy::Strict).map_err(|error| {
        store.invalid(match error {
            Pkcs12Error::MacError(_) | Pkcs12Error::Pkcs5Error(_) | Pkcs12Error::InvalidLength => {
                "it cannot be opened: is its password right?".to_owned()
            }
            other => format!("it is not a PKCS12 store that can be read ({other})"),
        })
    })
}
