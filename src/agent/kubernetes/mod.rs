//! Secrets of Kubernetes, through its API server: `place` says where they are, `client` asks, and
//! `refusal` says what an answer means to whoever set it up.

mod client;
mod place;
mod refusal;

pub(super) use self::client::{Stored, apply, read};
pub(super) use self::place::{Given, Secret, check_key, check_namespace, check_server};
pub(super) use self::refusal::{Kind, Refusal};

/// The field manager of the journal; those of tokens' keys have the token's name behind it.
pub(super) const MANAGER: &str = "scramtoken-agent";
