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
//! Neither the clock nor random numbers are read here: they come in as arguments. The host's code (its
//! authorizer, visitors and audit) runs outside of transactions, while no lock is held.

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
