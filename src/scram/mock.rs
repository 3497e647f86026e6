//! Made-up challenges, so that a stranger's name looks like anybody's.

use super::keys::hmac;
use super::mechanism::Mechanism;

/// How long a made-up salt is, in bytes; the store's own salts are as long.
pub(crate) const SALT_LEN: usize = 16;

/// What the challenges for unknown names are made from.
///
/// A challenge is a function of the name, the mechanism and the secret, so it stays the same from
/// login to login, and on every server that has the same secret.
pub struct MockChallenges<'a> {
    secret: &'a [u8],
    iterations: u32,
}

impl<'a> MockChallenges<'a> {
    /// The iteration count is what users of the listener usually have; it is never inferred.
    pub fn new(secret: &'a [u8], iterations: u32) -> Self {
        Self { secret, iterations }
    }

    pub(super) fn iterations(&self) -> u32 {
        self.iterations
    }

    pub(super) fn salt(&self, mechanism: Mechanism, name: &[u8]) -> [u8; SALT_LEN] {
        let parts = [LABEL, mechanism.name().as_bytes(), b"\0", name];
        let mac = hmac(Mechanism::ScramSha256, self.secret, &parts);
        let mut salt = [0; SALT_LEN];
        for (to, from) in salt.iter_mut().zip(mac.as_bytes()) {
            *to = *from;
        }
        salt
    }
}

const LABEL: &[u8] = b"scramtoken/mock-salt/v1\0";
