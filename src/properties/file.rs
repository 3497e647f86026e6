//! The format that `java.util.Properties.load` reads, from bytes.

use core::fmt;
use std::collections::BTreeMap;

use zeroize::Zeroizing;

use crate::{error::Error, status::Status};

/// Keys and values of a properties file; of a key that is given twice the last value, as in Java.
///
/// Bytes are ISO 8859-1, because that is how Kafka's clients load a file: another character is
/// written as `\uXXXX`, and the same file so means the same password to us and to Kafka.
#[derive(Default)]
pub(crate) struct Properties(BTreeMap<String, Property>);

struct Property {
    /// The number of the line that it stands in, or begins in.
    line: usize,
    value: Zeroizing<String>,
}

impl Properties {
    /// # Errors
    ///
    /// `CORRUPT`, with the line, for a `\u` without four hexadecimal digits or half a character.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, Error> {
        let mut properties = BTreeMap::new();
        for (number, line) in logical_lines(bytes) {
            let malformed = |what| {
                let text = format!("line {number} of the properties: {what}");
                Error::new(Status::CORRUPT, text)
            };
            let (key, value) = split_key(&line);
            let key = unescape(key).map_err(malformed)?;
            let property = Property { line: number, value: unescape(value).map_err(malformed)? };
            properties.insert(key.as_str().to_owned(), property);
        }
        Ok(Self(properties))
    }

    /// What came as something else than a file.
    pub(crate) fn from_pairs<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)>) -> Self {
        let property = |value: &str| Property { line: 1, value: Zeroizing::new(value.to_owned()) };
        Self(pairs.map(|(key, value)| (key.to_owned(), property(value))).collect())
    }

    /// The value of a key, None when the file does not have it.
    pub(crate) fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(|property| property.value.as_str())
    }

    /// The line that a key is in, counted from 1.
    pub(crate) fn line(&self, key: &str) -> Option<usize> {
        self.0.get(key).map(|property| property.line)
    }

    /// All keys, in their order.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

impl fmt::Debug for Properties {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Properties(..)")
    }
}

/// A natural line that ends in an odd number of backslashes goes on with the next one. Blank lines
/// and comments (`#`, `!`) are left out; each line comes with the number of its first natural line.
fn logical_lines(bytes: &[u8]) -> Vec<(usize, Zeroizing<Vec<u8>>)> {
    let mut lines = Vec::new();
    let mut open: Option<(usize, Zeroizing<Vec<u8>>)> = None;
    for (index, line) in natural_lines(bytes).enumerate() {
        let line = trim_start(line);
        open = open.filter(|(_, text)| !text.is_empty());
        if open.is_none() && matches!(line.first(), None | Some(b'#' | b'!')) {
            continue;
        }
        let backslashes = line.iter().rev().take_while(|byte| **byte == b'\\').count();
        let goes_on = backslashes % 2 == 1;
        let line = if goes_on { line.split_last().map_or(line, |(_, line)| line) } else { line };
        let (number, mut text) = open.take().unwrap_or_default();
        text.extend_from_slice(line);
        let logical = (if number == 0 { index + 1 } else { number }, text);
        if goes_on {
            open = Some(logical);
        } else {
            lines.push(logical);
        }
    }
    lines.extend(open);
    lines.retain(|(_, line)| !line.is_empty());
    lines
}

/// Lines end with `\n`, `\r` or `\r\n`; the empty line that the last pair seems to hold is harmless
/// but for the numbers, so it is taken as one.
fn natural_lines(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(bytes);
    core::iter::from_fn(move || {
        let bytes = rest?;
        let end = bytes.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
        let Some((line, after)) = end.and_then(|end| bytes.split_at_checked(end)) else {
            rest = None;
            return Some(bytes);
        };
        rest = after.strip_prefix(b"\r\n").or_else(|| after.get(1..));
        Some(line)
    })
}

/// Key and value of a line, both still escaped: the key ends at the first unescaped `=`, `:` or
/// blank, and one `=` or `:` with blanks around it belongs to neither.
fn split_key(line: &[u8]) -> (&[u8], &[u8]) {
    let mut escaped = false;
    let end = line.iter().position(|byte| {
        let ends = !escaped && (matches!(byte, b'=' | b':') || is_blank(*byte));
        escaped = !escaped && *byte == b'\\';
        ends
    });
    let (key, rest) = line.split_at_checked(end.unwrap_or(line.len())).unwrap_or((line, b""));
    let rest = trim_start(rest);
    match rest.split_first() {
        Some((b'=' | b':', value)) => (key, trim_start(value)),
        _ => (key, rest),
    }
}

fn unescape(text: &[u8]) -> Result<Zeroizing<String>, &'static str> {
    // As UTF-16, because that is what \u writes: a character may take two.
    let mut units = Zeroizing::new(Vec::with_capacity(text.len()));
    let mut rest = text;
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        if *byte != b'\\' {
            units.push(u16::from(*byte));
            continue;
        }
        let Some((escape, after)) = rest.split_first() else { break };
        rest = after;
        units.push(match escape {
            b't' => 0x09,
            b'n' => 0x0a,
            b'f' => 0x0c,
            b'r' => 0x0d,
            b'u' => {
                let (digits, after) =
                    rest.split_first_chunk::<4>().ok_or("\\u wants four hexadecimal digits")?;
                rest = after;
                hexadecimal(digits).ok_or("\\u wants four hexadecimal digits")?
            }
            other => u16::from(*other),
        });
    }
    let mut string = Zeroizing::new(String::with_capacity(3 * units.len()));
    for character in char::decode_utf16(units.iter().copied()) {
        string.push(character.map_err(|_| "\\u gives half a character (a lone surrogate)")?);
    }
    Ok(string)
}

fn hexadecimal(digits: &[u8; 4]) -> Option<u16> {
    digits.iter().try_fold(0, |number: u16, digit| {
        let digit = char::from(*digit).to_digit(16)?;
        Some(number << 4 | u16::try_from(digit).ok()?)
    })
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | 0x0c)
}

fn trim_start(line: &[u8]) -> &[u8] {
    let blanks = line.iter().take_while(|byte| is_blank(**byte)).count();
    line.get(blanks..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    type Pairs = [(&'static str, &'static str)];

    /// What `java.util.Properties.load` of JDK 17 makes of the same bytes.
    const LIKE_JAVA: &[(&[u8], &Pairs)] = &[
        (b"", &[]),
        (b"a=b", &[("a", "b")]),
        (b" a : b \n", &[("a", "b ")]),
        (b"a b=c", &[("a", "b=c")]),
        (b"a==b", &[("a", "=b")]),
        (b"a", &[("a", "")]),
        (b"=b", &[("", "b")]),
        (b"# c\n ! d\r\n\ta=b\rc=d", &[("a", "b"), ("c", "d")]),
        (b"a=b\\\n   c\\\n#d", &[("a", "bc#d")]),
        (b"a=b\\\\\nc=d", &[("a", "b\\"), ("c", "d")]),
        (b"a=b\\", &[("a", "b")]),
        (b"a\\ \\=\\:b=\\tc\\q", &[("a =:b", "\tcq")]),
        (b"a=\\u00e9\\uD83D\\uDE00\xe9", &[("a", "\u{e9}\u{1f600}\u{e9}")]),
        (b"a=1\na=2", &[("a", "2")]),
        (b"\\\n#a=b", &[]),
        (b"a=b\\\n\nc=d", &[("a", "b"), ("c", "d")]),
    ];

    #[test]
    fn reads_what_java_reads() {
        for (bytes, expected) in LIKE_JAVA {
            let properties = Properties::parse(bytes).unwrap();
            let pairs: Vec<_> =
                properties.keys().map(|key| (key, properties.get(key).unwrap())).collect();
            assert_eq!(pairs, *expected, "{:?}", bytes.escape_ascii().to_string());
        }
    }

    #[test]
    fn names_the_line_and_never_the_value() {
        for text in ["x=1\npassword=secret\\u12g4", "\r\npassword=secret\\u12", "\na=\\uD800secret"]
        {
            let error = Properties::parse(text.as_bytes()).unwrap_err();
            assert_eq!(error.status(), Status::CORRUPT);
            assert!(error.text().starts_with("line 2 of the properties: \\u"), "{error}");
            assert!(!error.text().contains("secret"), "{error}");
        }
    }
}
