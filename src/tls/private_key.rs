//! Private keys in PEM, encrypted ones too. Errors never carry what was read.

use core::fmt;

use cbc::Decryptor;
use cbc::cipher::block_padding::Pkcs7;
use cbc::cipher::{BlockModeDecrypt, KeyIvInit};
use des::TdesEde3;
use pkcs8::PrivateKeyInfoRef;
use pkcs8::der::asn1::{AnyRef, ObjectIdentifier, OctetStringRef, UintRef};
use pkcs8::der::{Decode, Reader, SliceReader};
use pkcs8::pkcs5::pbes2::PBES2_OID;
use pkcs8::pkcs5::{EncryptionScheme, Error as Pkcs5Error};
use pkcs8::spki::AlgorithmIdentifierRef;
use pkcs12::kdf::{Pkcs12KeyType, derive_key_utf8};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs1KeyDer, PrivatePkcs8KeyDer, PrivateSec1KeyDer};
use sha1::Sha1;
use zeroize::Zeroizing;

use super::kind::Kind;
use super::pem::{Block, blocks};

/// Wiped on drop.
pub(crate) type PrivateKey = Zeroizing<PrivateKeyDer<'static>>;

/// Why a private key cannot be had, as a sentence for a text that names where it was looked for.
#[derive(Debug)]
pub(crate) enum KeyFault {
    /// There is no password to decrypt it by.
    Encrypted,
    Unreadable(String),
}

impl fmt::Display for KeyFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Encrypted => f.write_str("its private key is encrypted; set ssl.key.password"),
            Self::Unreadable(text) => f.write_str(text),
        }
    }
}

impl From<String> for KeyFault {
    fn from(text: String) -> Self {
        Self::Unreadable(text)
    }
}

/// The one private key, decrypted by `ssl.key.password` where it has to be.
pub(crate) fn private_key(pem: &[u8], password: Option<&str>) -> Result<PrivateKey, KeyFault> {
    let blocks = blocks(pem)?;
    let mut keys = blocks.iter().filter(|block| block.label.ends_with("PRIVATE KEY"));
    let key = keys.next().ok_or_else(|| {
        format!("it holds no PEM private key{}", Kind::of(pem).instead_of_pem_key())
    })?;
    if keys.next().is_some() {
        return Err("it holds more than one private key: leave one in it".to_owned().into());
    }
    if key.is_encrypted_as_of_old() {
        return Err(format!(
            "its private key is encrypted in OpenSSL's old way, which is not read{CONVERT}"
        )
        .into());
    }
    let der = match key.label {
        "PRIVATE KEY" => PrivateKeyDer::Pkcs8(bytes(key)?.into()),
        "RSA PRIVATE KEY" => PrivateKeyDer::Pkcs1(PrivatePkcs1KeyDer::from(bytes(key)?)),
        "EC PRIVATE KEY" => PrivateKeyDer::Sec1(PrivateSec1KeyDer::from(bytes(key)?)),
        "ENCRYPTED PRIVATE KEY" => {
            let password = password.ok_or(KeyFault::Encrypted)?;
            PrivateKeyDer::Pkcs8(decrypt(&key.decode()?, password)?)
        }
        _ => {
            return Err(format!("its private key is of a form that is not read{CONVERT}").into());
        }
    };
    Ok(Zeroizing::new(der))
}

/// Why a key is of no use.
pub(super) fn cannot_sign(key: &PrivateKeyDer<'_>) -> String {
    match rsa_bits(key) {
        Some(bits) => {
            format!("its private key is of RSA with {bits} bits, and 2048 to 4096 are taken")
        }
        None => {
            "its private key is of a kind that is not supported, or damaged; RSA of 2048 to 4096 \
                 bits, ECDSA on P-256, P-384 and P-521, and Ed25519 are supported"
                .to_owned()
        }
    }
}

/// The length of an RSA key's modulus.
fn rsa_bits(key: &PrivateKeyDer<'_>) -> Option<usize> {
    let pkcs1 = match key {
        PrivateKeyDer::Pkcs1(key) => key.secret_pkcs1_der(),
        PrivateKeyDer::Pkcs8(key) => {
            let info = PrivateKeyInfoRef::try_from(key.secret_pkcs8_der()).ok()?;
            (info.algorithm.oid == RSA).then(|| info.private_key.as_bytes())?
        }
        _ => return None,
    };
    // RSAPrivateKey (RFC 8017, A.1.2) begins with its version and the modulus.
    let mut fields = SliceReader::new(AnyRef::from_der(pkcs1).ok()?.value()).ok()?;
    u8::decode(&mut fields).ok()?;
    let modulus = UintRef::decode(&mut fields).ok()?;
    let first = modulus.as_bytes().first()?;
    Some(modulus.as_bytes().len() * 8 - usize::try_from(first.leading_zeros()).ok()?)
}

/// What its owner wipes from now on.
fn bytes(block: &Block<'_>) -> Result<Vec<u8>, String> {
    block.decode().map(|mut bytes| core::mem::take(&mut *bytes))
}

/// Opens an EncryptedPrivateKeyInfo (RFC 5958).
fn decrypt(encrypted: &[u8], password: &str) -> Result<PrivatePkcs8KeyDer<'static>, String> {
    let damaged = || "its private key is damaged".to_owned();
    let (algorithm, data) = SliceReader::new(encrypted)
        .and_then(|mut reader| {
            reader.sequence(|fields| {
                let algorithm = AlgorithmIdentifierRef::decode(fields)?;
                let data = <&OctetStringRef>::decode(fields)?;
                Ok::<_, pkcs8::der::Error>((algorithm, data))
            })
        })
        .map_err(|_| damaged())?;
    let mut buffer = Zeroizing::new(data.as_bytes().to_vec());
    let length = match algorithm.oid {
        PBES2_OID => pbes2(algorithm, password, &mut buffer)?,
        PBE_SHA1_3DES => pbe_sha1_3des(algorithm, password, &mut buffer)?,
        other => return Err(unknown_encryption(other)),
    };
    buffer.truncate(length);
    // A wrong password may by chance leave what ends like a key.
    PrivateKeyInfoRef::try_from(buffer.as_slice()).map_err(|_| wrong_password())?;
    Ok(PrivatePkcs8KeyDer::from(core::mem::take(&mut *buffer)))
}

/// PKCS#5's second scheme (RFC 8018), which everybody uses today.
fn pbes2(
    algorithm: AlgorithmIdentifierRef<'_>,
    password: &str,
    buffer: &mut [u8],
) -> Result<usize, String> {
    let scheme = EncryptionScheme::try_from(algorithm)
        .map_err(|_| format!("its private key is encrypted in a way that is not read{CONVERT}"))?;
    match scheme.decrypt_in_place(password, buffer) {
        Ok(key) => Ok(key.len()),
        Err(Pkcs5Error::UnsupportedAlgorithm { oid }) => Err(unknown_encryption(oid)),
        Err(_) => Err(wrong_password()),
    }
}

/// PKCS#12's scheme with SHA-1 and three keys of DES (RFC 7292, appendix C): the only one that a Kafka on
/// Java before 19 opens.
fn pbe_sha1_3des(
    algorithm: AlgorithmIdentifierRef<'_>,
    password: &str,
    buffer: &mut [u8],
) -> Result<usize, String> {
    let damaged = |_| "its private key is damaged".to_owned();
    let mut parameters = algorithm
        .parameters
        .map(|parameters| SliceReader::new(parameters.value()))
        .transpose()
        .map_err(damaged)?
        .ok_or("its private key is damaged")?;
    let salt = <&OctetStringRef>::decode(&mut parameters).map_err(damaged)?.as_bytes();
    let iterations = i32::decode(&mut parameters).map_err(damaged)?;
    if salt.is_empty() || !(1..=MOST_ITERATIONS).contains(&iterations) {
        return Err(format!(
            "its private key is encrypted with {iterations} iterations, and 1 to {MOST_ITERATIONS} \
             are taken"
        ));
    }
    let derive = |kind, length| {
        derive_key_utf8::<Sha1>(password, salt, kind, iterations, length)
            .map(Zeroizing::new)
            .map_err(|_| wrong_password()) // it has characters that PKCS#12 has not
    };
    let key = derive(Pkcs12KeyType::EncryptionKey, 24)?;
    let iv = derive(Pkcs12KeyType::Iv, 8)?;
    let cipher = Decryptor::<TdesEde3>::new_from_slices(&key, &iv).map_err(|_| wrong_password())?;
    cipher.decrypt_padded::<Pkcs7>(buffer).map(<[u8]>::len).map_err(|_| wrong_password())
}

fn wrong_password() -> String {
    "its private key cannot be decrypted; is ssl.key.password right?".to_owned()
}

fn unknown_encryption(oid: ObjectIdentifier) -> String {
    let name = match oid {
        PBE_MD5_DES => "PBE-MD5-DES".to_owned(),
        PBE_SHA1_DES => "PBE-SHA1-DES".to_owned(),
        PBE_SHA1_RC4_128 => "PBE-SHA1-RC4-128".to_owned(),
        PBE_SHA1_RC2_40 => "PBE-SHA1-RC2-40".to_owned(),
        PBE_SHA1_2DES => "PBE-SHA1-2DES".to_owned(),
        other => format!("the algorithm {other}"),
    };
    format!("its private key is encrypted by {name}, which is not read{CONVERT}")
}

const CONVERT: &str = "; convert it: openssl pkcs8 -in key.pem -topk8 -v2 aes-256-cbc -out new.pem";
/// More take seconds.
const MOST_ITERATIONS: i32 = 10_000_000;

/// RFC 8017, appendix C.
const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
/// RFC 7292, appendix C, and RFC 8018, appendix A.3.
const PBE_SHA1_3DES: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.12.1.3");
const PBE_SHA1_2DES: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.12.1.4");
const PBE_SHA1_RC4_128: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.12.1.1");
const PBE_SHA1_RC2_40: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.12.1.6");
const PBE_MD5_DES: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.5.3");
const PBE_SHA1_DES: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.5.10");
