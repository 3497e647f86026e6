//! What the fuzz targets share: the C API, scripts, and SCRAM computed a second time.

#[path = "../../tests/abi/mod.rs"]
pub mod abi;
pub mod accounts;
pub mod oracle;
pub mod script;
