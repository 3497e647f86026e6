//! Nonces: the random part that each side adds to a login.

use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};

use super::message::is_printable;
use crate::{error::Error, status::Status};

/// How many random bytes a nonce is made from; 24 give 32 characters.
pub const NONCE_ENTROPY: usize = 24;

/// One side's own nonce: printable ASCII without a comma (RFC 5802, section 7), not empty.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Nonce(NonceText);

#[derive(Clone, PartialEq, Eq, Debug)]
enum NonceText {
    Random([u8; NONCE_TEXT]),
    Chosen(Box<str>),
}

const NONCE_TEXT: usize = NONCE_ENTROPY / 3 * 4;

impl Nonce {
    /// The nonce that these random bytes make. They must come from the system's generator at each
    /// login, so that forked processes never repeat one.
    pub fn from_random(random: [u8; NONCE_ENTROPY]) -> Self {
        let mut text = [b'A'; NONCE_TEXT];
        let written = STANDARD_NO_PAD.encode_slice(random, &mut text);
        debug_assert_eq!(written, Ok(NONCE_TEXT));
        Self(NonceText::Random(text))
    }

    /// A chosen nonce, for tests that replay a known transcript.
    ///
    /// # Errors
    ///
    /// `INVALID_ARGUMENT` when it is empty or holds anything but printable ASCII without a comma.
    pub fn from_text(text: &[u8]) -> Result<Self, Error> {
        match str::from_utf8(text) {
            Ok(text) if !text.is_empty() && text.bytes().all(is_printable) => {
                Ok(Self(NonceText::Chosen(text.into())))
            }
            _ => Err(Error::new(
                Status::INVALID_ARGUMENT,
                "a nonce is printable ASCII without a comma, at least one character",
            )),
        }
    }

    /// The text that travels in `r=`.
    pub fn as_str(&self) -> &str {
        match &self.0 {
            NonceText::Random(text) => str::from_utf8(text).unwrap_or_default(),
            NonceText::Chosen(text) => text,
        }
    }
}
