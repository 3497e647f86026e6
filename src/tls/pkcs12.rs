//! PKCS12 stores, as keytool and openssl write them. Errors say what is wrong with the store.

use p12_keystore::error::Error;
use p12_keystore::{KeyStore, Pkcs12ImportPolicy};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

use super::Identity;

/// The certificates that the store marks as trusted.
pub(crate) fn trusted(
    store: &[u8],
    password: &str,
) -> Result<Vec<rustls::pki_types::CertificateDer<'static>>, String> {
    let entries = open(store, password)?;
    let certificates = entries.entries().filter_map(|(_, entry)| match entry {
        p12_keystore::KeyStoreEntry::Certificate(certificate) => {
            Some(certificate.as_der().to_vec().into())
        }
        _ => None,
    });
    let certificates: Vec<_> = certificates.collect();
    if certificates.is_empty() {
        return Err(
            "it holds no trusted certificate; add the authority with `keytool -importcert \
                    -trustcacerts`, or use a PEM file"
                .to_owned(),
        );
    }
    Ok(certificates)
}

/// The one private key of the store, with its certificates.
pub(crate) fn identity(store: &[u8], password: &str) -> Result<Identity, String> {
    let entries = open(store, password)?;
    let (_, chain) =
        entries.private_key_chain().ok_or("it holds no private key with its certificate")?;
    let certificates =
        chain.certs().iter().map(|certificate| certificate.as_der().to_vec().into()).collect();
    let key = PrivatePkcs8KeyDer::from(chain.key().as_der().to_vec());
    Ok((certificates, PrivateKeyDer::Pkcs8(key)))
}

fn open(store: &[u8], password: &str) -> Result<KeyStore, String> {
    KeyStore::from_pkcs12(store, password, Pkcs12ImportPolicy::Strict).map_err(
        |error| match error {
            Error::MacError(_) | Error::Pkcs5Error(_) | Error::InvalidLength => {
                "it cannot be opened: is its password right?".to_owned()
            }
            other => format!("it is not a PKCS12 store that can be read ({other})"),
        },
    )
}
