//! The curve P-521 (secp521r1), as RustCrypto computes on it: to sign with, and to agree on keys.

use core::fmt;
use std::sync::Arc;

use p521::ecdsa::DerSignature;
use p521::ecdsa::signature::hazmat::PrehashSigner;
use p521::elliptic_curve::sec1::ToSec1Point;
use p521::pkcs8::{DecodePrivateKey, EncodePublicKey};
use rustls::crypto::{ActiveKeyExchange, GetRandomFailed, SharedSecret, SupportedKxGroup};
use rustls::ffdhe_groups::FfdheGroup;
use rustls::pki_types::{PrivateKeyDer, SubjectPublicKeyInfoDer};
use rustls::sign::{Signer, SigningKey};
use rustls::{Error, NamedGroup, PeerMisbehaved, SignatureAlgorithm, SignatureScheme};
use sha2::{Digest, Sha512};
use zeroize::Zeroizing;

/// A private key on this curve; None for any other.
pub(super) fn signing_key(key: &PrivateKeyDer<'_>) -> Option<Arc<dyn SigningKey>> {
    let secret = match key {
        PrivateKeyDer::Pkcs8(key) => {
            p521::SecretKey::from_pkcs8_der(key.secret_pkcs8_der()).ok()?
        }
        PrivateKeyDer::Sec1(key) => p521::SecretKey::from_sec1_der(key.secret_sec1_der()).ok()?,
        _ => return None,
    };
    let public = secret.public_key().to_public_key_der().ok()?.into_vec();
    Some(Arc::new(Key { secret: secret.into(), public }))
}

/// A client's private key. Zeroed on drop.
#[derive(Clone)]
struct Key {
    secret: p521::ecdsa::SigningKey,
    public: Vec<u8>,
}

impl SigningKey for Key {
    fn choose_scheme(&self, offered: &[SignatureScheme]) -> Option<Box<dyn Signer>> {
        offered.contains(&self.scheme()).then(|| Box::new(self.clone()) as Box<dyn Signer>)
    }

    fn public_key(&self) -> Option<SubjectPublicKeyInfoDer<'_>> {
        Some(SubjectPublicKeyInfoDer::from(self.public.as_slice()))
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        SignatureAlgorithm::ECDSA
    }
}

impl Signer for Key {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Error> {
        let signed: Result<DerSignature, _> = self.secret.sign_prehash(&Sha512::digest(message));
        signed
            .map(|signature| signature.as_bytes().to_vec())
            .map_err(|_| Error::General("signing failed".to_owned()))
    }

    fn scheme(&self) -> SignatureScheme {
        SignatureScheme::ECDSA_NISTP521_SHA512
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(..)")
    }
}

/// Agreeing on keys by elliptic curves (RFC 8422, RFC 8446).
pub(super) static SECP521R1: &dyn SupportedKxGroup = &Group;

#[derive(Debug)]
struct Group;

impl SupportedKxGroup for Group {
    fn start(&self) -> Result<Box<dyn ActiveKeyExchange>, Error> {
        for _ in 0..MOST_DRAWS {
            let random = crate::random::bytes::<LENGTH>().map_err(|_| GetRandomFailed)?;
            let mut random = Zeroizing::new(random);
            if let Some(first) = random.first_mut() {
                *first &= 1; // 521 bits
            }
            // Next to every number of that length is one of the curve's.
            if let Ok(secret) = p521::SecretKey::from_slice(random.as_slice()) {
                let public = secret.public_key().to_sec1_point(false).as_bytes().to_vec();
                return Ok(Box::new(Exchange { secret, public }));
            }
        }
        Err(GetRandomFailed.into())
    }

    fn ffdhe_group(&self) -> Option<FfdheGroup<'static>> {
        None
    }

    fn name(&self) -> NamedGroup {
        NamedGroup::secp521r1
    }
}

/// A secret for one connection, zeroed on drop.
struct Exchange {
    secret: p521::SecretKey,
    public: Vec<u8>,
}

impl ActiveKeyExchange for Exchange {
    fn complete(self: Box<Self>, peers: &[u8]) -> Result<SharedSecret, Error> {
        const UNCOMPRESSED: u8 = 4;
        let wrong = || Error::PeerMisbehaved(PeerMisbehaved::InvalidKeyShare);
        if peers.first() != Some(&UNCOMPRESSED) {
            return Err(wrong());
        }
        let peers = p521::PublicKey::from_sec1_bytes(peers).map_err(|_| wrong())?;
        let shared = p521::ecdh::diffie_hellman(self.secret.to_nonzero_scalar(), peers.as_affine());
        Ok(SharedSecret::from(shared.raw_secret_bytes().as_slice()))
    }

    fn pub_key(&self) -> &[u8] {
        &self.public
    }

    fn group(&self) -> NamedGroup {
        NamedGroup::secp521r1
    }
}

/// The bytes of a number.
const LENGTH: usize = 66;
const MOST_DRAWS: usize = 64;
