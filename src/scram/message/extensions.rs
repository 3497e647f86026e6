//! Optional extensions at the end of a message: `name=value`, each at most once.

use super::attributes::{Attributes, refused_mandatory_extension};
use super::{MessageName, Out};
use crate::{error::Error, status::Status};

/// The extensions of one message as they were written, checked; the text may be empty.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Extensions<'a>(&'a str);

/// What Kafka's clients send to say that the name is a delegation token's id (KIP-48). Kafka
/// rebuilds this text from what it parsed, so no other spelling survives there.
const TOKENAUTH: &str = "tokenauth";

impl Extensions<'static> {
    /// `tokenauth=true`.
    pub(crate) const TOKEN: Self = Self("tokenauth=true");
}

impl<'a> Extensions<'a> {
    /// Checks all that is left of a message.
    pub(super) fn parse(attributes: &Attributes<'a>) -> Result<Self, Error> {
        let Some(text) = attributes.rest() else { return Ok(Self("")) };
        let message = attributes.message();
        for field in text.split(',') {
            check_extension(message, field)?;
        }
        if text.contains(',') {
            let mut names: Vec<&str> = pairs(text).map(|(name, _)| name).collect();
            names.sort_unstable();
            if let Some(name) = names.windows(2).find_map(|w| match w {
                [a, b] if a == b => Some(a),
                _ => None,
            }) {
                let name: String = name.chars().take(32).collect();
                let text = format!("the extension {name}= is given twice");
                return Err(message.error(Status::EXTENSION, text));
            }
        }
        Ok(Self(text))
    }

    /// Whether the client says that its name is a token's id. The name of the extension is exact,
    /// its value is read without regard to case, as Kafka does.
    pub(crate) fn tokenauth(self) -> bool {
        pairs(self.0).any(|(name, value)| name == TOKENAUTH && value.eq_ignore_ascii_case("true"))
    }

    /// How many bytes [`write`](Self::write) writes.
    pub(crate) fn written_len(self) -> usize {
        self.0.len() + usize::from(!self.0.is_empty())
    }

    /// Writes the extensions with the comma before them.
    pub(super) fn write(self, out: &mut impl Out) {
        if !self.0.is_empty() {
            out.put(b",");
            out.put(self.0.as_bytes());
        }
    }
}

fn pairs(text: &str) -> impl Iterator<Item = (&str, &str)> {
    text.split(',').filter_map(|field| field.split_once('='))
}

fn check_extension(message: MessageName, field: &str) -> Result<(), Error> {
    let Some((name, value)) = field.split_once('=') else {
        return Err(message.malformed("a field after the last attribute is not name=value"));
    };
    if name == "m" {
        return Err(refused_mandatory_extension(message));
    }
    if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphabetic()) {
        return Err(message.malformed("the name of an extension is not made of ASCII letters"));
    }
    if matches!(name, "a" | "c" | "e" | "i" | "n" | "p" | "r" | "s" | "v") {
        return Err(message.malformed(format_args!("{name}= stands where it may not")));
    }
    if value.is_empty() {
        let name: String = name.chars().take(32).collect();
        return Err(message.malformed(format_args!("the extension {name}= is empty")));
    }
    Ok(())
}
