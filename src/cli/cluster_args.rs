//! What every command that asks a cluster takes: where it is, and how to log in.

use std::path::{Path, PathBuf};

use clap::Args;

use super::{exit, warn};
use crate::files::read_shared_secret;
use crate::kafka::{Address, Cluster, Config};
use crate::properties::Properties;
use crate::scram::ClientCredential;
use crate::{byte_order_mark, error::Error};

#[derive(Args, Clone)]
pub(super) struct ClusterArguments {
    /// Brokers to begin with, comma-separated; an IPv6 address as [::1]:9092
    #[arg(long, value_name = "HOST:PORT,...", allow_hyphen_values = true)]
    bootstrap_server: Option<String>,

    /// Properties file of a Kafka client: security.protocol, sasl.* (SCRAM, PLAIN, Kerberos,
    /// OAUTHBEARER), ssl.*, default.api.timeout.ms (how long to try, 60000) and others; without it,
    /// brokers are spoken to in plain text and without a login
    #[arg(long, value_name = "FILE")]
    command_config: Option<PathBuf>,
}

impl ClusterArguments {
    /// The client's configuration, with this credential in place of its own; what is left unheeded is
    /// told.
    pub(super) fn config(&self, credential: Option<ClientCredential>) -> Result<Config, Error> {
        let (config, warnings) = self.read(credential)?;
        warnings.into_iter().for_each(warn);
        Ok(config)
    }

    /// The same, with what is left unheeded beside it.
    pub(super) fn read(
        &self,
        credential: Option<ClientCredential>,
    ) -> Result<(Config, Vec<String>), Error> {
        match &self.command_config {
            None => Config::from_properties(&Properties::default(), credential),
            Some(path) => Config::read(path, credential),
        }
    }

    /// The brokers to begin with.
    pub(super) fn servers(&self, config: &Config) -> Result<Vec<Address>, Error> {
        let list = self.bootstrap_server.as_deref().unwrap_or_default();
        Address::parse_list(list, config.protocol())
    }

    /// A client that tells of each failure that it tries to overcome.
    pub(super) fn cluster(&self, config: Config) -> Result<Cluster, Error> {
        let servers = self.servers(&config)?;
        Ok(Cluster::new(servers, config, |error| warn(format_args!("{error}; trying again"))))
    }
}

/// Reads a properties file, whose errors name it.
pub(super) fn read_properties(path: &Path) -> Result<Properties, Error> {
    let file = read_shared_secret(path, MAX_PROPERTIES).map_err(exit::of_file)?;
    file.warning.into_iter().for_each(warn);
    byte_order_mark::skip(&file.bytes)
        .and_then(Properties::parse)
        .map_err(|error| Error::new(error.status(), format!("{}: {error}", path.display())))
}

const MAX_PROPERTIES: usize = 1024 * 1024;
