//! `login`: does this credential work, here or on every broker?

use clap::{ArgGroup, Args};

use super::cluster_args::ClusterArguments;
use super::{exit, output, warn};
use crate::kafka::{Address, Connection, Login};
use crate::scram::ClientCredential;
use crate::source::Source;
use crate::{clock, error::Error, random, status::Status};

/// Log in and say what came of it
///
/// Exits with 0 only if every login was accepted.
#[derive(Args)]
#[command(after_help = exit::HELP)]
#[command(group = ArgGroup::new("where").args(["bootstrap_server"]).required(true))]
pub(super) struct Arguments {
    #[command(flatten)]
    cluster: ClusterArguments,

    /// Take the credential from here and not from sasl.jaas.config: file:/PATH (a token file, or
    /// properties), dir:/PATH (a mounted Secret) or env:
    #[arg(long, value_name = "URI")]
    source: Option<String>,

    /// Log in to every broker of the cluster, not only to the first that answers
    #[arg(long)]
    all_brokers: bool,
}

impl Arguments {
    pub(super) fn run(&self) -> Result<(), Error> {
        let credential = self.source.as_deref().map(from_source).transpose()?;
        let config = self.cluster.config(credential)?;
        let Some(login) = config.login().cloned() else {
            return Err(Error::new(Status::INVALID_ARGUMENT, NO_LOGIN));
        };
        let mut cluster = self.cluster.cluster(config)?;
        if !self.all_brokers {
            let text = describe(cluster.connect()?, &login);
            return output::print(&format!("{text}\n"));
        }
        let mut outcome = Ok(());
        for broker in cluster.brokers()? {
            let text = match cluster.connect_to(&broker.address) {
                Ok(connection) => describe(&connection, &login),
                Err(error) => {
                    outcome = outcome.and(Err(not_everywhere(&broker.address, &error)));
                    format!("{}: {error}", broker.address)
                }
            };
            output::print(&format!("{text} (broker {})\n", broker.id))?;
        }
        outcome
    }
}

fn not_everywhere(address: &Address, error: &Error) -> Error {
    Error::new(error.status(), format!("not every login was accepted; not by {address}"))
}

const NO_LOGIN: &str = "there is no login to try: give --command-config a file with \
     security.protocol=SASL_SSL (or SASL_PLAINTEXT) and sasl.mechanism";

fn describe(connection: &Connection, login: &Login) -> String {
    let address = connection.address();
    let kind = if login.is_token() { "the delegation token" } else { "the user" };
    let until = match connection.session().lifetime {
        None => "without an end".to_owned(),
        Some(lifetime) => format!("for {} s", lifetime.as_secs()),
    };
    let (name, mechanism) = (&connection.session().name, login.mechanism());
    format!("{address}: logged in as {kind} {name:?} by {mechanism}, {until}")
}

/// The credential that a source has now.
fn from_source(uri: &str) -> Result<ClientCredential, Error> {
    let login =
        Source::open(uri, random::bytes()?)?.log_in(clock::now_ms()).map_err(exit::of_file)?;
    if let Some(warning) = &login.warning {
        warn(warning);
    }
    Ok(login.credential)
}
