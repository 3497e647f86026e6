//! PKCS5_PBKDF2_HMAC of the system's OpenSSL 3, loaded at run time so that nothing here needs its
//! headers to be built.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::mem::transmute;
use std::sync::LazyLock;

#[derive(Clone, Copy)]
pub(crate) enum Digest {
    Sha256,
    Sha512,
}

pub(crate) fn pbkdf2_hmac(
    digest: Digest,
    password: &[u8],
    salt: &[u8],
    iterations: u32,
    out: &mut [u8],
) {
    let crypto = &*CRYPTO;
    let len = |bytes: &[u8]| c_int::try_from(bytes.len()).unwrap();
    let (password_len, salt_len, out_len) = (len(password), len(salt), len(out));
    let iterations = c_int::try_from(iterations).unwrap();
    // SAFETY: the types are those of openssl/evp.h, the pointers fit their lengths.
    let done = unsafe {
        let digest = match digest {
            Digest::Sha256 => (crypto.sha256)(),
            Digest::Sha512 => (crypto.sha512)(),
        };
        (crypto.pbkdf2_hmac)(
            password.as_ptr().cast(),
            password_len,
            salt.as_ptr(),
            salt_len,
            iterations,
            digest,
            out_len,
            out.as_mut_ptr(),
        )
    };
    assert_eq!(done, 1);
}

type EvpMd = unsafe extern "C" fn() -> *const c_void;
type Pbkdf2Hmac = unsafe extern "C" fn(
    *const c_char,
    c_int,
    *const u8,
    c_int,
    c_int,
    *const c_void,
    c_int,
    *mut u8,
) -> c_int;

struct Crypto {
    sha256: EvpMd,
    sha512: EvpMd,
    pbkdf2_hmac: Pbkdf2Hmac,
}

static CRYPTO: LazyLock<Crypto> = LazyLock::new(|| {
    // SAFETY: loads a library that is never unloaded; the types are those of openssl/evp.h.
    unsafe {
        let library = libc::dlopen(c"libcrypto.so.3".as_ptr(), libc::RTLD_NOW);
        assert!(!library.is_null(), "OpenSSL 3 (libcrypto.so.3) cannot be loaded");
        let symbol = |name: &CStr| {
            let symbol = libc::dlsym(library, name.as_ptr());
            assert!(!symbol.is_null(), "libcrypto.so.3 has no {name:?}");
            symbol
        };
        Crypto {
            sha256: transmute::<*mut c_void, EvpMd>(symbol(c"EVP_sha256")),
            sha512: transmute::<*mut c_void, EvpMd>(symbol(c"EVP_sha512")),
            pbkdf2_hmac: transmute::<*mut c_void, Pbkdf2Hmac>(symbol(c"PKCS5_PBKDF2_HMAC")),
        }
    }
});
