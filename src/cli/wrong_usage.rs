//! A wrong command line, told without what was typed.
//!
//! Whatever was typed may be a secret: a password with a blank in it that was not quoted for the shell
//! is two words, and the second one stands where clap names an argument that it does not know.

use std::process::ExitCode;

use clap::Error;
use clap::error::{ContextKind, ContextValue};

/// Prints an error of clap's, or the help that was asked for, and gives the exit code.
pub(super) fn report(mut error: Error) -> ExitCode {
    // What may be a piece of the value is cut out of clap's own sentences, which stay.
    for kind in [ContextKind::InvalidArg, ContextKind::InvalidSubcommand, ContextKind::InvalidValue]
    {
        if is_typed(&error, kind) {
            error.insert(kind, ContextValue::String(NOT_SHOWN.to_owned()));
        }
    }
    // Tips on how to write what was typed otherwise.
    error.remove(ContextKind::Suggested);
    // Nobody reads what cannot be printed.
    let _ = error.print();
    u8::try_from(error.exit_code()).map_or(ExitCode::FAILURE, ExitCode::from)
}

const NOT_SHOWN: &str = "(not shown)";

/// Whether this part of the error is what was typed, and neither empty nor the name of an option.
fn is_typed(error: &Error, kind: ContextKind) -> bool {
    use clap::error::ErrorKind::{InvalidSubcommand, UnknownArgument};

    let is_word = match kind {
        // Other errors name one of our own options here.
        ContextKind::InvalidArg => error.kind() == UnknownArgument,
        ContextKind::InvalidSubcommand => error.kind() == InvalidSubcommand,
        _ => true,
    };
    match error.get(kind) {
        Some(ContextValue::String(text)) => is_word && !text.is_empty() && !is_option(text),
        _ => false,
    }
}

fn is_option(word: &str) -> bool {
    word.strip_prefix("--")
        .is_some_and(|name| name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-'))
}
