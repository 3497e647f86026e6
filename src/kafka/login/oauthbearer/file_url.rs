//! `file:` URLs, as Java reads them.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

/// The path; None for another URL.
///
/// # Errors
///
/// A sentence for one that names no file of this machine.
pub(super) fn path(url: &str) -> Result<Option<PathBuf>, &'static str> {
    let Some(rest) = url
        .split_at_checked(5)
        .and_then(|(scheme, rest)| scheme.eq_ignore_ascii_case("file:").then_some(rest))
    else {
        return Ok(None);
    };
    let path = match rest.strip_prefix("//") {
        None => rest,
        Some(rest) => rest.strip_prefix("localhost").unwrap_or(rest),
    };
    if !path.starts_with('/') || path.starts_with("//") || path.contains(['?', '#', '\0']) {
        return Err("write a file as file:/PATH or file:///PATH, from the root");
    }
    let path = decoded(path).ok_or(
        "what follows a % must be two hexadecimal digits, and not 00; write %25 for a % in a name",
    )?;
    Ok(Some(OsString::from_vec(path).into()))
}

/// With `%20` a blank; None for what is no such escape, and for a NUL.
fn decoded(text: &str) -> Option<Vec<u8>> {
    let mut bytes = text.bytes();
    let mut decoded = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'%' => {
                let mut digit = || char::from(bytes.next()?).to_digit(16);
                let byte = u8::try_from(digit()? * 16 + digit()?).ok()?;
                (byte != 0).then_some(byte)?
            }
            byte => byte,
        });
    }
    Some(decoded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_javas() {
        for (url, expected) in [
            ("file:/a/b", "/a/b"),
            ("FILE:///a/b", "/a/b"),
            ("file://localhost/a", "/a"),
            ("file:/a%20b", "/a b"),
            ("file:/%C3%a9%25+%2Fa%3f", "/\u{e9}%+/a?"),
            ("file:/\u{e9} b", "/\u{e9} b"),
        ] {
            assert_eq!(path(url), Ok(Some(PathBuf::from(expected))), "{url}");
        }
        for url in ["https://a/", "fil", "", "\u{e9}\u{e9}\u{e9}"] {
            assert_eq!(path(url), Ok(None), "{url}");
        }
        let other = path("file:/%ff").unwrap().unwrap();
        assert_eq!(other.into_os_string().into_vec(), b"/\xff");
        for url in [
            "file:",
            "file:a",
            "file:%2Fa",
            "file://elsewhere/a",
            "file:////a",
            "file:/a?b",
            "file:/a#b",
            "file:/a\0",
            "file:/%00",
            "file:/%",
            "file:/%2",
            "file:/%2g",
            "file:/%+2",
            "file:/% 2",
            "file:/%\u{e9}",
        ] {
            assert!(path(url).is_err(), "{url}");
        }
    }
}
