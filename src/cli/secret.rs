//! Secrets on their way in: from a file, standard input or a prompt.

use std::io::{self, IsTerminal, Read};
use std::path::Path;

use zeroize::Zeroizing;

use super::{exit, warn};
use crate::files::read_secret;
use crate::{byte_order_mark, error::Error, status::Status};

/// The longest secret, in bytes.
const MAX_BYTES: usize = 64 * 1024;

/// The text of a file that is nobody else's, or of standard input for `-`, without a byte order mark at
/// its beginning and the line end at its end. `what` names the secret for errors.
pub(super) fn read(what: &str, path: &Path) -> Result<Zeroizing<String>, Error> {
    let bytes = bytes(what, path)?;
    text(what, path, &bytes).map(|text| Zeroizing::new(text.to_owned()))
}

/// All of it.
pub(super) fn bytes(what: &str, path: &Path) -> Result<Zeroizing<Vec<u8>>, Error> {
    if is_standard_input(path) {
        return standard_input().map_err(|text| invalid(what, path, &text));
    }
    if path.starts_with("/dev/fd") {
        let text = "it is what a shell has open, and no file: give - and redirect standard input";
        return Err(Error::new(Status::CORRUPT, format!("{}: {text}", path.display())));
    }
    let file = read_secret(path, MAX_BYTES).map_err(exit::of_file)?;
    file.warning.into_iter().for_each(warn);
    Ok(file.bytes)
}

/// What of it is the secret.
pub(super) fn text<'a>(what: &str, path: &Path, bytes: &'a [u8]) -> Result<&'a str, Error> {
    let bytes = byte_order_mark::skip(bytes).map_err(|e| invalid(what, path, e.text()))?;
    let text = str::from_utf8(bytes).map_err(|_| invalid(what, path, "it is not UTF-8"))?;
    match without_line_end(text) {
        "" => Err(invalid(what, path, "it is empty")),
        text => Ok(text),
    }
}

pub(super) fn is_standard_input(path: &Path) -> bool {
    path == Path::new("-")
}

fn standard_input() -> Result<Zeroizing<Vec<u8>>, String> {
    // Whole from the beginning: growing would leave copies behind.
    let mut bytes = Zeroizing::new(vec![0; MAX_BYTES + 1]);
    let mut len = 0;
    while let Some(rest) = bytes.get_mut(len..).filter(|rest| !rest.is_empty()) {
        match io::stdin().read(rest) {
            Ok(0) => break,
            Ok(more) => len += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error.to_string()),
        }
    }
    if len > MAX_BYTES {
        return Err(format!("it has more than {MAX_BYTES} bytes"));
    }
    bytes.truncate(len);
    Ok(bytes)
}

fn invalid(what: &str, path: &Path, text: &str) -> Error {
    Error::new(Status::CORRUPT, format!("the {what} in {}: {text}", path.display()))
}

/// What editors and `echo` put at the end of a file is no part of a secret.
pub(super) fn without_line_end(text: &str) -> &str {
    text.strip_suffix('\n').map_or(text, |text| text.strip_suffix('\r').unwrap_or(text))
}

/// Asks the terminal, twice, without showing what is typed.
pub(super) fn prompt(what: &str) -> Result<Zeroizing<String>, Error> {
    if !io::stdin().is_terminal() {
        return Err(Error::new(
            Status::INVALID_ARGUMENT,
            format!(
                "the {what} is missing: give --password-file, or run in a terminal to be asked"
            ),
        ));
    }
    let ask = |prompt: String| {
        rpassword::prompt_password(prompt)
            .map(Zeroizing::new)
            .map_err(|error| Error::new(Status::IO, format!("the {what}: {error}")))
    };
    let secret = ask(format!("{what}: "))?;
    if ask(format!("{what}, again: "))? != secret {
        return Err(Error::new(Status::INVALID_ARGUMENT, "the two are not the same"));
    }
    if secret.is_empty() {
        return Err(Error::new(Status::INVALID_ARGUMENT, format!("the {what} is empty")));
    }
    Ok(secret)
}
