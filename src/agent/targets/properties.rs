//! A properties file with `sasl.jaas.config`, for JVM clients without our jar.

use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::{Delivered, Publication, ownership};
use crate::agent::config::Section;
use crate::error::Error;
use crate::files::Access;
use crate::source::token_properties;

#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::agent) struct Properties {
    path: PathBuf,
    access: Access,
}

impl Properties {
    pub(super) fn from_section(section: &mut Section<'_>) -> Result<Self, Error> {
        Ok(Self { path: section.required_path("properties")?, access: ownership::access(section)? })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Nothing of it changes when a token is renewed, so that nobody reloads it for that.
    pub(super) fn deliver(&self, publication: &Publication) -> Result<Delivered, Error> {
        Delivered::bring(&self.path, self.access, publication.properties()?.as_bytes())
    }
}

impl Publication {
    /// All that a JVM's client needs for its login.
    pub(super) fn properties(&self) -> Result<Zeroizing<String>, Error> {
        let Self { name, token, mechanism, protocol } = self;
        let comment = format!("The delegation token {name}, kept by scramtoken agent.");
        let login = token_properties(&comment, token, *mechanism)?;
        Ok(Zeroizing::new(format!("{}security.protocol={protocol}\n", login.as_str())))
    }
}
