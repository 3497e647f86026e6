//! PLAIN (RFC 4616).

use zeroize::Zeroizing;

use super::Exchange;
use super::Failure;

#[derive(Clone)]
pub(super) struct Plain {
    pub(super) password: Zeroizing<String>,
}

impl Plain {
    /// The session's lifetime in ms.
    pub(super) fn log_in(&self, name: &str, exchange: &mut Exchange<'_>) -> Result<i64, Failure> {
        exchange.secrets.push(self.password.clone());
        let message = Zeroizing::new(format!("\0{name}\0{}", self.password.as_str()));
        Ok(exchange.authenticate(message.as_bytes())?.1)
    }
}
