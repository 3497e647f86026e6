//! Who asks for what.

use crate::token::Principal;
use crate::{error::Error, status::Status};

/// How many random bytes a token's id is made of.
pub const TOKEN_ENTROPY: usize = 16;

/// Who asks, and how it logged in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Requester {
    /// Whom the login acts as.
    pub principal: Principal,
    /// Whether it logged in with a token: such a login manages no tokens.
    pub by_token: bool,
}

impl Requester {
    /// A principal that has logged in otherwise than with a token.
    pub fn new(principal: Principal) -> Self {
        Self { principal, by_token: false }
    }

    /// # Errors
    ///
    /// `TOKEN_REQUEST_NOT_ALLOWED`.
    pub(super) fn check_login(&self) -> Result<(), Error> {
        if self.by_token {
            let text = "a token login may not create, renew, expire or describe tokens";
            return Err(Error::new(Status::TOKEN_REQUEST_NOT_ALLOWED, text));
        }
        Ok(())
    }
}

/// What a new token is to be.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct NewToken {
    /// Whom its logins act as; None is the requester. Another is for the authorizer to allow
    /// (KIP-373).
    pub owner: Option<Principal>,
    /// Who may renew it besides the owner: principals of the type `User`.
    pub renewers: Vec<Principal>,
    /// For how long it can be renewed, in ms, and not longer than the manager's own maximum, which
    /// is what 0 and less stand for.
    pub max_lifetime_ms: i64,
}

/// What an authorizer is asked: may `requester` do this to a token of `owner`?
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Question<'a> {
    /// Who asks, such as `User:alice`.
    pub requester: &'a str,
    /// What for.
    pub operation: TokenOperation<'a>,
    /// Whose token it is or would be, such as `User:bob`; never the requester.
    pub owner: &'a str,
}

/// What an authorizer decides about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TokenOperation<'a> {
    /// Kafka's CREATE_TOKENS on a user.
    Create,
    /// Kafka's DESCRIBE_TOKENS on a user, or DESCRIBE on the token.
    Describe {
        /// The token's id.
        token_id: &'a str,
    },
}
