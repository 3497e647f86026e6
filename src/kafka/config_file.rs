//! The file of properties that Kafka's own tools take (--command-config).

use std::path::Path;

use super::config::Config;
use crate::files::read_shared_secret;
use crate::properties::Properties;
use crate::scram::ClientCredential;
use crate::{byte_order_mark, error::Error, status::Status};

impl Config {
    /// Reads a file of properties, with this credential in place of its own. The second part are
    /// warnings, each with the file's name: what was left unheeded, and whether others may read it.
    ///
    /// # Errors
    ///
    /// `CORRUPT` for whatever is wrong with the file or a value in it, with the file's name; errors of
    /// the files that it names.
    pub(crate) fn read(
        path: &Path,
        credential: Option<ClientCredential>,
    ) -> Result<(Self, Vec<String>), Error> {
        let of_file = |error: Error| match error.status() {
            // Whatever is wrong with it is no network's fault, and not the command line's.
            Status::IO | Status::INVALID_ARGUMENT => {
                Error::new(Status::CORRUPT, error.text().to_owned())
            }
            _ => error,
        };
        let shown = path.display();
        let named = |error: Error| {
            let error = of_file(error);
            Error::new(error.status(), format!("{shown}: {error}"))
        };
        let file = read_shared_secret(path, MAX_BYTES).map_err(of_file)?;
        let properties =
            byte_order_mark::skip(&file.bytes).and_then(Properties::parse).map_err(named)?;
        let (config, unheeded) =
            Self::from_properties(&properties, credential).map_err(|error| {
                let status = match error.status() {
                    Status::INVALID_ARGUMENT => Status::CORRUPT,
                    other => other,
                };
                Error::new(status, format!("{shown}: {error}"))
            })?;
        let unheeded = unheeded.into_iter().map(|warning| format!("{shown}: {warning}"));
        Ok((config, file.warning.into_iter().chain(unheeded).collect()))
    }
}

const MAX_BYTES: usize = 1024 * 1024;
