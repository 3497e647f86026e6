//! What the fuzz targets share: the C API, scripts, and SCRAM computed a second time.

#[path = "../../harness/abi.rs"]
pub mod abi;
pub mod accounts;
pub mod oracle;
pub mod script;
