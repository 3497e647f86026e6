//! The authority over the tokens of a store (KIP-48, KIP-373): who makes, renews, expires, describes and
//! sweeps them.
//!
//! ```text
//! manager, describe, sweep   each operation: a decision, then a transaction
//! requests                   who asks for what
//! rules                      the decisions, pure
//! keyring, secret_key        what HMACs and salts are made with
//! ```
//!
//! No clock and no random number is taken here; they come in as arguments. What is foreign, the
//! authorizer, visitors and the audit, runs outside transactions and without a lock.

mod describe;
mod keyring;
mod manager;
mod requests;
mod rules;
mod secret_key;
mod sweep;
#[cfg(test)]
mod tests;

pub use manager::TokenManager;
pub use requests::{NewToken, Question, Requester, TOKEN_ENTROPY, TokenOperation};
