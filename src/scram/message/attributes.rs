//! Reading `a=value` pairs off a message, one after the other.

use core::fmt;

use base64::{Engine, engine::general_purpose::STANDARD};

use memchr::{memchr, memrchr};

use super::MAX_MESSAGE;
use crate::scram::keys::{Key, MAX_KEY_LEN};
use crate::scram::mechanism::Mechanism;
use crate::{error::Error, status::Status};

/// Which message is being read; errors begin with it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum MessageName {
    ClientFirst,
    ServerFirst,
    ClientFinal,
    ServerFinal,
}

impl MessageName {
    pub(crate) fn error(self, status: Status, text: impl fmt::Display) -> Error {
        Error::new(status, format!("{self}: {text}"))
    }

    pub(super) fn malformed(self, text: impl fmt::Display) -> Error {
        self.error(Status::MALFORMED, text)
    }

    /// Canonical base64: padded, standard alphabet, no stray bits, nothing else in it.
    pub(super) fn base64(self, attribute: char, text: &str) -> Result<Vec<u8>, Error> {
        STANDARD
            .decode(text)
            .map_err(|_| self.malformed(format_args!("{attribute}= is not canonical base64")))
    }

    /// Base64 of exactly a key's length; another length is an error of `status`.
    pub(super) fn key(
        self,
        mechanism: Mechanism,
        attribute: char,
        text: &str,
        status: Status,
    ) -> Result<Key, Error> {
        // Decoded on the stack where the length can be right: this is a server's hot path.
        let mut buffer = [0; MAX_KEY_LEN + 2];
        let decoded = if text.len() <= MAX_KEY_LEN.div_ceil(3) * 4 {
            STANDARD.decode_slice(text, &mut buffer).ok().and_then(|len| buffer.get(..len))
        } else {
            None
        };
        let too_long;
        let decoded = match decoded {
            Some(decoded) => decoded,
            None => {
                too_long = self.base64(attribute, text)?;
                &too_long
            }
        };
        Key::from_slice(mechanism, decoded).ok_or_else(|| {
            let (is, has) = (decoded.len(), mechanism.key_len());
            self.error(status, format_args!("{attribute}= is {is} bytes long in place of {has}"))
        })
    }
}

impl fmt::Display for MessageName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ClientFirst => "client-first-message",
            Self::ServerFirst => "server-first-message",
            Self::ClientFinal => "client-final-message",
            Self::ServerFinal => "server-final-message",
        })
    }
}

/// The rest of a message that is still to be read.
pub(super) struct Attributes<'a> {
    message: MessageName,
    rest: Option<&'a str>,
}

impl<'a> Attributes<'a> {
    /// Checks what holds for every message: its length, UTF-8, and no NUL.
    pub(super) fn new(message: MessageName, bytes: &'a [u8]) -> Result<Self, Error> {
        check_length(message, bytes.len())?;
        let text = str::from_utf8(bytes).map_err(|error| {
            message.malformed(format_args!("not UTF-8 at byte {}", error.valid_up_to()))
        })?;
        if text.is_empty() {
            return Err(message.malformed("it is empty"));
        }
        if memchr(0, bytes).is_some() {
            return Err(message.malformed("it holds a NUL"));
        }
        Ok(Self { message, rest: Some(text) })
    }

    pub(super) fn message(&self) -> MessageName {
        self.message
    }

    /// All that is left, commas included; None after the last field.
    pub(super) fn rest(&self) -> Option<&'a str> {
        self.rest
    }

    /// The next field, which ends at a comma or with the message.
    pub(super) fn field(&mut self) -> Option<&'a str> {
        let text = self.rest?;
        let comma = memchr(b',', text.as_bytes());
        self.rest = comma.and_then(|comma| text.get(comma + 1..));
        comma.map_or(Some(text), |comma| text.get(..comma))
    }

    /// The value of the next field, which must be of this attribute.
    pub(super) fn value(&mut self, attribute: char) -> Result<&'a str, Error> {
        let message = self.message;
        let field = self
            .field()
            .ok_or_else(|| message.malformed(format_args!("{attribute}= is missing")))?;
        if field.starts_with("m=") {
            return Err(refused_mandatory_extension(message));
        }
        field.strip_prefix(attribute).and_then(|value| value.strip_prefix('=')).ok_or_else(|| {
            message.malformed(format_args!("{attribute}= is missing where it has to stand"))
        })
    }

    /// Takes off the last field, where it is of this attribute: all before it, and its value.
    pub(super) fn split_last(&mut self, attribute: char) -> (&'a str, Option<&'a str>) {
        let rest = self.rest.unwrap_or_default();
        let value = memrchr(b',', rest.as_bytes()).and_then(|comma| {
            let (before, last) = (rest.get(..comma)?, rest.get(comma + 1..)?);
            let value = last.strip_prefix(attribute)?.strip_prefix('=')?;
            self.rest = Some(before);
            Some((before, Some(value)))
        });
        value.unwrap_or((rest, None))
    }

    /// The value of `r=`: printable ASCII, at least one character.
    pub(super) fn nonce(&mut self) -> Result<&'a str, Error> {
        let nonce = self.value('r')?;
        if nonce.is_empty() {
            return Err(self.message.malformed("r= is empty"));
        }
        // To the end in any case, which is quicker than to stop at the first.
        if !nonce.bytes().fold(true, |all, byte| all & is_printable(byte)) {
            return Err(self.message.malformed("r= holds a character that is not printable ASCII"));
        }
        Ok(nonce)
    }
}

pub(crate) fn check_length(message: MessageName, len: usize) -> Result<(), Error> {
    if len > MAX_MESSAGE {
        return Err(message
            .error(Status::TOO_LONG, format_args!("{len} bytes, and {MAX_MESSAGE} is the most")));
    }
    Ok(())
}

/// `m=` announces an extension that must be understood, and there is none (RFC 5802, section 5.1).
pub(super) fn refused_mandatory_extension(message: MessageName) -> Error {
    message.error(Status::EXTENSION, "m= asks for an extension that is not supported")
}

/// RFC 5802's printable: visible ASCII without the comma.
pub(crate) fn is_printable(byte: u8) -> bool {
    byte.is_ascii_graphic() && byte != b','
}
