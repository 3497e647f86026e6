//! Derived keys of a client, kept so that a reconnect costs no PBKDF2.

use std::collections::{BTreeMap, HashMap};
use std::num::NonZeroUsize;
use std::sync::Arc;

use parking_lot::Mutex;
use zeroize::Zeroizing;

use super::hi::salted_password;
use super::keys::{Cancel, ClientKeys, hmac};
use super::mechanism::Mechanism;

/// A bounded cache of derived keys, for as many clients and threads as share it.
///
/// An entry is found by mechanism, salt, iteration count and a keyed hash of the secret, so another
/// secret never finds it. The entry that was used longest ago makes room; keys are zeroed when they
/// leave the cache.
pub struct KeyCache {
    capacity: NonZeroUsize,
    hash_key: Zeroizing<[u8; 32]>,
    entries: Mutex<Entries>,
}

impl KeyCache {
    /// A cache of at most `capacity` entries (some 200 bytes each); `random` keys its hash and
    /// comes from the system's generator.
    pub fn new(capacity: NonZeroUsize, random: [u8; 32]) -> Self {
        Self { capacity, hash_key: Zeroizing::new(random), entries: Mutex::default() }
    }

    /// The keys for this challenge, derived when they are not there. None when cancelled.
    pub(super) fn keys(
        &self,
        mechanism: Mechanism,
        password: &[u8],
        salt: &[u8],
        iterations: u32,
        cancel: &Cancel,
    ) -> Option<Arc<ClientKeys>> {
        let id = self.entry_id(mechanism, password, salt, iterations);
        if let Some(keys) = self.entries.lock().get(&id) {
            return Some(keys);
        }
        // Not under the lock: others may log in meanwhile.
        let keys = derive(mechanism, password, salt, iterations, cancel)?;
        self.entries.lock().insert(id, Arc::clone(&keys), self.capacity);
        Some(keys)
    }

    fn entry_id(
        &self,
        mechanism: Mechanism,
        password: &[u8],
        salt: &[u8],
        iterations: u32,
    ) -> EntryId {
        let key = self.hash_key.as_slice();
        // The secret is hashed first, so that every part but the salt has a fixed length.
        let secret = hmac(Mechanism::ScramSha256, key, &[password]);
        let parts =
            [secret.as_bytes(), mechanism.name().as_bytes(), &iterations.to_be_bytes(), salt];
        let mac = hmac(Mechanism::ScramSha256, key, &parts);
        let mut id = EntryId::default();
        for (to, from) in id.iter_mut().zip(mac.as_bytes()) {
            *to = *from;
        }
        id
    }
}

pub(super) fn derive(
    mechanism: Mechanism,
    password: &[u8],
    salt: &[u8],
    iterations: u32,
    cancel: &Cancel,
) -> Option<Arc<ClientKeys>> {
    let salted = salted_password(mechanism, password, salt, iterations, cancel)?;
    Some(Arc::new(ClientKeys::from_salted_password(mechanism, &salted)))
}

type EntryId = [u8; 32];

/// Entries by id, and ids by when they were last used; `now` counts uses. The keys are behind a
/// pointer, so that a map that grows leaves no copies of them in the memory that it gives up.
#[derive(Default)]
struct Entries {
    by_id: HashMap<EntryId, (u64, Arc<ClientKeys>)>,
    by_use: BTreeMap<u64, EntryId>,
    now: u64,
}

impl Entries {
    fn get(&mut self, id: &EntryId) -> Option<Arc<ClientKeys>> {
        let (used, keys) = self.by_id.get_mut(id)?;
        self.by_use.remove(used);
        self.now += 1;
        *used = self.now;
        self.by_use.insert(self.now, *id);
        Some(Arc::clone(keys))
    }

    fn insert(&mut self, id: EntryId, keys: Arc<ClientKeys>, capacity: NonZeroUsize) {
        self.now += 1;
        if let Some((used, _)) = self.by_id.insert(id, (self.now, keys)) {
            self.by_use.remove(&used);
        }
        self.by_use.insert(self.now, id);
        while self.by_id.len() > capacity.get() {
            let Some((_, oldest)) = self.by_use.pop_first() else { break };
            self.by_id.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As few as are noticed to be cancelled, for Miri has to count them.
    const ROUNDS: u32 = 1025;

    const MECHANISM: Mechanism = Mechanism::ScramSha256;

    fn cache(capacity: usize) -> KeyCache {
        KeyCache::new(NonZeroUsize::new(capacity).unwrap(), [7; 32])
    }

    fn cancelled() -> Cancel {
        let cancel = Cancel::default();
        cancel.cancel();
        cancel
    }

    /// A cancelled hash of this many iterations gives nothing, so what comes out was cached.
    fn is_cached(cache: &KeyCache, password: &[u8], salt: &[u8]) -> bool {
        cache.keys(MECHANISM, password, salt, ROUNDS, &cancelled()).is_some()
    }

    fn fill(cache: &KeyCache, password: &[u8], salt: &[u8]) {
        cache.keys(MECHANISM, password, salt, ROUNDS, &Cancel::default()).unwrap();
    }

    #[test]
    fn only_the_same_challenge_and_secret_hit() {
        let cache = cache(10);
        fill(&cache, b"pencil", b"salt");
        assert!(is_cached(&cache, b"pencil", b"salt"));
        assert!(!is_cached(&cache, b"pencil2", b"salt"));
        assert!(!is_cached(&cache, b"pencil", b"salt2"));
        let cancel = cancelled();
        assert!(cache.keys(MECHANISM, b"pencil", b"salt", ROUNDS + 1, &cancel).is_none());
        assert!(cache.keys(Mechanism::ScramSha512, b"pencil", b"salt", ROUNDS, &cancel).is_none());
    }

    #[test]
    fn the_entry_used_longest_ago_makes_room() {
        let cache = cache(2);
        fill(&cache, b"a", b"salt");
        fill(&cache, b"b", b"salt");
        assert!(is_cached(&cache, b"a", b"salt"));
        fill(&cache, b"c", b"salt");
        assert!(!is_cached(&cache, b"b", b"salt"));
        assert!(is_cached(&cache, b"a", b"salt"));
        assert!(is_cached(&cache, b"c", b"salt"));
        assert_eq!(cache.entries.lock().by_use.len(), 2);
    }
}
