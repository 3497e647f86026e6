//! What commands that stay have in common: pages over HTTP, Prometheus's text, a log, systemd, and
//! patience.

pub(crate) mod duration;
mod http;
mod log;
mod metrics;
mod retry;
mod steady;
mod systemd;

pub(crate) use http::{JSON, METRICS, OK, Page, TEXT, UNAVAILABLE, serve};
pub(crate) use log::{Log, LogFormat};
pub(crate) use metrics::{Metrics, seconds};
pub(crate) use retry::Retry;
pub(crate) use steady::steady_ms;
pub(crate) use systemd::Systemd;
