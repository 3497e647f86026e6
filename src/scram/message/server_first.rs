//! server-first-message: `r=nonce,s=salt,i=iterations`, the challenge.

use std::borrow::Cow;

use super::attributes::{Attributes, MessageName};
use super::{Extensions, Out};
use crate::{error::Error, status::Status};

#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct ServerFirst<'a> {
    pub(crate) client_nonce: &'a str,
    pub(crate) server_nonce: &'a str,
    pub(crate) salt: Cow<'a, [u8]>,
    pub(crate) iterations: u32,
    pub(crate) extensions: Extensions<'a>,
}

impl<'a> ServerFirst<'a> {
    /// Only the client nonce that was sent tells where the server's own part begins.
    pub(crate) fn parse(message: &'a [u8], client_nonce: &str) -> Result<Self, Error> {
        let name = MessageName::ServerFirst;
        let mut attributes = Attributes::new(name, message)?;
        let nonce = attributes.nonce()?;
        let salt = name.base64('s', attributes.value('s')?)?;
        if salt.is_empty() {
            return Err(name.malformed("s= is empty"));
        }
        let iterations = parse_iterations(attributes.value('i')?)?;
        let extensions = Extensions::parse(&attributes)?;
        let Some(server_nonce) = nonce.strip_prefix(client_nonce) else {
            return Err(name.error(Status::NONCE, "r= does not begin with the nonce that was sent"));
        };
        if server_nonce.is_empty() {
            return Err(name.error(Status::NONCE, "r= adds nothing to the nonce that was sent"));
        }
        let client_nonce = nonce.get(..client_nonce.len()).unwrap_or_default();
        Ok(Self { client_nonce, server_nonce, salt: Cow::Owned(salt), iterations, extensions })
    }

    #[cfg(any(test, fuzzing))]
    pub(crate) fn write(&self, out: &mut impl Out) {
        begin_server_first(self.client_nonce, self.server_nonce, out);
        end_server_first(&self.salt, self.iterations, out);
        self.extensions.write(out);
    }
}

/// Writes the message up to its nonce.
pub(crate) fn begin_server_first(client_nonce: &str, server_nonce: &str, out: &mut impl Out) {
    for part in ["r=", client_nonce, server_nonce] {
        out.put(part.as_bytes());
    }
}

/// Writes the rest of a message that has no extensions.
pub(crate) fn end_server_first(salt: &[u8], iterations: u32, out: &mut impl Out) {
    out.put(b",s=");
    out.put_base64(salt);
    out.put(b",i=");
    out.put_number(iterations);
}

fn parse_iterations(text: &str) -> Result<u32, Error> {
    let message = MessageName::ServerFirst;
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) || text.starts_with('0') {
        return Err(message.malformed("i= is not a positive number without leading zeros"));
    }
    text.parse()
        .map_err(|_| message.error(Status::ITERATIONS, "i= is far beyond any accepted count"))
}
