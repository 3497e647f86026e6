//! The C API: one file for each C type, thin over the rooms. The header is generated from here.
#![allow(unsafe_code, reason = "this is a door: every block argues why it is sound")]
#![allow(non_camel_case_types, reason = "the names are C's")]
#![allow(unreachable_pub, reason = "public to C; cbindgen reads what is pub")]

// In the order in which the header reads best.
mod status;
mod callback;
mod clock;
mod key_cache;
mod token;
mod source;
mod client;
mod credential;
mod lookup;
mod store;
mod audit;
mod server_config;
mod verdict;
mod server;
mod derive;
mod token_manager;
mod token_requests;

mod boundary;
mod snapshots;

pub use audit::*;
pub use callback::*;
pub use client::*;
pub use clock::*;
pub use credential::*;
pub use derive::*;
pub use key_cache::*;
pub use lookup::*;
pub use server::*;
pub use server_config::*;
pub use status::*;
pub use store::*;
pub use token::*;
pub use token_manager::*;
pub use token_requests::*;
pub use verdict::*;
