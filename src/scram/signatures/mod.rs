//! ClientSignature and ServerSignature of RFC 5802, section 3: HMACs of one message by two keys.
//!
//! ```text
//! sha_ni    both HMACs side by side, by the SHA instructions
//! avx2      both in lanes, by SHA-512
//! ```

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod sha_ni;

use super::keys::{Key, hmac};
use super::mechanism::Mechanism;
use super::stack::wipe_dead;

/// What both sides sign a login with.
pub(super) struct Signatures {
    /// `HMAC(StoredKey, AuthMessage)`.
    pub(super) client: Key,
    /// `HMAC(ServerKey, AuthMessage)`.
    pub(super) server: Key,
}

impl Signatures {
    /// Of the AuthMessage in parts. Side by side they take little longer than one alone, where the
    /// processor has SHA instructions or AVX2.
    pub(super) fn new(
        mechanism: Mechanism,
        stored_key: &Key,
        server_key: &Key,
        auth_message: &[&[u8]],
    ) -> Self {
        let keys = [stored_key.as_bytes(), server_key.as_bytes()];
        let [client, server] = match mechanism {
            Mechanism::ScramSha256 => {
                let macs = by_sha_256(keys, auth_message);
                wipe_dead::<160>(); // more than they take
                macs
            }
            Mechanism::ScramSha512 => {
                let macs = by_sha_512(keys, auth_message);
                wipe_dead::<320>();
                macs
            }
        };
        Self { client, server }
    }
}

/// Never inlined, so that what it leaves of the keys on the stack lies below the caller.
#[inline(never)]
fn by_sha_256(keys: [&[u8]; 2], message: &[&[u8]]) -> [Key; 2] {
    #[cfg(target_arch = "x86_64")]
    if let Some(macs) = sha_ni::macs(keys, message) {
        return macs;
    }
    keys.map(|key| hmac(Mechanism::ScramSha256, key, message))
}

/// Likewise.
#[inline(never)]
fn by_sha_512(keys: [&[u8]; 2], message: &[&[u8]]) -> [Key; 2] {
    #[cfg(target_arch = "x86_64")]
    if let Some(macs) = avx2::macs(keys, message) {
        return macs;
    }
    keys.map(|key| hmac(Mechanism::ScramSha512, key, message))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(if cfg!(miri) { 2 } else { 500 }))]

        /// The peer is the crate hmac.
        #[test]
        fn signatures_are_hmacs(
            stored_key: [u8; 64],
            server_key: [u8; 64],
            parts in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..150), 0..5),
        ) {
            let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
            for mechanism in Mechanism::ALL {
                let key = |bytes: [u8; 64]| Key::copy_of(&bytes[..mechanism.key_len()]);
                let (stored_key, server_key) = (key(stored_key), key(server_key));
                let signatures = Signatures::new(mechanism, &stored_key, &server_key, &parts);
                for (signature, key) in
                    [(signatures.client, stored_key), (signatures.server, server_key)]
                {
                    let alone = hmac(mechanism, key.as_bytes(), &parts);
                    prop_assert_eq!(signature.as_bytes(), alone.as_bytes());
                }
            }
        }
    }

    /// What this processor can do is done.
    #[test]
    #[cfg(target_arch = "x86_64")]
    fn the_quick_ways_are_taken() {
        let sha_ni = is_x86_feature_detected!("sha") && is_x86_feature_detected!("sse4.1");
        assert_eq!(sha_ni::macs([&[1; 32], &[2; 32]], &[b"message"]).is_some(), sha_ni);
        let avx2 = is_x86_feature_detected!("avx2");
        assert_eq!(avx2::macs([&[1; 64], &[2; 64]], &[b"message"]).is_some(), avx2);
    }
}
