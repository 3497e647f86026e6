//! The JSON object of a token or a password file.

use core::fmt;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use serde::Deserializer;
use serde::de::{MapAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::error::Category;
use serde_json::value::RawValue;
use zeroize::Zeroizing;

use super::credential::{CurrentCredential, Field, corrupt, password, token};
use crate::error::Error;
use crate::scram::Mechanism;
use crate::token::Token;

/// Parses `{"token_id": .., "hmac": ..}` with what else may be known of a token, or
/// `{"username": .., "password": ..}`. Other keys are left to those who know them.
pub(super) fn parse(text: &str) -> Result<CurrentCredential, Error> {
    let object = Object::parse(text)?;
    match object.kind()? {
        Kind::Token => {
            let (id, hmac) = (object.secret("token_id")?, object.secret("hmac")?);
            let mut token = token(field("\"token_id\"", &id), field("\"hmac\"", &hmac))?;
            token.owner = object.text("owner")?;
            token.issue_ms = object.time("issue_timestamp_ms")?;
            token.expiry_ms = object.time("expiry_timestamp_ms")?;
            token.max_ms = object.time("max_timestamp_ms")?;
            if let Some(name) = object.text("mechanism")? {
                Mechanism::from_name(&name)
                    .map_err(|error| corrupt(format!("\"mechanism\": {error}")))?;
            }
            Ok(CurrentCredential::Token(token))
        }
        Kind::Password => {
            let (name, secret) = (object.secret("username")?, object.secret("password")?);
            password(field("\"username\"", &name), field("\"password\"", &secret))
        }
    }
}

/// Parses `{"username": .., "password": ..}`.
pub(crate) fn username_and_password(
    text: &str,
) -> Result<(Zeroizing<String>, Zeroizing<String>), Error> {
    let object = Object::parse(text)?;
    Ok((object.secret("username")?, object.secret("password")?))
}

/// The keys that are read here.
const KEYS: [&str; 9] = [
    "token_id",
    "hmac",
    "owner",
    "mechanism",
    "issue_timestamp_ms",
    "expiry_timestamp_ms",
    "max_timestamp_ms",
    "username",
    "password",
];

/// A token as a token file, for logins by `mechanism`.
pub(crate) struct TokenFile<'a>(pub(crate) &'a Token, pub(crate) Mechanism);

impl Serialize for TokenFile<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(token, mechanism) = self;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("token_id", &token.id)?;
        map.serialize_entry("hmac", token.hmac_text())?;
        map.serialize_entry("owner", &token.owner)?;
        map.serialize_entry("mechanism", mechanism.name())?;
        map.serialize_entry("issue_timestamp_ms", &token.issue_ms)?;
        map.serialize_entry("expiry_timestamp_ms", &token.expiry_ms)?;
        map.serialize_entry("max_timestamp_ms", &token.max_ms)?;
        map.end()
    }
}

/// What a token file holds, known to us or not, for its expiry to be changed.
pub(crate) struct ReadTokenFile<'a>(Object<'a>);

impl<'a> ReadTokenFile<'a> {
    /// # Errors
    ///
    /// `CORRUPT` for no JSON object, and one without an HMAC.
    pub(crate) fn parse(text: &'a str) -> Result<(Self, Zeroizing<String>), Error> {
        let object = Object::parse(text)?;
        let hmac = object.secret("hmac")?;
        Ok((Self(object), hmac))
    }

    /// When the token ends for good, where the file says so.
    pub(crate) fn max_ms(&self) -> Option<i64> {
        self.0.time("max_timestamp_ms").ok().flatten()
    }

    /// The same but for this expiry.
    pub(crate) fn with_expiry(self, expiry_ms: i64) -> Result<Zeroizing<String>, Error> {
        let expiry = expiry_ms.to_string();
        let expiry = serde_json::from_str(&expiry).map_err(|_| corrupt("the expiry is no JSON"))?;
        let mut values = self.0.values;
        values.insert("expiry_timestamp_ms".to_owned(), expiry);
        Ok(crate::json::text(&values))
    }
}

enum Kind {
    Token,
    Password,
}

/// Keys and their values, which stay JSON text where the caller has it: serde's own errors would
/// quote them, and its buffers are not zeroed.
#[derive(Default)]
struct Object<'a> {
    values: BTreeMap<String, &'a RawValue>,
    doubled: Option<String>,
}

impl<'a> Object<'a> {
    fn parse(text: &'a str) -> Result<Self, Error> {
        let mut json = serde_json::Deserializer::from_str(text);
        let object = json.deserialize_map(ObjectVisitor).and_then(|object| {
            json.end()?;
            Ok(object)
        });
        let object = object.map_err(|error| match error.classify() {
            Category::Data => corrupt("it is not a JSON object"),
            Category::Eof => corrupt("it is not whole: the JSON object does not end"),
            Category::Syntax | Category::Io => corrupt(format!(
                "it is not JSON (line {}, column {})",
                error.line(),
                error.column()
            )),
        })?;
        match object.doubled.as_deref() {
            None => Ok(object),
            Some(key) if KEYS.contains(&key) => Err(corrupt(format!("{key:?} is there twice"))),
            // It may be anything, a secret too.
            Some(_) => Err(corrupt("a key is there twice")),
        }
    }

    fn kind(&self) -> Result<Kind, Error> {
        let has = |key| self.values.contains_key(key);
        match (has("token_id") || has("hmac"), has("username") || has("password")) {
            (true, false) => Ok(Kind::Token),
            (false, true) => Ok(Kind::Password),
            (true, true) => Err(corrupt(
                "it has keys of a token (\"token_id\", \"hmac\") and of a password (\"username\", \
                 \"password\"): keep one of the two",
            )),
            (false, false) => Err(corrupt(
                "it has neither \"token_id\" and \"hmac\" nor \"username\" and \"password\"",
            )),
        }
    }

    fn raw(&self, key: &str) -> Option<&'a str> {
        self.values.get(key).map(|raw| raw.get())
    }

    /// The text of a key that must be there.
    fn secret(&self, key: &str) -> Result<Zeroizing<String>, Error> {
        let raw = self.raw(key).ok_or_else(|| corrupt(format!("{key:?} is missing")))?;
        unquote(raw).ok_or_else(|| corrupt(format!("{key:?} is not a string")))
    }

    /// The text of a key that may be missing or null.
    fn text(&self, key: &str) -> Result<Option<String>, Error> {
        match self.raw(key) {
            None | Some("null") => Ok(None),
            Some(raw) => match unquote(raw) {
                Some(text) if text.is_empty() => Err(corrupt(format!("{key:?} is empty"))),
                Some(text) if text.contains('\0') => Err(corrupt(format!("{key:?} holds a NUL"))),
                Some(text) => Ok(Some(text.as_str().to_owned())),
                None => Err(corrupt(format!("{key:?} is not a string"))),
            },
        }
    }

    /// The time of a key that may be missing, null or -1, which Kafka writes for none.
    fn time(&self, key: &str) -> Result<Option<i64>, Error> {
        match self.raw(key) {
            None | Some("null" | "-1") => Ok(None),
            Some(raw) => match raw.parse() {
                Ok(time) if time >= 0 => Ok(Some(time)),
                _ => Err(corrupt(format!("{key:?} is no time in whole milliseconds since 1970"))),
            },
        }
    }
}

struct ObjectVisitor;

impl<'de> Visitor<'de> for ObjectVisitor {
    type Value = Object<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object<'de>, A::Error> {
        let mut object = Object::default();
        while let Some((key, value)) = map.next_entry::<String, &RawValue>()? {
            match object.values.entry(key) {
                Entry::Vacant(entry) => drop(entry.insert(value)),
                Entry::Occupied(entry) => object.doubled = Some(entry.key().clone()),
            }
        }
        Ok(object)
    }
}

fn field<'a>(name: &'a str, value: &'a Zeroizing<String>) -> Field<'a> {
    Field { name, value: value.as_bytes() }
}

/// The text of a JSON string, whose syntax has been checked; None for another value, and for half
/// a character (a lone surrogate).
fn unquote(raw: &str) -> Option<Zeroizing<String>> {
    let mut rest = raw.strip_prefix('"')?.strip_suffix('"')?;
    let mut text = Zeroizing::new(String::with_capacity(rest.len()));
    while let Some((before, escape)) = rest.split_once('\\') {
        text.push_str(before);
        let mut characters = escape.chars();
        text.push(match characters.next()? {
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'u' => {
                let (character, after) = unicode_escape(characters.as_str())?;
                characters = after.chars();
                character
            }
            other => other,
        });
        rest = characters.as_str();
    }
    text.push_str(rest);
    Some(text)
}

/// The character of `XXXX`, or of `XXXX\uXXXX`, and what follows it.
fn unicode_escape(text: &str) -> Option<(char, &str)> {
    let (high, rest) = code_unit(text)?;
    if let Some(character) = char::from_u32(high) {
        return Some((character, rest));
    }
    let (low, rest) = code_unit(rest.strip_prefix("\\u")?)?;
    let units = [u16::try_from(high).ok()?, u16::try_from(low).ok()?];
    let character = char::decode_utf16(units).next()?.ok()?;
    Some((character, rest))
}

fn code_unit(text: &str) -> Option<(u32, &str)> {
    let (digits, rest) = text.split_at_checked(4)?;
    Some((u32::from_str_radix(digits, 16).ok()?, rest))
}
