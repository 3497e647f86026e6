//! What the fuzz targets share: the C API made safe, scripts, and SCRAM computed a second time.

pub mod client;
pub mod oracle;
pub mod script;
pub mod server;
