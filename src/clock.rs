//! What time it is: by the system, or by the host.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

/// A clock that objects share; the system's unless the host has given one.
#[derive(Clone, Default)]
pub struct Clock(Option<Arc<dyn Fn() -> i64 + Send + Sync>>);

impl Clock {
    /// The host's: milliseconds since 1970-01-01T00:00:00Z. May run on several threads at once.
    pub fn new(now_ms: impl Fn() -> i64 + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(now_ms)))
    }

    /// Whether it is the host's, which may do anything when it is asked.
    pub(crate) fn is_hosts(&self) -> bool {
        self.0.is_some()
    }

    pub(crate) fn now_ms(&self) -> i64 {
        self.0.as_ref().map_or_else(now_ms, |clock| clock())
    }
}

/// The system's time: milliseconds since 1970-01-01T00:00:00Z.
pub(crate) fn now_ms() -> i64 {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since_1970.as_millis()).unwrap_or(i64::MAX)
}
