//! PBKDF2 with one block of output, which is all of the time of a login without cached keys: here
//! inside of `scramtoken_derive`, of many at once, and by others.

use std::ffi::CStr;
use std::hint::black_box;

use criterion::Criterion;
use hmac::digest::KeyInit;
use hmac::{Hmac, Mac};
use pbkdf2::pbkdf2_hmac;
use scramtoken::{Mechanism, StoredKeys};
use sha2::{Digest, Sha256, Sha512};

use crate::abi::Credential;
use crate::cpu_time::{self, CpuTime};
use crate::{ITERATIONS, MECHANISMS, PASSWORD, SALT, openssl};

type Pbkdf2 = fn(&CStr) -> Vec<u8>;

pub(crate) fn bench(criterion: &mut Criterion<CpuTime>) {
    let peers: [(&str, Pbkdf2); 2] = [("OpenSSL", by_openssl), ("crate pbkdf2", by_crate)];
    let mut group = criterion.benchmark_group("hashing");
    for mechanism in MECHANISMS {
        let name = mechanism.to_str().unwrap();
        let salted = by_openssl(mechanism);
        for (peer, pbkdf2) in peers {
            assert_eq!(pbkdf2(mechanism), salted, "{peer}");
            group.bench_function(format!("{name}/{peer}"), |bencher| {
                bencher.iter(|| pbkdf2(mechanism));
            });
        }
        assert_eq!(derive(mechanism).stored_key, stored_key(mechanism, &salted));
        group.bench_function(format!("{name}/scramtoken_derive"), |bencher| {
            bencher.iter(|| derive(mechanism));
        });
        check_many(mechanism);
        group.bench_function(format!("{name}/derive_many, each"), |bencher| {
            bencher.iter_custom(|batches| {
                let start = cpu_time::now();
                for _ in 0..batches {
                    black_box(derive_many(mechanism));
                }
                (cpu_time::now() - start) / MANY
            });
        });
    }
}

fn derive(mechanism: &CStr) -> Credential {
    Credential::derive(mechanism, black_box(PASSWORD), SALT, ITERATIONS)
}

/// What each thread of an import or a follower has at a time, or more.
const MANY: u32 = 64;

fn derive_many(mechanism: &CStr) -> Vec<StoredKeys> {
    let mechanism = Mechanism::from_name(mechanism.to_str().unwrap()).unwrap();
    let of: Vec<(&[u8], &[u8])> = (0..MANY).map(|_| (black_box(PASSWORD), SALT)).collect();
    StoredKeys::derive_many(mechanism, ITERATIONS, &of).into_iter().map(Result::unwrap).collect()
}

fn check_many(mechanism: &CStr) {
    let one = derive(mechanism);
    let is_same = |keys: &StoredKeys| {
        keys.stored_key() == one.stored_key && keys.server_key() == one.server_key
    };
    assert!(derive_many(mechanism).iter().all(is_same));
}

fn by_openssl(mechanism: &CStr) -> Vec<u8> {
    let digest =
        if is_sha256(mechanism) { openssl::Digest::Sha256 } else { openssl::Digest::Sha512 };
    let mut salted = vec![0; if is_sha256(mechanism) { 32 } else { 64 }];
    openssl::pbkdf2_hmac(digest, black_box(PASSWORD), SALT, ITERATIONS, &mut salted);
    salted
}

fn by_crate(mechanism: &CStr) -> Vec<u8> {
    let password = black_box(PASSWORD);
    if is_sha256(mechanism) {
        let mut salted = vec![0; 32];
        pbkdf2_hmac::<Sha256>(password, SALT, ITERATIONS, &mut salted);
        salted
    } else {
        let mut salted = vec![0; 64];
        pbkdf2_hmac::<Sha512>(password, SALT, ITERATIONS, &mut salted);
        salted
    }
}

fn is_sha256(mechanism: &CStr) -> bool {
    mechanism == c"SCRAM-SHA-256"
}

/// `H(HMAC(SaltedPassword, "Client Key"))` (RFC 5802, section 3).
fn stored_key(mechanism: &CStr, salted: &[u8]) -> Vec<u8> {
    if is_sha256(mechanism) {
        Sha256::digest(mac::<Hmac<Sha256>>(salted)).to_vec()
    } else {
        Sha512::digest(mac::<Hmac<Sha512>>(salted)).to_vec()
    }
}

fn mac<M: Mac + KeyInit>(salted: &[u8]) -> Vec<u8> {
    let mac = <M as KeyInit>::new_from_slice(salted).unwrap();
    mac.chain_update(b"Client Key").finalize().into_bytes().to_vec()
}
