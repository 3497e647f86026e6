//! The four messages of RFC 5802, section 7: bytes are parsed into types, and only those are used.
//!
//! Parsing borrows from the message and serialising writes it back unchanged.

mod attributes;
mod client_final;
mod client_first;
mod extensions;
mod gs2;
mod name;
mod server_final;
mod server_first;

pub(crate) use attributes::{MessageName, check_length, is_printable};
pub(crate) use client_final::{ClientFinal, ClientFinalWithoutProof, write_proof};
pub(crate) use client_first::{ClientFirst, claimed_name};
pub(crate) use extensions::Extensions;
pub(crate) use gs2::{ChannelBinding, Gs2Header};
pub(crate) use name::check_name;
pub(crate) use server_final::{ServerFinal, refusal};
pub(crate) use server_first::ServerFirst;

/// The longest message, in bytes, that is read or written.
pub const MAX_MESSAGE: usize = 4096;
