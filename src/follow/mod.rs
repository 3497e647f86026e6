//! A store that follows a Kafka cluster: its delegation tokens, on this host, within seconds.
//!
//! ```text
//! follower    one look after the other, until it is told to end
//! look        what one look comes to, and whether it is to be believed
//! mirror      what the store has, against what the cluster shows: pure
//! view        what is shown of it, /metrics and others
//! ```

mod follower;
mod look;
mod mirror;
mod view;

pub(crate) use follower::{Connect, Follower, Options, Progress};
