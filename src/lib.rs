//! SCRAM with Kafka delegation tokens.

mod audit;
mod error;
mod ffi;
mod random;
mod scram;
mod status;

pub use error::Error;
pub use scram::*;
pub use status::Status;
