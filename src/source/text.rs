//! A token as properties, which sources and Kafka's own clients read.

use zeroize::Zeroizing;

use crate::scram::Mechanism;
use crate::token::Token;
use crate::{error::Error, status::Status};

/// Properties that a Kafka client logs in with, below a comment of one line.
///
/// # Errors
///
/// `MALFORMED` for an id that cannot be written into properties.
pub(crate) fn properties(
    comment: &str,
    token: &Token,
    mechanism: Mechanism,
) -> Result<Zeroizing<String>, Error> {
    let hmac = token.hmac.as_ref().map_or("", |hmac| hmac.as_str());
    Ok(Zeroizing::new(format!(
        "# {comment}\n\
         sasl.mechanism={}\n\
         sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required \
         username=\"{}\" password=\"{hmac}\" tokenauth=\"true\";\n",
        mechanism.name(),
        check_plain(&token.id)?,
    )))
}

/// Kafka's ids are base64 for URLs; another could say something else than an id in properties.
fn check_plain(id: &str) -> Result<&str, Error> {
    if id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.')) {
        return Ok(id);
    }
    let text = format!("the token's id {id:?} is none of Kafka's; --output json takes any");
    Err(Error::new(Status::MALFORMED, text))
}
