//! A file of users and passwords, a user a line.
//!
//! A file of another kind must not become users that nobody meant, and whose passwords nobody knows:
//! what can hardly be a name is refused where a line is no JSON.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use zeroize::Zeroizing;

use super::{exit, warn};
use crate::files::open_secret;
use crate::source::username_and_password;
use crate::{byte_order_mark, error::Error, status::Status};

/// Reads `name<TAB>password` or `name:password`, or, where the file begins with `{`, JSON objects
/// with `username` and `password`. What it holds of the file is zeroed.
pub(super) struct UserFile {
    file: File,
    len: u64,
    buffer: Zeroizing<Vec<u8>>,
    /// What of the buffer has been read from the file, and not given out yet.
    begin: usize,
    end: usize,
    /// How much of the file has been given out.
    position: u64,
    line: u64,
    is_json: Option<bool>,
}

/// A line.
pub(super) struct Entry {
    pub(super) line: u64,
    pub(super) name: Zeroizing<String>,
    pub(super) password: Zeroizing<String>,
}

impl Entry {
    /// Says which line it is about.
    pub(super) fn explain(&self, error: &Error) -> Error {
        at_line(self.line, error)
    }
}

/// The longest line, in bytes: more than any name and password have.
const MAX_LINE: usize = 64 * 1024;

impl UserFile {
    /// # Errors
    ///
    /// `PERMISSIONS` where others may read it; `CORRUPT` where it cannot be read.
    pub(super) fn open(path: &Path) -> Result<Self, Error> {
        let (file, warning) = open_secret(path).map_err(exit::of_file)?;
        warning.into_iter().for_each(warn);
        let len = file.metadata().map_err(|error| corrupt(error.to_string()))?.len();
        let buffer = Zeroizing::new(vec![0; MAX_LINE]);
        let (begin, end, position, line, is_json) = (0, 0, 0, 0, None);
        Ok(Self { file, len, buffer, begin, end, position, line, is_json })
    }

    /// In bytes.
    pub(super) fn len(&self) -> u64 {
        self.len
    }

    /// How many bytes have been given out.
    pub(super) fn position(&self) -> u64 {
        self.position
    }

    /// The next line that is not empty; None after the last.
    ///
    /// # Errors
    ///
    /// `CORRUPT`, naming the line.
    pub(super) fn next(&mut self) -> Result<Option<Entry>, Error> {
        loop {
            self.line += 1;
            let line = self.line;
            let mut is_json = self.is_json;
            let named = |error: Error| at_line(line, &error);
            let Some(mut bytes) = self.next_line().map_err(named)? else {
                return Ok(None);
            };
            if line == 1 {
                bytes = byte_order_mark::skip(bytes).map_err(named)?;
            }
            if bytes.trim_ascii().is_empty() {
                continue;
            }
            let is_first = is_json.is_none();
            let parsed = match bytes.trim_ascii_start().first() {
                Some(b'[') if is_first && is_json_array(bytes) => Err(corrupt(
                    "it begins a JSON array: give each user's object a line of its own, as \
                     jq -c '.[]' does",
                )),
                first => parse(bytes, *is_json.get_or_insert(first == Some(&b'{'))),
            };
            self.is_json = is_json;
            let (name, password) = parsed.map_err(|error| at_line(line, &error))?;
            return Ok(Some(Entry { line, name, password }));
        }
    }

    /// Without its end.
    fn next_line(&mut self) -> Result<Option<&[u8]>, Error> {
        let len = loop {
            let unread = self.buffer.get(self.begin..self.end).unwrap_or_default();
            if let Some(len) = unread.iter().position(|byte| *byte == b'\n') {
                break len;
            }
            if self.end == self.buffer.len() && self.begin == 0 {
                return Err(corrupt(format!("it has {MAX_LINE} bytes or more")));
            }
            if self.fill()? == 0 {
                match self.end - self.begin {
                    0 => return Ok(None),
                    last => break last,
                }
            }
        };
        let line = self.begin..self.begin + len;
        let taken = (len + 1).min(self.end - self.begin);
        self.begin += taken;
        self.position = self.position.saturating_add(taken as u64);
        let bytes = self.buffer.get(line).unwrap_or_default();
        Ok(Some(bytes.strip_suffix(b"\r").unwrap_or(bytes)))
    }

    /// Reads on, behind what has not been given out; 0 at the file's end.
    fn fill(&mut self) -> Result<usize, Error> {
        self.buffer.copy_within(self.begin..self.end, 0);
        (self.begin, self.end) = (0, self.end - self.begin);
        let room = self.buffer.get_mut(self.end..).unwrap_or_default();
        let more = self.file.read(room).map_err(|error| corrupt(error.to_string()))?;
        self.end += more;
        Ok(more)
    }
}

type NameAndPassword = (Zeroizing<String>, Zeroizing<String>);

fn parse(line: &[u8], is_json: bool) -> Result<NameAndPassword, Error> {
    let text = str::from_utf8(line).map_err(|_| corrupt("it is not UTF-8"))?;
    if is_json {
        return username_and_password(text);
    }
    let (name, password) = text
        .split_once('\t')
        .or_else(|| text.split_once(':'))
        .ok_or_else(|| corrupt("it is not name:password, nor has it a tab between the two"))?;
    check_name(name)?;
    let is_control = |character: char| character.is_control() && character != '\t';
    if password.starts_with(' ') || password.contains(is_control) {
        return Err(corrupt(
            "the password has a blank before it or a control character in it: JSON takes such a \
             password",
        ));
    }
    Ok((Zeroizing::new(name.to_owned()), Zeroizing::new(password.to_owned())))
}

/// Refuses what other kinds of files have where a name should be: comments, quotes, blanks.
fn check_name(name: &str) -> Result<(), Error> {
    const NO_NAMES: [char; 8] = ['"', '\'', '`', '[', '{', '<', '#', '\u{feff}'];

    if name.starts_with(NO_NAMES) {
        return Err(corrupt(
            "the name begins with a quote, a bracket, a brace, `#` or a byte order mark, as in a file \
             of another kind: JSON takes such a name",
        ));
    }
    if name.trim() != name || name.contains(char::is_control) {
        return Err(corrupt(
            "the name has blanks around it or a control character in it: JSON takes such a name",
        ));
    }
    Ok(())
}

/// Whether a line that begins with `[` begins an array of JSON, and is no name.
fn is_json_array(line: &[u8]) -> bool {
    let line = line.trim_ascii().strip_prefix(b"[").unwrap_or_default();
    matches!(line.trim_ascii_start().first(), None | Some(b'{' | b'[' | b'"' | b']'))
}

fn corrupt(text: impl Into<String>) -> Error {
    Error::new(Status::CORRUPT, text.into())
}

fn at_line(line: u64, error: &Error) -> Error {
    // What is wrong with a line is wrong in the file, and not on the command line.
    let status = match error.status() {
        Status::INVALID_ARGUMENT => Status::CORRUPT,
        other => other,
    };
    Error::new(status, format!("line {line}: {error}"))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn read(text: &[u8]) -> Result<Vec<(u64, String, String)>, Error> {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text).unwrap();
        let mut users = UserFile::open(file.path())?;
        assert_eq!(users.len(), text.len() as u64);
        let mut found = Vec::new();
        while let Some(Entry { line, name, password }) = users.next()? {
            found.push((line, name.to_string(), password.to_string()));
        }
        assert_eq!(users.position(), users.len());
        Ok(found)
    }

    #[test]
    fn names_and_passwords() {
        let user = |line, name: &str, password: &str| (line, name.to_owned(), password.to_owned());
        let long = "x".repeat(MAX_LINE - 10);
        for (text, expected) in [
            ("", vec![]),
            ("\n\r\n  \n", vec![]),
            ("alice:se:cret", vec![user(1, "alice", "se:cret")]),
            (
                "alice\tse:cr\tet \r\n\nb:x\n",
                vec![user(1, "alice", "se:cr\tet "), user(3, "b", "x")],
            ),
            ("a:b\tc", vec![user(1, "a:b", "c")]),
            ("\u{feff}zoë:\u{feff}x", vec![user(1, "zoë", "\u{feff}x")]),
            (
                "\u{feff}\n{\"username\": \"#a\\n\", \"password\": \" x\\r\"}",
                vec![user(2, "#a\n", " x\r")],
            ),
            (
                "{\"username\": \"a\\u0062\", \"password\": \":\"}\n{\"password\":\"p\",\"username\":\"c\"}",
                vec![user(1, "ab", ":"), user(2, "c", "p")],
            ),
            (
                &format!("a:b\nc:{long}\nd:e"),
                vec![user(1, "a", "b"), user(2, "c", &long), user(3, "d", "e")],
            ),
        ] {
            assert_eq!(read(text.as_bytes()).unwrap(), expected);
        }
    }

    #[test]
    fn errors_name_the_line_and_no_password() {
        let long = format!("a:{}", "s3cret".repeat(MAX_LINE));
        for (text, line) in [
            (&b"a:b\nalice s3cret\n"[..], "line 2: "),
            (b"a:s3cret\xff", "line 1: it is not UTF-8"),
            (
                b"{\"username\": \"a\", \"password\": \"s3cret\"}\na:s3cret",
                "line 2: it is not JSON",
            ),
            (b"\n{\"username\": \"s3cret\"}", "line 2: \"password\" is missing"),
            (long.as_bytes(), "line 1: it has 65536 bytes or more"),
            (b"\xff\xfea\0:\0s3cret", "line 1: its byte order mark says that it is UTF-16"),
            ("a:b\n\u{feff}b:s3cret".as_bytes(), "line 2: the name begins with"),
            (
                b"[{\"username\": \"a\", \"password\": \"s3cret\"}]",
                "line 1: it begins a JSON array",
            ),
            (b"\n [\n{\"username\": \"a\", \"password\": \"s3cret\"}]", "line 2: it begins a JSON"),
            (b"{\n\"username\": \"a\",\n\"password\": \"s3cret\"}", "line 1: it is not whole"),
            (b"a:b\n{\"username\": \"a\", \"password\": \"s3cret\"}", "line 2: the name begins"),
            (b"\"a\": \"s3cret\"", "line 1: the name begins with a quote"),
            (b"# the team: s3cret", "line 1: the name begins with"),
            (b"  - name: s3cret", "line 1: the name has blanks"),
            (b"a : s3cret", "line 1: the name has blanks"),
            (b"a: s3cret", "line 1: the password has a blank"),
            (b"a:s3cret\rb:s3cret\r", "line 1: the password has a blank before it or a control"),
            (b"a\0b:s3cret", "line 1: the name has blanks around it or a control"),
        ] {
            let error = read(text).map(drop).unwrap_err();
            assert_eq!(error.status(), Status::CORRUPT);
            assert!(error.text().starts_with(line), "{error}");
            assert!(!error.text().contains("s3cret"), "{error}");
        }
    }
}
