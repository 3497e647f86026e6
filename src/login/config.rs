//! What all logins of one listener share.

use std::sync::Arc;

use once_cell::sync::OnceCell;
use zeroize::Zeroizing;

use crate::audit::{Audit, Event};
use crate::clock::Clock;
use crate::error::Error;
use crate::scram::{
    AwaitClientFinal, MadeUp, Mechanism, MockChallenges, MockSalts, MockSecret, NeedCredential,
    Rejected, ServerPolicy, TOKEN_ITERATIONS,
};
use crate::status::Status;
#[cfg(feature = "store")]
use crate::store::Store;

/// What the logins of one listener share. A login takes it as it is when the login is made.
///
/// Cheap to clone. Clones share the store, the callbacks and the secret of made-up challenges.
#[derive(Clone, Default)]
pub struct ServerConfig {
    pub(super) lookup: Lookup,
    pub(super) policy: ServerPolicy,
    pub(super) clock: Clock,
    pub(super) audit: Audit,
    mock: Mock,
}

/// Who says what is kept of a name.
#[derive(Clone, Default)]
pub(super) enum Lookup {
    /// Whoever steps: it is told `NeedCredential`, supplies, and steps again.
    #[default]
    Caller,
    Callback(Arc<LookupFn>),
    #[cfg(feature = "store")]
    Store(Store),
}

type LookupFn = dyn Fn(NeedCredential, MadeUp) -> Result<AwaitClientFinal, Rejected> + Send + Sync;

/// Where made-up challenges come from.
#[derive(Clone)]
struct Mock {
    /// As the host set it.
    secret: Option<Arc<MockSecret>>,
    /// As the host set it, where it is another one for tokens.
    token_secret: Option<Arc<MockSecret>>,
    /// Shared by clones, so that all of them make up the same challenges.
    random: Arc<OnceCell<MockSecret>>,
    iterations: u32,
    /// As [`Mechanism::ALL`] goes.
    token_iterations: [u32; Mechanism::ALL.len()],
    salts: MockSalts,
}

impl Default for Mock {
    fn default() -> Self {
        Self {
            secret: None,
            token_secret: None,
            random: Arc::default(),
            iterations: 4096,
            token_iterations: [TOKEN_ITERATIONS; Mechanism::ALL.len()],
            salts: MockSalts::default(),
        }
    }
}

impl ServerConfig {
    /// Lets this function answer lookups, in place of an earlier function or store. It answers a
    /// question by one of its `supply_` functions, or ends the login by
    /// [`reject`](NeedCredential::reject), and may run on several threads at once. For a name that
    /// nobody has it supplies the challenge that was made up, which is there for every name, so that
    /// strangers are not told from others by the time it takes.
    ///
    /// Without function or store a step returns `NeedCredential`, and the caller supplies.
    pub fn set_lookup(
        &mut self,
        lookup: impl Fn(NeedCredential, MadeUp) -> Result<AwaitClientFinal, Rejected>
        + Send
        + Sync
        + 'static,
    ) {
        self.lookup = Lookup::Callback(Arc::new(lookup));
    }

    /// Lets this store answer lookups, in place of an earlier store or function. With implicit
    /// tokens, a name that is a user's in any mechanism is never taken for a token's id; the tokens
    /// of a secret key that was removed are unknown.
    #[cfg(feature = "store")]
    pub fn set_store(&mut self, store: &Store) {
        self.lookup = Lookup::Store(store.clone());
    }

    /// What clients may do beyond the standard.
    pub fn set_policy(&mut self, policy: ServerPolicy) {
        self.policy = policy;
    }

    /// What clients may do beyond the standard.
    pub fn policy(&self) -> ServerPolicy {
        self.policy
    }

    /// The secret from which the salts of made-up challenges come, with the name, the mechanism, and
    /// whether a user or a token was asked for. Give every server of a cluster the same one, best 32
    /// random bytes, and keep it over restarts: a salt that changes shows that the name is unknown.
    /// Unless it is set, a store has one of its own, and without a store it is random for each config.
    ///
    /// # Errors
    ///
    /// `INVALID_ARGUMENT` when it is empty.
    pub fn set_mock_secret(&mut self, secret: &[u8]) -> Result<(), Error> {
        self.mock.secret = Some(Arc::new(MockSecret::new(secret)?));
        Ok(())
    }

    /// A secret of its own for unknown tokens, for servers that salt real ones each by itself.
    ///
    /// # Errors
    ///
    /// `INVALID_ARGUMENT` when it is empty.
    pub fn set_mock_token_secret(&mut self, secret: &[u8]) -> Result<(), Error> {
        self.mock.token_secret = Some(Arc::new(MockSecret::new(secret)?));
        Ok(())
    }

    /// The iteration count of made-up challenges for users: what the listener's users have. 4096
    /// unless set.
    ///
    /// # Errors
    ///
    /// `INVALID_ARGUMENT` for 0.
    pub fn set_mock_iterations(&mut self, iterations: u32) -> Result<(), Error> {
        self.mock.iterations = at_least_one(iterations)?;
        Ok(())
    }

    /// The iteration count of a mechanism's made-up challenges for tokens: what real tokens have. 4096
    /// unless set, as in Kafka.
    ///
    /// # Errors
    ///
    /// `INVALID_ARGUMENT` for 0.
    pub fn set_mock_token_iterations(
        &mut self,
        mechanism: Mechanism,
        iterations: u32,
    ) -> Result<(), Error> {
        let iterations = at_least_one(iterations)?;
        for (of, place) in Mechanism::ALL.into_iter().zip(&mut self.mock.token_iterations) {
            if of == mechanism {
                *place = iterations;
            }
        }
        Ok(())
    }

    /// What made-up salts look like: like the real ones that the lookup gives.
    pub fn set_mock_salts(&mut self, salts: MockSalts) {
        self.mock.salts = salts;
    }

    /// The clock for tokens' expiry and for audit events, in place of the system's.
    pub fn set_clock(&mut self, clock: Clock) {
        self.clock = clock;
    }

    /// Tells this function of each decided login. May run on several threads at once.
    pub fn set_audit(&mut self, told: impl Fn(&Event) + Send + Sync + 'static) {
        self.audit = Audit::new(told);
    }

    /// Whether a login may run code of the host's.
    pub(super) fn calls_back(&self) -> bool {
        matches!(self.lookup, Lookup::Callback(_)) || self.clock.is_hosts() || self.audit.is_heard()
    }

    /// Challenges for unknown names: from the secret that was set, or else the store's own, or else
    /// a random one for as long as the config and its clones live.
    pub(super) fn mock_challenges(
        &self,
        mechanism: Mechanism,
    ) -> Result<MockChallenges<'_>, Error> {
        let Mock { secret, token_secret, random, iterations, token_iterations, salts } = &self.mock;
        let mut mock = match (secret, &self.lookup) {
            (Some(secret), _) => MockChallenges::new(secret, *iterations),
            #[cfg(feature = "store")]
            (None, Lookup::Store(store)) => store.mock_challenges(*iterations),
            (None, Lookup::Caller | Lookup::Callback(_)) => {
                let secret = random.get_or_try_init(|| {
                    let secret = Zeroizing::new(crate::random::bytes::<32>()?);
                    MockSecret::new(secret.as_slice())
                })?;
                MockChallenges::new(secret, *iterations)
            }
        };
        if let Some(secret) = token_secret {
            mock = mock.with_token_secret(secret);
        }
        let mut of_tokens = Mechanism::ALL.into_iter().zip(token_iterations);
        if let Some((_, iterations)) = of_tokens.find(|(of, _)| *of == mechanism) {
            mock = mock.with_token_iterations(*iterations);
        }
        Ok(mock.with_salts(*salts))
    }
}

fn at_least_one(iterations: u32) -> Result<u32, Error> {
    if iterations == 0 {
        return Err(Error::new(Status::INVALID_ARGUMENT, "the iteration count is 0"));
    }
    Ok(iterations)
}
