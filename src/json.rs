//! JSON as we write it: for people to read and programs to parse, in a terminal or a file.

use std::io;

use serde::{Serialize, Serializer};
use zeroize::Zeroizing;

use crate::visible::is_hidden;

/// The value in pretty form, and a line end. What a terminal would act on is written `\uXXXX`, which is
/// the same to whoever parses it.
pub(crate) fn text(value: &impl Serialize) -> Zeroizing<String> {
    // How long it is, first: a text that grows leaves copies of secrets behind.
    let mut len = 0;
    write(value, |part| len += part.len());
    let mut text = Zeroizing::new(String::with_capacity(len + 1));
    write(value, |part| text.push_str(part));
    text.push('\n');
    text
}

/// An array in pretty form, of any length, and a line end: each value is gone once it is written.
pub(crate) fn array(values: impl Iterator<Item = impl Serialize> + Clone) -> Zeroizing<String> {
    text(&Array(values))
}

struct Array<I>(I);

impl<T: Serialize, I: Iterator<Item = T> + Clone> Serialize for Array<I> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.clone())
    }
}

fn write(value: &impl Serialize, put: impl FnMut(&str)) {
    // Memory takes everything, and none of our values refuses to be written.
    let _ = serde_json::to_writer_pretty(Escaping(put), value);
}

/// Takes JSON, in which such characters stand in strings alone.
struct Escaping<F>(F);

impl<F: FnMut(&str)> io::Write for Escaping<F> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let text = str::from_utf8(bytes).map_err(|_| io::ErrorKind::InvalidData)?;
        let mut rest = text;
        // Below U+007F serde_json has escaped what stands in strings.
        while let Some((at, hidden)) =
            rest.char_indices().find(|(_, c)| *c >= '\u{7f}' && is_hidden(*c))
        {
            (self.0)(rest.get(..at).unwrap_or_default());
            for unit in hidden.encode_utf16(&mut [0; 2]) {
                (self.0)(&format!("\\u{unit:04x}"));
            }
            rest = rest.get(at + hidden.len_utf8()..).unwrap_or_default();
        }
        (self.0)(rest);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every character, in a key and in a value.
    #[test]
    fn nothing_is_written_that_a_terminal_acts_on_and_nothing_is_lost() {
        let all: String = ('\0'..=char::MAX).collect();
        let value = serde_json::json!({ &all: [&all, 1, null] });
        let text = text(&value);
        let hidden = text.chars().find(|c| is_hidden(*c) && *c != '\n');
        assert_eq!(hidden, None);
        assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap(), value);
        assert_eq!(text.capacity(), text.len(), "it grew");
    }

    #[test]
    fn what_can_be_seen_is_written_as_it_is() {
        let value = serde_json::json!({"a": "\u{e9}\u{1f600}\u{85}\u{e0041}\u{202e}", "b": []});
        let expected =
            "{\n  \"a\": \"\u{e9}\u{1f600}\\u0085\\udb40\\udc41\\u202e\",\n  \"b\": []\n}\n";
        assert_eq!(*text(&value), expected);
    }
}
