//! server-first-message: `r=nonce,s=salt,i=iterations`, the challenge.

use std::borrow::Cow;
use std::io::Write;

use super::Extensions;
use super::attributes::{Attributes, MessageName, push_base64};
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

    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        for part in ["r=", self.client_nonce, self.server_nonce, ",s="] {
            out.extend_from_slice(part.as_bytes());
        }
        push_base64(&self.salt, out);
        // Writing to a Vec cannot fail.
        let _ = write!(out, ",i={}", self.iterations);
        self.extensions.write(out);
    }
}

fn parse_iterations(text: &str) -> Result<u32, Error> {
    let message = MessageName::ServerFirst;
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) || text.starts_with('0') {
        return Err(message.malformed("i= is not a positive number without leading zeros"));
    }
    text.parse()
        .map_err(|_| message.error(Status::ITERATIONS, "i= is far beyond any accepted count"))
}
