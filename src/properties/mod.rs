//! Java properties files as Kafka's clients read them, and the JAAS line in them.
//!
//! Nothing here opens a file: the bytes come in, and values are zeroed when dropped.

mod file;
mod jaas;
mod security_protocol;

pub(crate) use file::Properties;
pub(crate) use jaas::LoginModule;
pub(crate) use security_protocol::{SecurityProtocol, split_protocol};
