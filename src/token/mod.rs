//! What a delegation token is (KIP-48, KIP-373), wherever it comes from: a file, a cluster or a store.
//!
//! Who makes tokens is in [`authority`](crate::authority).

mod principal;
#[expect(clippy::module_inception, reason = "the file is about one thing: the token")]
mod token;

pub use principal::Principal;
pub use token::Token;
