//! The cryptography of TLS: ring's, and what ring lacks of the NIST curves.
//!
//! ring knows neither P-521 nor ECDSA with SHA-512. Authorities use both, and OpenSSL and Java take
//! them, so RustCrypto's curves fill the gap.

use core::fmt;
use std::sync::{Arc, LazyLock};

use p256::ecdsa::signature::hazmat::PrehashVerifier;
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms, ring};
use rustls::pki_types::{
    AlgorithmIdentifier, InvalidSignature, PrivateKeyDer, SignatureVerificationAlgorithm, alg_id,
};
use rustls::sign::SigningKey;
use rustls::{Error, SignatureScheme};
use sha2::{Digest, Sha256, Sha384, Sha512};

use super::secp521r1::{self, SECP521R1};

/// What connections are made with.
pub(crate) fn provider() -> CryptoProvider {
    let mut provider = ring::default_provider();
    provider.signature_verification_algorithms = *ALGORITHMS;
    // Last, for it is the slowest. With TLS 1.2 a broker whose key is on P-521 wants to see it.
    provider.kx_groups.push(SECP521R1);
    provider
}

/// A private key to sign with.
///
/// # Errors
///
/// When it is of a kind that is not supported, or is damaged.
pub(super) fn signing_key(key: &PrivateKeyDer<'_>) -> Result<Arc<dyn SigningKey>, Error> {
    ring::sign::any_supported_type(key).or_else(|error| secp521r1::signing_key(key).ok_or(error))
}

/// ring's algorithms and ours.
static ALGORITHMS: LazyLock<WebPkiSupportedAlgorithms> = LazyLock::new(|| {
    let rings = ring::default_provider().signature_verification_algorithms;
    let all: Vec<_> = rings.all.iter().copied().chain(OURS).collect();
    // With TLS 1.3 a scheme fixes the curve, which is the first one's; with TLS 1.2 any will do.
    let rings = rings.mapping.iter().map(|(scheme, algorithms)| {
        let more: &[Algorithm] = match *scheme {
            SignatureScheme::ECDSA_NISTP256_SHA256 => &WITH_SHA256,
            SignatureScheme::ECDSA_NISTP384_SHA384 => &WITH_SHA384,
            _ => return (*scheme, *algorithms),
        };
        let algorithms = [algorithms, more].concat().leak();
        (*scheme, &*algorithms)
    });
    let ours = (SignatureScheme::ECDSA_NISTP521_SHA512, WITH_SHA512.as_slice());
    let mapping: Vec<_> = [ours].into_iter().chain(rings).collect();
    // Once in a process.
    WebPkiSupportedAlgorithms { all: all.leak(), mapping: mapping.leak() }
});

type Algorithm = &'static dyn SignatureVerificationAlgorithm;

static OURS: [Algorithm; 5] =
    [&P256_SHA512, &P384_SHA512, &P521_SHA256, &P521_SHA384, &P521_SHA512];

static WITH_SHA256: [Algorithm; 1] = [&P521_SHA256];
static WITH_SHA384: [Algorithm; 1] = [&P521_SHA384];
static WITH_SHA512: [Algorithm; 3] = [&P521_SHA512, &P384_SHA512, &P256_SHA512];

/// ECDSA on one curve with one hash.
struct Ecdsa {
    name: &'static str,
    curve: AlgorithmIdentifier,
    signature: AlgorithmIdentifier,
    verify: Verify,
}

/// Takes the public key, the message and the signature; None for a wrong one.
type Verify = fn(&[u8], &[u8], &[u8]) -> Option<()>;

impl SignatureVerificationAlgorithm for Ecdsa {
    fn verify_signature(
        &self,
        public_key: &[u8],
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), InvalidSignature> {
        (self.verify)(public_key, message, signature).ok_or(InvalidSignature)
    }

    fn public_key_alg_id(&self) -> AlgorithmIdentifier {
        self.curve
    }

    fn signature_alg_id(&self) -> AlgorithmIdentifier {
        self.signature
    }
}

impl fmt::Debug for Ecdsa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

macro_rules! ecdsa {
    ($name:ident, $curve:ident with $key:expr, $hash:ident with $signature:expr) => {
        static $name: Ecdsa = Ecdsa {
            name: stringify!($name),
            curve: $key,
            signature: $signature,
            verify: |public_key, message, signature| {
                let key = $curve::ecdsa::VerifyingKey::from_sec1_bytes(public_key).ok()?;
                let signature = $curve::ecdsa::Signature::from_der(signature).ok()?;
                // As a number, and at least half as long as the curve's, which it has to be.
                let mut hash = [0; 64];
                let digest = $hash::digest(message);
                let (_, number) = hash.split_at_mut_checked(64 - digest.len())?;
                number.copy_from_slice(&digest);
                let hash = if digest.len() * 2 < LONGEST { hash.as_slice() } else { &digest };
                key.verify_prehash(hash, &signature).ok()
            },
        };
    };
}

ecdsa!(P256_SHA512, p256 with alg_id::ECDSA_P256, Sha512 with alg_id::ECDSA_SHA512);
ecdsa!(P384_SHA512, p384 with alg_id::ECDSA_P384, Sha512 with alg_id::ECDSA_SHA512);
ecdsa!(P521_SHA256, p521 with alg_id::ECDSA_P521, Sha256 with alg_id::ECDSA_SHA256);
ecdsa!(P521_SHA384, p521 with alg_id::ECDSA_P521, Sha384 with alg_id::ECDSA_SHA384);
ecdsa!(P521_SHA512, p521 with alg_id::ECDSA_P521, Sha512 with alg_id::ECDSA_SHA512);

/// The bytes of a number on P-521.
const LONGEST: usize = 66;
