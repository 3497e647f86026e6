//! server-final-message: `v=signature`, or `e=reason`.

use super::attributes::{Attributes, MessageName};
use super::{Extensions, Out};
use crate::scram::keys::Key;
use crate::scram::mechanism::Mechanism;
use crate::{error::Error, status::Status};

/// What a successful server says last: its signature over the whole login.
#[derive(Clone, Debug)]
pub(crate) struct ServerFinal<'a> {
    pub(crate) signature: Key,
    pub(crate) extensions: Extensions<'a>,
}

impl<'a> ServerFinal<'a> {
    /// # Errors
    ///
    /// `SERVER_REFUSED` when the server says `e=`.
    pub(crate) fn parse(message: &'a [u8], mechanism: Mechanism) -> Result<Self, Error> {
        let name = MessageName::ServerFinal;
        refusal(name, message)?;
        let mut attributes = Attributes::new(name, message)?;
        let signature =
            name.key(mechanism, 'v', attributes.value('v')?, Status::SERVER_SIGNATURE)?;
        let extensions = Extensions::parse(&attributes)?;
        Ok(Self { signature, extensions })
    }

    pub(crate) fn write(&self, out: &mut impl Out) {
        out.put(b"v=");
        out.put_base64(self.signature.as_bytes());
        self.extensions.write(out);
    }
}

/// Whether a server's message is `e=`, which some send in place of the challenge already.
pub(crate) fn refusal(name: MessageName, message: &[u8]) -> Result<(), Error> {
    if !message.starts_with(b"e=") {
        return Ok(());
    }
    let mut attributes = Attributes::new(name, message)?;
    let value = attributes.value('e')?;
    if value.is_empty() {
        return Err(name.malformed("e= is empty"));
    }
    Extensions::parse(&attributes)?;
    let value: String = value.escape_debug().take(REFUSAL_SHOWN).collect();
    Err(name.error(Status::SERVER_REFUSED, format_args!("the server refuses the login: e={value}")))
}

/// How much of a foreign `e=` is worth showing, in characters.
const REFUSAL_SHOWN: usize = 128;
