//! Secrets on their way in: from a file, standard input or a prompt.

use std::fs::File;
use std::io::{self, IsTerminal, Read};
use std::path::Path;

use zeroize::Zeroizing;

use super::warn_if_open;
use crate::{byte_order_mark, error::Error, status::Status};

/// The longest secret, in bytes.
const MAX_BYTES: usize = 64 * 1024;

/// The text of a file, or of standard input for `-`, without a byte order mark at its beginning and
/// the line end at its end. `what` names
/// the secret for errors.
pub(super) fn read(what: &str, path: &Path) -> Result<Zeroizing<String>, Error> {
    let failed = |text: String| {
        let text = format!("the {what} in {}: {text}", path.display());
        Error::new(Status::CORRUPT, text)
    };
    let mut input: Box<dyn Read> = if path == Path::new("-") {
        Box::new(io::stdin())
    } else {
        let file = File::open(path).map_err(|error| failed(error.to_string()))?;
        warn_if_open(path, &file);
        Box::new(file)
    };
    // Whole from the beginning: growing would leave copies behind.
    let mut bytes = Zeroizing::new(vec![0; MAX_BYTES]);
    let mut len = 0;
    while let Some(rest) = bytes.get_mut(len..) {
        match input.read(rest) {
            Ok(0) if rest.is_empty() => return Err(failed(format!("{MAX_BYTES} bytes or more"))),
            Ok(0) => break,
            Ok(more) => len += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(failed(error.to_string())),
        }
    }
    let bytes = byte_order_mark::skip(bytes.get(..len).unwrap_or_default())
        .map_err(|error| failed(error.text().to_owned()))?;
    let text = str::from_utf8(bytes).map_err(|_| failed("it is not UTF-8".to_owned()))?;
    let text = without_line_end(text);
    if text.is_empty() {
        return Err(failed("it is empty".to_owned()));
    }
    Ok(Zeroizing::new(text.to_owned()))
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
