//! Delegation tokens (KIP-48, KIP-373): what there is to know of one, and the authority that makes
//! them, over a store.
//!
//! ```text
//! manager, describe, sweep   each operation: a decision, then a transaction
//! rules                      the decisions, pure
//! keyring, secret_key        what HMACs and salts are made with
//! principal, token           who and what
//! ```
//!
//! No clock and no random number is taken here; they come in as arguments. What is foreign, the
//! authorizer, visitors and the audit, runs outside transactions and without a lock.

#[cfg(feature = "store")]
mod describe;
#[cfg(feature = "store")]
mod keyring;
#[cfg(feature = "store")]
mod manager;
mod principal;
#[cfg(feature = "store")]
mod requests;
#[cfg(feature = "store")]
mod rules;
#[cfg(feature = "store")]
mod secret_key;
#[cfg(feature = "store")]
mod sweep;
#[cfg(feature = "store")]
#[cfg(test)]
mod tests;
#[expect(clippy::module_inception, reason = "the file is about one thing: the token")]
mod token;

#[cfg(feature = "store")]
pub use manager::TokenManager;
pub use principal::Principal;
#[cfg(feature = "store")]
pub use requests::{NewToken, Question, Requester, TOKEN_ENTROPY, TokenOperation};
pub use token::Token;
