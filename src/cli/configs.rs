//! `configs`: SCRAM users in the manner of kafka-configs.sh (KIP-554).

use std::path::{Path, PathBuf};

use clap::{ArgGroup, Args, ValueEnum};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::cluster_args::ClusterArguments;
use super::import::Import;
use super::scram_config::{parse_added, parse_mechanism};
use super::store_args::{Missing, StoreArgument};
use super::users::Users;
use super::{exit, output, secret, warn};
use crate::kafka::{ScramAlteration, ScramUser, escape};
use crate::scram::Mechanism;
use crate::{error::Error, status::Status};

/// Set, delete and describe the SCRAM credentials of users, of a cluster or of a store
///
/// The options are those of kafka-configs.sh that concern SCRAM users. With --store in place of
/// --bootstrap-server the users are those of a store, which servers other than Kafka let in; and
/// there many of them can be imported from a file.
#[derive(Args)]
#[command(after_help = exit::HELP)]
#[command(group = ArgGroup::new("where").args(["bootstrap_server", "store"]).required(true))]
#[command(group = ArgGroup::new("action").required(true))]
#[command(group = ArgGroup::new("change").multiple(true))]
#[command(group = ArgGroup::new("name"))]
pub(super) struct Arguments {
    #[command(flatten)]
    cluster: ClusterArguments,

    #[command(flatten)]
    store: StoreArgument,

    /// Change the credentials of a user, one mechanism after the other
    #[arg(long, group = "action", requires_all = ["change", "name"])]
    alter: bool,

    /// List the mechanisms and iterations of a user, or of all
    #[arg(long, group = "action", conflicts_with_all = ["change", "password_file"])]
    describe: bool,

    /// Set the credentials of all users in a file (mode 0600) in a store
    ///
    /// A line is name<TAB>password or name:password, or, where the file begins with `{`, a JSON
    /// object with "username" and "password". Each user gets both mechanisms with 4096 iterations,
    /// or what --add-config says, such as 'SCRAM-SHA-512=[iterations=8192]'. Lines are imported in
    /// their order: after an error or an interruption, those before are in the store.
    #[arg(long, value_name = "FILE", group = "action", conflicts_with = "bootstrap_server")]
    #[arg(conflicts_with_all = ["name", "delete_config", "password_file"])]
    import: Option<PathBuf>,

    /// Leave users alone that have all of these credentials already, and so go on with an import
    #[arg(long, conflicts_with_all = ["alter", "describe"])]
    skip_existing: bool,

    /// Only users have SCRAM credentials
    #[arg(long, value_enum)]
    entity_type: Option<EntityType>,

    /// The user, together with --entity-type users
    #[arg(long, value_name = "NAME", group = "name", requires = "entity_type")]
    entity_name: Option<String>,

    /// The user; the same as --entity-type users --entity-name NAME
    #[arg(long, value_name = "NAME", group = "name")]
    user: Option<String>,

    /// Credentials to set: 'SCRAM-SHA-256=[iterations=8192],SCRAM-SHA-512=[password=...]'
    ///
    /// All users of this machine can see a password that stands here; without one, it is read from
    /// --password-file, or asked for.
    #[arg(long, value_name = "CONFIG", group = "change")]
    add_config: Option<String>,

    /// Mechanisms whose credentials to delete: 'SCRAM-SHA-256,SCRAM-SHA-512'
    #[arg(long, value_name = "MECHANISM,...", group = "change", value_delimiter = ',')]
    delete_config: Vec<String>,

    /// File with the password for --add-config; - is standard input
    #[arg(long, value_name = "FILE", requires = "add_config")]
    password_file: Option<PathBuf>,

    /// How to write what --describe finds
    #[arg(long, value_enum, default_value = "text")]
    output: Format,
}

#[derive(Clone, Copy, ValueEnum)]
enum EntityType {
    Users,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// The lines of kafka-configs.sh
    Text,
    /// A list of objects
    Json,
}

impl Arguments {
    pub(super) fn run(&self) -> Result<(), Error> {
        let name = self.user.as_ref().or(self.entity_name.as_ref());
        match (&self.import, name) {
            (Some(file), _) => self.import(file),
            (None, Some(name)) if self.alter => self.alter(name),
            (None, name) => self.describe(name),
        }
    }

    /// Whose users.
    fn users(&self) -> Result<Users, Error> {
        let missing = if self.add_config.is_some() { Missing::Make } else { Missing::Refuse };
        match self.store.open(missing)? {
            Some(store) => Ok(Users::Store(store)),
            None => Ok(Users::Cluster(Box::new(self.cluster.cluster(self.cluster.config(None)?)?))),
        }
    }

    fn alter(&self, user: &str) -> Result<(), Error> {
        let alterations = self.alterations()?;
        let mut users = self.users()?;
        for alteration in &alterations {
            users.alter(user, alteration)?;
        }
        output::put(&format!("Completed updating config for user {user}.\n"), None)
    }

    fn import(&self, file: &Path) -> Result<(), Error> {
        let invalid = |text| Err(Error::new(Status::INVALID_ARGUMENT, text));
        let Some(store) = self.store.open(Missing::Make)? else {
            return invalid("--import is for --store");
        };
        let mut credentials = Mechanism::ALL.map(|mechanism| (mechanism, 4096)).to_vec();
        if let Some(added) = &self.add_config {
            credentials.clear();
            for config in parse_added(added)? {
                if config.password.is_some() {
                    return invalid(
                        "a password in --add-config: --import takes them from its file",
                    );
                }
                credentials.push((config.mechanism, config.iterations));
            }
        }
        let (credentials, skip_existing) = (&credentials, self.skip_existing);
        Import { store: &store, credentials, skip_existing }.run(file)
    }

    fn alterations(&self) -> Result<Vec<ScramAlteration>, Error> {
        let mut alterations = Vec::new();
        for mechanism in &self.delete_config {
            alterations.push(ScramAlteration::Delete(parse_mechanism(mechanism)?));
        }
        // Asked for once, and for all that have none of their own.
        let mut asked: Option<Zeroizing<String>> = None;
        for config in parse_added(self.add_config.as_deref().unwrap_or_default())? {
            let password = match (config.password, &asked) {
                (Some(password), _) => {
                    if self.password_file.is_some() {
                        return Err(Error::new(
                            Status::INVALID_ARGUMENT,
                            "a password in --add-config and --password-file: give one of the two",
                        ));
                    }
                    warn(
                        "password= shows the secret to all users of this machine; use --password-file",
                    );
                    password
                }
                (None, Some(password)) => password.clone(),
                (None, None) => {
                    let password = match &self.password_file {
                        Some(path) => secret::read("password", path)?,
                        None => secret::prompt("password")?,
                    };
                    asked.insert(password).clone()
                }
            };
            let (mechanism, iterations) = (config.mechanism, config.iterations);
            alterations.push(ScramAlteration::Set { mechanism, iterations, password });
        }
        Ok(alterations)
    }

    fn describe(&self, name: Option<&String>) -> Result<(), Error> {
        let names: Vec<String> = name.into_iter().cloned().collect();
        let users = self.users()?.describe(&names)?;
        if let (Some(name), []) = (name, users.as_slice()) {
            warn(format_args!("there is no SCRAM user of the name '{}'", escape(name)));
        }
        let text = match self.output {
            Format::Text => Zeroizing::new(users.iter().map(line).collect()),
            Format::Json => output::array(users.iter().map(object))?,
        };
        output::put(&text, None)
    }
}

fn line(user: &ScramUser) -> String {
    let credentials = user.credentials.iter();
    let credentials: Vec<String> = credentials
        .map(|(mechanism, iterations)| format!("{}=iterations={iterations}", mechanism.name()))
        .collect();
    let (name, credentials) = (escape(&user.name), credentials.join(", "));
    format!("SCRAM credential configs for user-principal '{name}' are {credentials}\n")
}

fn object(user: &ScramUser) -> Value {
    let credentials = user.credentials.iter();
    let credentials: Vec<Value> = credentials
        .map(|(mechanism, iterations)| {
            json!({ "mechanism": mechanism.name(), "iterations": iterations })
        })
        .collect();
    json!({ "user": user.name, "credentials": credentials })
}
