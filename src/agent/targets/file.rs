//! The JSON token file that the source `file:` reads.

use std::path::{Path, PathBuf};

use super::{Delivered, Publication, ownership};
use crate::agent::config::Section;
use crate::error::Error;
use crate::files::Access;
use crate::json;
use crate::source::TokenFile;

#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::agent) struct File {
    path: PathBuf,
    access: Access,
}

impl File {
    pub(super) fn from_section(section: &mut Section<'_>) -> Result<Self, Error> {
        Ok(Self { path: section.required_path("file")?, access: ownership::access(section)? })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn deliver(&self, publication: &Publication) -> Result<Delivered, Error> {
        let json = json::text(&TokenFile(&publication.token, publication.mechanism));
        Delivered::bring(&self.path, self.access, json.as_bytes())
    }
}
