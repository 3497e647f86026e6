//! How files are read and written: never waiting for one, never more of one than was bargained for,
//! and secrets only where nobody else can get at them.
//!
//! [`read_secret`] is for files that hold a secret, [`read_public`] for those that hold none. A
//! [`SecretFile`] is checked when it is made and written later, so that whatever can be refused is
//! refused before a cluster is asked for something that could then not be kept.

mod leftovers;
mod mount;
mod open;
mod place;
mod public;
mod secret;
mod temporary;
mod write;

pub(crate) use leftovers::{remove_at_signals, remove_now};
pub(crate) use mount::{Directory, Generation};
pub(crate) use public::read_public;
pub(crate) use secret::{Secret, open_secret, read_secret, read_shared_secret};
pub(crate) use temporary::TemporaryDirectory;
pub use write::write_secret_file;
pub(crate) use write::{Access, SecretFile, Swap};
