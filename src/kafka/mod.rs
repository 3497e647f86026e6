//! The few requests of Kafka's protocol that we speak ourselves, over TCP and TLS.
//!
//! Blocking, one request at a time, every wait with an end. [`Config`] reads the properties of
//! Kafka's own tools, [`Cluster`] is what a caller asks; `tokens` and `scram_users` are its
//! requests. A broker is not trusted: what it sends is bounded and checked before it is decoded.

mod address;
mod apis;
mod cluster;
mod config;
mod config_file;
mod connection;
mod deadline;
mod error_code;
mod failure;
mod frame;
mod inspect;
mod list;
mod login;
mod probe;
mod property;
mod scram_users;
mod shape;
mod stream;
mod tls;
mod tokens;
mod untrusted;

pub(crate) use address::Address;
pub(crate) use cluster::{Broker, Cluster, Identity};
pub(crate) use config::Config;
pub(crate) use connection::Connection;
pub(crate) use inspect::{offered_mechanisms, reach, shake_hands, shown_certificates};
pub(crate) use login::{Login, end_process, is_waiting_for_kdc};
pub(crate) use scram_users::{ScramAlteration, ScramUser};
pub(crate) use untrusted::escape;
