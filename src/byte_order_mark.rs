//! The byte order mark that some editors put at the beginning of a text file.
//!
//! One rule for every text file that is read, whether or not it holds a secret: UTF-8's mark is
//! skipped, so that it becomes no part of a secret, a name or a key; a file in UTF-16 or UTF-32 is
//! refused by name.

use crate::{error::Error, status::Status};

/// What follows the mark, or everything where there is none.
///
/// # Errors
///
/// `CORRUPT` for text in UTF-16 or UTF-32.
pub(crate) fn skip(text: &[u8]) -> Result<&[u8], Error> {
    const UTF_8: &[u8] = b"\xef\xbb\xbf";
    // UTF-16 in both orders; that of UTF-32 in little-endian order begins as UTF-16's does.
    const OTHERS: [&[u8]; 3] = [b"\xfe\xff", b"\xff\xfe", b"\0\0\xfe\xff"];

    if OTHERS.iter().any(|mark| text.starts_with(mark)) {
        return Err(Error::new(
            Status::CORRUPT,
            "its byte order mark says that it is UTF-16 or UTF-32: save it as UTF-8",
        ));
    }
    Ok(text.strip_prefix(UTF_8).unwrap_or(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_mark_at_the_beginning_is_skipped() {
        for (text, expected) in [
            (&b""[..], &b""[..]),
            (b"\xef\xbb\xbf", b""),
            (b"\xef\xbb\xbfa", b"a"),
            (b"\xef\xbb\xbf\xef\xbb\xbfa", b"\xef\xbb\xbfa"),
            (b"a\xef\xbb\xbf", b"a\xef\xbb\xbf"),
            (b"\xef\xbba", b"\xef\xbba"),
        ] {
            assert_eq!(skip(text).unwrap(), expected);
        }
    }

    #[test]
    fn wider_encodings_are_refused_by_name() {
        for text in [&b"\xff\xfea\0"[..], b"\xfe\xff\0a", b"\xff\xfe\0\0a\0\0\0", b"\0\0\xfe\xff\0"]
        {
            let error = skip(text).unwrap_err();
            assert_eq!(error.status(), Status::CORRUPT);
            assert!(error.text().contains("byte order mark"), "{error}");
        }
    }
}
