//! Where tokens are put: one file for each kind of target.

mod command;
mod directory;
mod file;
mod hadoop;
mod ownership;
mod properties;
mod secret;
mod signal;
#[cfg(test)]
mod tests;

use core::fmt;
use std::path::Path;

use self::command::Command;
use self::directory::Directory;
use self::file::File;
use self::hadoop::Hadoop;
use self::properties::Properties;
use self::secret::Secret;
use self::signal::Signal;
use super::config::Section;
use super::kubernetes::{self, Given};
use crate::error::Error;
use crate::files::{Access, SecretFile};
use crate::scram::Mechanism;
use crate::token::Token;

/// A token that is to be found by those who use it.
#[derive(Clone, Debug)]
pub(super) struct Publication {
    /// The name that the configuration gives it.
    pub(super) name: String,
    pub(super) token: Token,
    pub(super) mechanism: Mechanism,
    /// `SASL_PLAINTEXT` or `SASL_SSL`.
    pub(super) protocol: &'static str,
}

/// What putting a token into a target came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Delivered {
    /// The target held it already, and was left alone.
    Unchanged,
    Changed,
}

impl Delivered {
    /// Puts a file there, and leaves alone one that is as it should be.
    fn bring(path: &Path, access: Access, bytes: &[u8]) -> Result<Self, Error> {
        let was_written = SecretFile::bring(path, access, bytes)?;
        Ok(if was_written { Self::Changed } else { Self::Unchanged })
    }
}

/// A place where a token is put, or something to be done once it is there.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Target {
    File(File),
    Directory(Directory),
    Properties(Properties),
    Hadoop(Hadoop),
    Secret(Secret),
    Command(Command),
    Signal(Signal),
}

impl Target {
    /// Reads a `[[token.target]]`, which has the key of exactly one kind.
    ///
    /// # Errors
    ///
    /// `INVALID_ARGUMENT`.
    pub(super) fn from_section(section: &mut Section<'_>, given: &Given) -> Result<Self, Error> {
        const KINDS: [&str; 7] =
            ["file", "directory", "properties", "hadoop", "secret", "command", "signal"];
        let kinds: Vec<&str> = KINDS.into_iter().filter(|kind| section.has(kind)).collect();
        match kinds.as_slice() {
            ["file"] => File::from_section(section).map(Self::File),
            ["directory"] => Directory::from_section(section).map(Self::Directory),
            ["properties"] => Properties::from_section(section).map(Self::Properties),
            ["hadoop"] => Hadoop::from_section(section).map(Self::Hadoop),
            ["secret"] => Secret::from_section(section, given).map(Self::Secret),
            ["command"] => Command::from_section(section).map(Self::Command),
            ["signal"] => Signal::from_section(section).map(Self::Signal),
            [first, second, ..] => {
                let what = format!(
                    "it has {first} and {second}: write a [[token.target]] of its own for each"
                );
                Err(section.error(what))
            }
            _ => {
                let kinds = KINDS.join(", ");
                let what =
                    format!("it does not say what kind of target it is: give one of {kinds}");
                Err(section.error(what))
            }
        }
    }

    /// The file or directory that it writes.
    pub(super) fn path(&self) -> Option<&Path> {
        match self {
            Self::File(file) => Some(file.path()),
            Self::Directory(directory) => Some(directory.path()),
            Self::Properties(properties) => Some(properties.path()),
            Self::Hadoop(hadoop) => Some(hadoop.path()),
            Self::Secret(_) | Self::Command(_) | Self::Signal(_) => None,
        }
    }

    /// What of it no other target may write.
    pub(super) fn occupies(&self, token: &str) -> Vec<String> {
        match self {
            Self::Secret(secret) => secret.occupies(token),
            other => other.path().iter().map(|path| path.display().to_string()).collect(),
        }
    }

    /// The Secret that it writes.
    pub(super) fn secret(&self) -> Option<&kubernetes::Secret> {
        match self {
            Self::Secret(secret) => Some(secret.place()),
            _ => None,
        }
    }

    /// What it is, in the configuration's word.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::File(_) => "file",
            Self::Directory(_) => "directory",
            Self::Properties(_) => "properties",
            Self::Hadoop(_) => "hadoop",
            Self::Secret(_) => "secret",
            Self::Command(_) => "command",
            Self::Signal(_) => "signal",
        }
    }

    /// Where that is, for people and for labels.
    pub(super) fn place(&self) -> String {
        match self {
            Self::Secret(secret) => secret.to_string(),
            Self::Command(command) => command.to_string(),
            Self::Signal(signal) => signal.to_string(),
            other => other.path().unwrap_or(Path::new("")).display().to_string(),
        }
    }

    /// Whether it comes once the token is in all others, and for each change anew.
    pub(super) fn is_notice(&self) -> bool {
        matches!(self, Self::Command(_) | Self::Signal(_))
    }

    /// Whether the token can be found by it.
    pub(super) fn keeps_token(&self) -> bool {
        !matches!(self, Self::Signal(_))
    }

    /// Puts the token there, whole or not at all.
    ///
    /// # Errors
    ///
    /// One sentence with the place, without a secret.
    pub(super) fn deliver(&self, publication: &Publication) -> Result<Delivered, Error> {
        match self {
            Self::File(file) => file.deliver(publication),
            Self::Directory(directory) => directory.deliver(publication),
            Self::Properties(properties) => properties.deliver(publication),
            Self::Hadoop(hadoop) => hadoop.deliver(publication),
            Self::Secret(secret) => secret.deliver(publication),
            Self::Command(command) => command.deliver(publication),
            Self::Signal(signal) => signal.deliver(),
        }
    }
}

impl fmt::Display for Target {
    /// The kind and the place: `file /run/kafka/token.json`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind(), self.place())
    }
}
