//! Certificates and private keys in PEM. Errors say what is wrong, for a sentence that names where.

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

/// All certificates, of which there is one at least.
pub(crate) fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match certificates {
        Ok(certificates) if certificates.is_empty() => {
            Err("it holds no PEM certificate".to_owned())
        }
        Ok(certificates) => Ok(certificates),
        Err(error) => Err(format!("its PEM cannot be read: {error}")),
    }
}

/// The first private key, decrypted by `ssl.key.password` where it has to be.
pub(crate) fn private_key(
    pem: &[u8],
    password: Option<&str>,
) -> Result<PrivateKeyDer<'static>, String> {
    const ENCRYPTED: &str = "-----BEGIN ENCRYPTED PRIVATE KEY-----";
    const END: &str = "-----END ENCRYPTED PRIVATE KEY-----";
    /// In the head of a key as OpenSSL encrypted it before PKCS#8.
    const OLD_ENCRYPTED: &str = "Proc-Type: 4,ENCRYPTED";

    let text = str::from_utf8(pem).map_err(|_| "its PEM is not text".to_owned())?;
    if text.contains(OLD_ENCRYPTED) {
        return Err(
            "its private key is encrypted in OpenSSL's old way, which is not read; convert \
                    it: openssl pkcs8 -topk8 -in key.pem -out new.pem"
                .to_owned(),
        );
    }
    let Some(begin) = text.find(ENCRYPTED) else {
        return PrivateKeyDer::from_pem_slice(pem)
            .map_err(|error| format!("its private key cannot be read: {error}"));
    };
    let password = password.ok_or("its private key is encrypted; set ssl.key.password")?;
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
