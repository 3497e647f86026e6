//! SCRAM with Kafka delegation tokens.

mod error;
mod scram;
mod status;

pub use error::Error;
pub use scram::*;
pub use status::Status;
