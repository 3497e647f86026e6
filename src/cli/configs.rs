//! `configs`: SCRAM users in the manner of kafka-configs.sh (KIP-554).

use std::path::{Path, PathBuf};

use clap::{ArgGroup, Args, ValueEnum};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::cluster_args::{ClusterArguments, read_properties};
use super::import::Import;
use super::scram_config::{ScramConfig, Whose, parse_added, parse_deleted, parse_file};
use super::store_args::{Missing, StoreArgument};
use super::user_file::UserFile;
use super::users::Users;
use super::{exit, output, secret, warn};
use crate::kafka::{ScramAlteration, ScramUser, escape};
use crate::scram::Mechanism;
use crate::{error::Error, json, status::Status};

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
#[command(group = ArgGroup::new("added").multiple(true))]
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
    /// object with "username" and "password". A name in a line without JSON neither begins with a
    /// quote, a bracket, a brace or `#` nor has blanks around it; JSON takes any name. Each user gets
    /// both mechanisms with 4096 iterations, or what --add-config says, such as
    /// 'SCRAM-SHA-512=[iterations=8192]'. Lines are imported in their order: after an error or an
    /// interruption, those before are in the store.
    #[arg(long, value_name = "FILE", group = "action", conflicts_with = "bootstrap_server")]
    #[arg(conflicts_with_all = ["name", "add_config_file", "delete_config", "password_file"])]
    import: Option<PathBuf>,

    /// Leave users alone that have all of these credentials already, and so go on with an import
    #[arg(long, conflicts_with_all = ["alter", "describe"])]
    skip_existing: bool,

    /// Only users have SCRAM credentials
    #[arg(long, value_enum)]
    entity_type: Option<EntityType>,

    /// The user, together with --entity-type users
    #[arg(long, value_name = "NAME", group = "name", requires = "entity_type")]
    #[arg(allow_hyphen_values = true)]
    entity_name: Option<String>,

    /// The user; the same as --entity-type users --entity-name NAME
    #[arg(long, value_name = "NAME", group = "name", allow_hyphen_values = true)]
    user: Option<String>,

    /// Credentials to set: 'SCRAM-SHA-256=[iterations=8192],SCRAM-SHA-512=[password=...]'
    ///
    /// Entries are separated by commas, each a mechanism, `=` and one pair of brackets. Within them
    /// stands `iterations=N` (4096 unless given; at most 16384 in a cluster, 1000000 in a store), or
    /// `password=...`, or both in this order with a comma between them. The password goes on to the
    /// last bracket, commas included; a `]` in it stays in it, where kafka-configs.sh drops it.
    ///
    /// Refused are passwords that are most likely slips: with a blank or line end at either end, with
    /// `,iterations=` or `,password=` or a mechanism in them, and with more than one pair of brackets.
    /// --password-file takes any.
    ///
    /// All users of this machine can see a password that stands here; without one, it is read from
    /// --password-file, or asked for.
    #[arg(long, value_name = "CONFIG", groups = ["change", "added"])]
    add_config: Option<String>,

    /// Properties file with credentials to set: a line is 'SCRAM-SHA-256=iterations=8192,password=...'
    ///
    /// As in kafka-configs.sh, a value has no brackets here, and where both options name a mechanism,
    /// --add-config counts. Other characters than those of ISO 8859-1 are written as \uXXXX.
    #[arg(long, value_name = "FILE", groups = ["change", "added"])]
    add_config_file: Option<PathBuf>,

    /// Mechanisms whose credentials to delete: 'SCRAM-SHA-256,SCRAM-SHA-512'
    #[arg(long, value_name = "MECHANISM,...", group = "change", value_delimiter = ',')]
    delete_config: Vec<String>,

    /// File with the password for --add-config or --add-config-file; - is standard input
    #[arg(long, value_name = "FILE", requires = "added")]
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
        let missing = if self.has_added() { Missing::Make } else { Missing::Refuse };
        match self.store.open(missing)? {
            Some(store) => Ok(Users::Store(store)),
            None => Ok(Users::Cluster(Box::new(self.cluster.cluster(self.cluster.config(None)?)?))),
        }
    }

    fn whose(&self) -> Whose {
        if self.store.store.is_some() { Whose::Store } else { Whose::Cluster }
    }

    fn has_added(&self) -> bool {
        self.add_config.is_some() || self.add_config_file.is_some()
    }

    fn alter(&self, user: &str) -> Result<(), Error> {
        if user.is_empty() {
            return invalid("the user's name is empty");
        }
        let alterations = self.alterations()?;
        if self.has_added() && self.whose() == Whose::Cluster && !user.is_ascii() {
            warn(format_args!(
                "Kafka's brokers read user names of ASCII alone, and never let '{}' in, unless their \
                 listener has the login module of scramtoken",
                escape(user)
            ));
        }
        let mut users = self.users()?;
        for alteration in &alterations {
            users.alter(user, alteration)?;
        }
        output::print(&format!("Completed updating config for user {user}.\n"))
    }

    fn import(&self, path: &Path) -> Result<(), Error> {
        let mut credentials = Mechanism::ALL.map(|mechanism| (mechanism, 4096)).to_vec();
        if let Some(added) = &self.add_config {
            let added = parse_added(added, Whose::Store)?;
            if added.iter().any(|config| config.password.is_some()) {
                return invalid("a password in --add-config: --import takes them from its file");
            }
            credentials =
                added.iter().map(|config| (config.mechanism, config.iterations)).collect();
        }
        let file = UserFile::open(path)?;
        let Some(store) = self.store.open(Missing::Make)? else {
            return invalid("--import is for --store");
        };
        let (credentials, skip_existing) = (&credentials, self.skip_existing);
        Import { store: &store, credentials, skip_existing }.run(path, file)
    }

    fn alterations(&self) -> Result<Vec<ScramAlteration>, Error> {
        let deleted = parse_deleted(&self.delete_config)?;
        let added = self.added()?;
        if added.iter().any(|config| deleted.contains(&config.mechanism)) {
            return invalid("a mechanism is to be set and to be deleted: give it to one option");
        }
        if self.password_file.is_some() && added.iter().any(|config| config.password.is_some()) {
            return invalid(
                "a password in --add-config or --add-config-file, and --password-file: give one of \
                 the two",
            );
        }
        let mut alterations: Vec<_> = deleted.into_iter().map(ScramAlteration::Delete).collect();
        // Asked for once, and for all that have none of their own.
        let mut asked: Option<Zeroizing<String>> = None;
        for ScramConfig { mechanism, iterations, password } in added {
            let password = match (password, &asked) {
                (Some(password), _) => password,
                (None, Some(password)) => password.clone(),
                (None, None) => {
                    let password = match &self.password_file {
                        Some(path) => secret::read("password", path)?,
                        None => secret::prompt("password")?,
                    };
                    asked.insert(password).clone()
                }
            };
            alterations.push(ScramAlteration::Set { mechanism, iterations, password });
        }
        Ok(alterations)
    }

    /// The credentials to set: those of the file that --add-config does not set, then those of
    /// --add-config.
    fn added(&self) -> Result<Vec<ScramConfig>, Error> {
        let mut added = Vec::new();
        if let Some(text) = &self.add_config {
            added = parse_added(text, self.whose())?;
        }
        let passwords = || added.iter().filter_map(|config| config.password.as_ref());
        if passwords().next().is_some() {
            warn("password= shows the secret to all users of this machine; use --password-file");
        }
        if passwords().any(|password| password.contains(']')) {
            warn("the brackets in the password are part of it; kafka-configs.sh would drop them");
        }
        let Some(path) = &self.add_config_file else { return Ok(added) };
        let properties = read_properties(path)?;
        let mut configs = parse_file(&properties, self.whose()).map_err(|error| {
            // What is wrong is wrong in the file, and not on the command line.
            Error::new(Status::CORRUPT, format!("{}: {error}", path.display()))
        })?;
        configs.retain(|config| added.iter().all(|added| added.mechanism != config.mechanism));
        configs.append(&mut added);
        Ok(configs)
    }

    fn describe(&self, name: Option<&String>) -> Result<(), Error> {
        let names: Vec<String> = name.into_iter().cloned().collect();
        let users = self.users()?.describe(&names)?;
        if let (Some(name), []) = (name, users.as_slice()) {
            warn(format_args!("there is no SCRAM user of the name '{}'", escape(name)));
        }
        let text = match self.output {
            Format::Text => Zeroizing::new(users.iter().map(line).collect()),
            Format::Json => json::array(users.iter().map(object)),
        };
        output::print(&text)
    }
}

fn invalid<T>(text: &'static str) -> Result<T, Error> {
    Err(Error::new(Status::INVALID_ARGUMENT, text))
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
