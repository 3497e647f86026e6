//! One login: SCRAM of RFC 5802 and RFC 7677, with Kafka's delegation tokens (KIP-48).
//!
//! Sans-I/O: no file, socket, clock or random number generator is used here; what they would give
//! comes in as an argument.

mod blocks;
mod client;
mod compression;
mod credential;
mod hi;
mod key_cache;
mod keys;
mod lanes;
mod mechanism;
mod message;
mod mock;
mod nonce;
mod salt;
mod server;
mod signatures;
mod stack;

pub use client::{
    Authzid, AwaitServerFinal, AwaitServerFirst, ClientCredential, ClientLogin, IterationLimits,
};
pub(crate) use client::{ITERATIONS, cancelled};
pub use credential::{Credential, MAX_SALT_LEN, StoredKeys};
pub(crate) use hi::salted_password;
pub use key_cache::KeyCache;
pub use keys::Cancel;
pub(crate) use keys::hmac;
pub use mechanism::Mechanism;
pub use message::MAX_MESSAGE;
pub(crate) use message::check_name;
#[cfg(fuzzing)]
pub use message::fuzzing;
pub(crate) use mock::{Decoy, SALT_LEN, TOKEN_ITERATIONS};
pub use mock::{MadeUp, MockChallenges, MockSalts, MockSecret};
pub use nonce::{NONCE_ENTROPY, Nonce};
#[cfg(feature = "cli")]
pub(crate) use salt::{BASE36_RANDOM, base36};
pub(crate) use server::NEVER;
pub use server::{
    Authenticated, AwaitClientFinal, AwaitClientFirst, IdentityKind, NeedCredential, Rejected,
    ServerPolicy,
};
