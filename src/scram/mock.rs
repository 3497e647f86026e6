//! Made-up challenges, so that a stranger's name looks like anybody's.

use super::compression::{Keyed, SHA_256};
use super::credential::Credential;
use super::keys::{Key, MAX_KEY_LEN};
use super::mechanism::Mechanism;
use super::salt::{MAX_BASE36_LEN, base36};
use super::stack::wipe_dead;
use crate::error::Error;
use crate::status::Status;

/// How long a made-up salt is, in bytes; the store's own salts are as long.
pub(crate) const SALT_LEN: usize = 16;

/// How often the credentials of tokens iterate, in Kafka and unless a token manager was told otherwise.
pub(crate) const TOKEN_ITERATIONS: u32 = 4096;

/// A secret that made-up challenges come from. Zeroed on drop.
pub struct MockSecret(Keyed<u32>);

impl MockSecret {
    /// Best 32 random bytes.
    ///
    /// # Errors
    ///
    /// `INVALID_ARGUMENT` when it is empty.
    pub fn new(secret: &[u8]) -> Result<Self, Error> {
        if secret.is_empty() {
            return Err(Error::new(Status::INVALID_ARGUMENT, "the mock secret is empty"));
        }
        Ok(Self(SHA_256.keyed(secret)))
    }
}

/// What the challenges for unknown names are made from.
///
/// A challenge is a function of the name, the mechanism, whether a user or a token was asked for, and
/// the secret. So it stays the same from login to login, and on every server that has the same secret.
#[derive(Clone, Copy)]
pub struct MockChallenges<'a> {
    users: Made<'a>,
    tokens: Made<'a>,
    salts: MockSalts,
}

/// What challenges of one kind are made from.
#[derive(Clone, Copy)]
struct Made<'a> {
    secret: &'a MockSecret,
    iterations: u32,
}

/// What made-up salts look like: like the real ones of the server that they stand in for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum MockSalts {
    /// 16 random bytes, like this library's own.
    #[default]
    Bytes,
    /// A random number of 130 bits in base 36, nearly always 25 or 26 digits, like Kafka's.
    Base36,
}

impl<'a> MockChallenges<'a> {
    /// The iteration count is what users of the listener usually have; it is never inferred. Tokens
    /// have 4096, as in Kafka.
    pub fn new(secret: &'a MockSecret, iterations: u32) -> Self {
        let users = Made { secret, iterations };
        let tokens = Made { secret, iterations: TOKEN_ITERATIONS };
        Self { users, tokens, salts: MockSalts::default() }
    }

    /// The same with another iteration count for unknown tokens: that of real tokens.
    #[must_use]
    pub fn with_token_iterations(mut self, iterations: u32) -> Self {
        self.tokens.iterations = iterations;
        self
    }

    /// The same with a secret of its own for unknown tokens, for servers that salt real ones each by
    /// itself.
    #[must_use]
    pub fn with_token_secret(mut self, secret: &'a MockSecret) -> Self {
        self.tokens.secret = secret;
        self
    }

    /// The salt that a challenge for this token has while nobody knows the token. A token whose credential
    /// takes the same one looks alike before it is made, while it lives, and ever after.
    pub(crate) fn token_salt(&self, mechanism: Mechanism, id: &str) -> Vec<u8> {
        self.make_up(Stranger::Token, mechanism, id).salt().to_vec()
    }

    /// The same with salts of another look.
    #[must_use]
    pub fn with_salts(self, salts: MockSalts) -> Self {
        Self { salts, ..self }
    }

    pub(super) fn make_up(&self, stranger: Stranger, mechanism: Mechanism, name: &str) -> MadeUp {
        let (label, Made { secret, iterations }) = match stranger {
            Stranger::User => (USER_LABEL, self.users),
            Stranger::Token => (TOKEN_LABEL, self.tokens),
        };
        let parts = [label, mechanism.name().as_bytes(), b"\0", name.as_bytes()];
        let mac = mac(secret, &parts);
        wipe_dead::<DEAD_WORDS>();
        let mut made_up = MadeUp { salt: [0; MAX_BASE36_LEN], salt_len: 0, iterations };
        match self.salts {
            MockSalts::Bytes => made_up.set_salt(mac.as_bytes().iter().copied().take(SALT_LEN)),
            MockSalts::Base36 => made_up.set_salt(base36(mac.as_bytes())),
        }
        made_up
    }
}

/// Never inlined, so that what it leaves of the secret on the stack lies below the caller.
#[inline(never)]
fn mac(secret: &MockSecret, parts: &[&[u8]]) -> Key {
    SHA_256.mac(&secret.0, parts)
}

/// More than one HMAC takes.
const DEAD_WORDS: usize = 160;

/// A challenge for a name that may turn out to be nobody's. Made before the name is looked up, and
/// whatever the lookup finds, so that strangers are not told from others by the time it takes.
#[derive(Clone, Copy, Debug)]
pub struct MadeUp {
    salt: [u8; MAX_BASE36_LEN],
    salt_len: u8,
    pub(super) iterations: u32,
}

impl MadeUp {
    pub(super) fn salt(&self) -> &[u8] {
        self.salt.get(..self.salt_len.into()).unwrap_or_default()
    }

    fn set_salt(&mut self, salt: impl Iterator<Item = u8>) {
        self.salt_len = 0;
        for (to, from) in self.salt.iter_mut().zip(salt) {
            *to = from;
            self.salt_len += 1;
        }
    }
}

/// What stands in for a credential that is not there.
pub(crate) struct Decoy {
    mechanism: Mechanism,
    salt: [u8; SALT_LEN],
    key: [u8; MAX_KEY_LEN],
}

impl Decoy {
    pub(crate) fn new(mechanism: Mechanism) -> Self {
        Self { mechanism, salt: [0; SALT_LEN], key: [0; MAX_KEY_LEN] }
    }

    /// One that belongs to no password, checked and copied as a real one.
    pub(crate) fn credential(&self) -> Result<Credential<'_>, Error> {
        let (key, _) = self.key.split_at(self.mechanism.key_len());
        Credential::new(self.mechanism, &self.salt, TOKEN_ITERATIONS, key, key)
    }
}

/// What a name that nobody has is taken for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Stranger {
    User,
    Token,
}

/// Users' salts came first: they must not change, for those of real users do not.
const USER_LABEL: &[u8] = b"scramtoken/mock-salt/v1\0";
const TOKEN_LABEL: &[u8] = b"scramtoken/mock-token-salt/v1\0";

#[cfg(test)]
mod tests {
    use super::*;

    const USER: Stranger = Stranger::User;
    const TOKEN: Stranger = Stranger::Token;

    fn salt(mock: &MockChallenges<'_>, stranger: Stranger, name: &str) -> Vec<u8> {
        mock.make_up(stranger, Mechanism::ScramSha512, name).salt().to_vec()
    }

    #[test]
    fn the_look_of_a_salt() {
        let secret = MockSecret::new(b"secret").unwrap();
        let salts = |form, stranger| {
            let mock = MockChallenges::new(&secret, 4096).with_salts(form);
            (0..1000).map(move |number: u32| salt(&mock, stranger, &number.to_string()))
        };
        for stranger in [USER, TOKEN] {
            assert!(salts(MockSalts::Bytes, stranger).all(|salt| salt.len() == SALT_LEN));
            let lengths: Vec<usize> =
                salts(MockSalts::Base36, stranger).map(|salt| salt.len()).collect();
            let share = |len| lengths.iter().filter(|is| **is == len).count();
            // 36^25 is 2^129.25, so 2^-0.75 of all numbers have 25 digits or fewer.
            assert!((520..640).contains(&share(25)), "{}", share(25));
            assert!((350..460).contains(&share(26)), "{}", share(26));
        }
    }

    /// HMAC-SHA-256 by Python's hmac module, its first 16 bytes. Salts of users that changed with an
    /// update would tell that they are made up.
    #[test]
    fn known_salts() {
        let secret = MockSecret::new(b"secret").unwrap();
        let mock = MockChallenges::new(&secret, 8192);
        let hex =
            |bytes: Vec<u8>| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        assert_eq!(hex(salt(&mock, USER, "nobody")), "f971b9caf5e345879b6679fc4edea739");
        assert_eq!(hex(salt(&mock, TOKEN, "nobody")), "e99cee72128d4398d7a16edf9f3755ad");
    }

    #[test]
    fn users_and_tokens_have_nothing_in_common() {
        let secret = MockSecret::new(b"secret").unwrap();
        let mock = MockChallenges::new(&secret, 8192);
        let iterations = |mock: &MockChallenges<'_>, stranger| {
            mock.make_up(stranger, Mechanism::ScramSha256, "x").iterations
        };
        assert_eq!((iterations(&mock, USER), iterations(&mock, TOKEN)), (8192, 4096));
        let more = mock.with_token_iterations(5000);
        assert_eq!((iterations(&more, USER), iterations(&more, TOKEN)), (8192, 5000));
        let of_this_broker = MockSecret::new(b"of this broker").unwrap();
        let other = mock.with_token_secret(&of_this_broker);
        assert_eq!(salt(&mock, USER, "x"), salt(&other, USER, "x"));
        assert_ne!(salt(&mock, TOKEN, "x"), salt(&other, TOKEN, "x"));
    }
}
