//! `saslname`: how a name is written between commas (RFC 5802, section 5.1, `n=` and `a=`).

use std::borrow::Cow;

use memchr::memchr;

use super::{MessageName, Out};
use crate::{error::Error, status::Status};

/// Reads a saslname: `=2C` stands for a comma, `=3D` for an equals sign, no other `=` may be there.
pub(super) fn decode_name(
    message: MessageName,
    attribute: char,
    text: &str,
) -> Result<Cow<'_, str>, Error> {
    if text.is_empty() {
        return Err(message.malformed(format_args!("{attribute}= is empty")));
    }
    if memchr(b'=', text.as_bytes()).is_none() {
        return Ok(Cow::Borrowed(text));
    }
    let mut parts = text.split('=');
    let first = parts.next().unwrap_or_default();
    let mut name = String::with_capacity(text.len());
    name.push_str(first);
    for part in parts {
        let (character, rest) = if let Some(rest) = part.strip_prefix("2C") {
            (',', rest)
        } else if let Some(rest) = part.strip_prefix("3D") {
            ('=', rest)
        } else {
            return Err(message.malformed(format_args!(
                "{attribute}= has an equals sign that begins neither =2C nor =3D"
            )));
        };
        name.push(character);
        name.push_str(rest);
    }
    Ok(Cow::Owned(name))
}

/// Writes a name as saslname.
pub(super) fn encode_name(name: &str, out: &mut impl Out) {
    for part in name.split_inclusive([',', '=']) {
        let (plain, escape) = if let Some(plain) = part.strip_suffix(',') {
            (plain, "=2C")
        } else if let Some(plain) = part.strip_suffix('=') {
            (plain, "=3D")
        } else {
            (part, "")
        };
        out.put(plain.as_bytes());
        out.put(escape.as_bytes());
    }
}

/// Takes a name from a caller: UTF-8, not empty, no NUL. `what` begins the error's text.
pub(crate) fn check_name<'a>(what: &str, name: &'a [u8]) -> Result<&'a str, Error> {
    let refuse = |why: &str| Err(Error::new(Status::INVALID_ARGUMENT, format!("the {what} {why}")));
    match str::from_utf8(name) {
        Err(_) => refuse("is not UTF-8"),
        Ok("") => refuse("is empty"),
        Ok(name) if name.contains('\0') => refuse("holds a NUL"),
        Ok(name) => Ok(name),
    }
}
