//! Delegation tokens (KIP-48, KIP-373).

#[expect(clippy::module_inception, reason = "the file is about one thing: the token")]
mod token;

pub use token::Token;
