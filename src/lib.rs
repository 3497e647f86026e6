//! SCRAM with Kafka delegation tokens.

mod audit;
mod error;
/// C's door: hidden here, since Rust programs have no use for it but to test and measure it.
#[doc(hidden)]
pub mod ffi;
#[allow(dead_code, unused_imports, reason = "the rooms that read files come next")]
mod properties;
mod random;
mod scram;
mod status;

pub use error::Error;
pub use scram::*;
pub use status::Status;
