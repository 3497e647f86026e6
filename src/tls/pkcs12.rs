//! PKCS12 stores, as keytool and openssl write them. Errors say what is wrong with the store.

use p12_keystore::error::Error;
use p12_keystore::{KeyStore, KeyStoreEntry, Pkcs12ImportPolicy};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use zeroize::Zeroizing;

use super::Identity;
use super::kind::Kind;

/// The certificates that the store marks as trusted.
pub(crate) fn trusted(
    store: &[u8],
    password: &str,
) -> Result<Vec<rustls::pki_types::CertificateDer<'static>>, String> {
    let entries = open(store, password)?;
    let certificates = entries.entries().filter_map(|(_, entry)| match entry {
        KeyStoreEntry::Certificate(certificate) => Some(certificate.as_der().to_vec().into()),
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
    let mut chains = entries.entries().filter_map(|(name, entry)| match entry {
        KeyStoreEntry::PrivateKeyChain(chain) => Some((name, chain)),
        _ => None,
    });
    let (name, chain) = chains.next().ok_or("it holds no private key with its certificate")?;
    if let Some((other, _)) = chains.next() {
        return Err(format!(
            "it holds the private keys {name:?} and {other:?}, and which to take cannot be known; \
             put one of them into a store of its own: keytool -importkeystore -srcalias {name:?} \
             -srckeystore ... -destkeystore ..."
        ));
    }
    let certificates =
        chain.certs().iter().map(|certificate| certificate.as_der().to_vec().into()).collect();
    let key = PrivatePkcs8KeyDer::from(chain.key().as_der().to_vec());
    Ok((certificates, Zeroizing::new(PrivateKeyDer::Pkcs8(key))))
}

fn open(store: &[u8], password: &str) -> Result<KeyStore, String> {
    let kind = Kind::of(store);
    if kind != Kind::Pkcs12 {
        return Err(kind.instead_of_pkcs12().to_owned());
    }
    KeyStore::from_pkcs12(store, password, Pkcs12ImportPolicy::Strict).map_err(
        |error| match error {
            Error::MacError(_) | Error::UnpadError | Error::InvalidLength => {
                "it cannot be opened: is its password right?".to_owned()
            }
            // Of a store with a checksum, as all programs make it, the password is right by now.
            Error::Pkcs5Error(_) => "it cannot be opened: its encryption is not supported, or its \
                                     password is wrong"
                .to_owned(),
            // The others' texts are of what is in the store.
            _ => kind.instead_of_pkcs12().to_owned(),
        },
    )
}
