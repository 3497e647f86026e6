//! Whom tokens are asked of: a cluster, or the authority over a store. What they answer is the same.

use core::ops::ControlFlow;

use base64::{Engine, engine::general_purpose::STANDARD};
use zeroize::Zeroizing;

use crate::authority::{NewToken, Requester, TokenManager};
use crate::kafka::Cluster;
use crate::token::{Principal, Token};
use crate::{clock, error::Error, random};

pub(super) enum Authority {
    Cluster(Box<Cluster>),
    Store { manager: TokenManager, requester: Requester },
}

impl Authority {
    pub(super) fn create(
        &mut self,
        owner: Option<&Principal>,
        renewers: &[Principal],
        max_lifetime_ms: i64,
    ) -> Result<Token, Error> {
        match self {
            Self::Cluster(cluster) => cluster.create_token(owner, renewers, max_lifetime_ms),
            Self::Store { manager, requester } => {
                let (owner, renewers) = (owner.cloned(), renewers.to_vec());
                let new = NewToken { owner, renewers, max_lifetime_ms };
                manager.create(requester, &new, clock::now_ms(), random::bytes)
            }
        }
    }

    /// The new expiry.
    pub(super) fn renew(&mut self, hmac: &[u8], period_ms: i64) -> Result<i64, Error> {
        match self {
            Self::Cluster(cluster) => cluster.renew_token(hmac, period_ms),
            Self::Store { manager, requester } => {
                manager.renew(requester, text(hmac).as_bytes(), period_ms, clock::now_ms())
            }
        }
    }

    /// When a token ends for good, as far as this can be learned.
    pub(super) fn max_of(&mut self, hmac: &[u8]) -> Option<i64> {
        match self {
            Self::Cluster(cluster) => cluster.max_of_token(hmac).ok().flatten(),
            Self::Store { manager, .. } => manager.max_of(text(hmac).as_bytes()).ok(),
        }
    }

    /// The new expiry.
    pub(super) fn expire(&mut self, hmac: &[u8], period_ms: i64) -> Result<i64, Error> {
        match self {
            Self::Cluster(cluster) => cluster.expire_token(hmac, period_ms),
            Self::Store { manager, requester } => {
                manager.expire(requester, text(hmac).as_bytes(), period_ms, clock::now_ms())
            }
        }
    }

    pub(super) fn describe(&mut self, owners: &[Principal]) -> Result<Vec<Token>, Error> {
        match self {
            Self::Cluster(cluster) => cluster.describe_tokens(owners),
            Self::Store { manager, requester } => {
                let mut tokens = Vec::new();
                manager.describe(requester, Some(owners), |token| {
                    tokens.push(token);
                    ControlFlow::Continue(())
                })?;
                Ok(tokens)
            }
        }
    }
}

fn text(hmac: &[u8]) -> Zeroizing<String> {
    Zeroizing::new(STANDARD.encode(hmac))
}
