//! The configuration file, read into types: what is wrong with it is found before anything is done.

mod section;
#[cfg(test)]
mod tests;

use core::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use toml::de::DeTable;

pub(in crate::agent) use self::section::Section;
use self::section::{Found, Text};
use super::kubernetes::{self, Given, check_server};
use super::targets::Target;
use crate::files::read_public;
use crate::kafka::{self, Address};
use crate::properties::SecurityProtocol::{Plaintext, SaslPlaintext, SaslSsl, Ssl};
use crate::scram::{ClientCredential, Mechanism};
use crate::service::LogFormat;
use crate::token::Principal;
use crate::{byte_order_mark, error::Error, status::Status};

/// Everything that the agent is told.
#[derive(Debug)]
pub(in crate::agent) struct Config {
    pub(in crate::agent) cluster: ClusterConfig,
    pub(in crate::agent) journal: JournalPlace,
    /// Where HTTP is served; None is nowhere.
    pub(in crate::agent) listen: Option<SocketAddr>,
    pub(in crate::agent) log: LogFormat,
    pub(in crate::agent) on_exit: OnExit,
    /// How often brokers are asked whether they still accept the tokens.
    pub(in crate::agent) check_interval_ms: i64,
    /// At least one, each of another name.
    pub(in crate::agent) tokens: Vec<TokenConfig>,
}

/// Where the journal is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::agent) enum JournalPlace {
    File(PathBuf),
    Secret(kubernetes::Secret),
}

/// How the agent reaches the brokers, and how those do who use its tokens.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::agent) struct ClusterConfig {
    pub(in crate::agent) command_config: PathBuf,
    pub(in crate::agent) servers: String,
    /// The properties for logins by tokens, where they are not those of `command_config`.
    pub(in crate::agent) token_config: Option<PathBuf>,
    /// The listeners for logins by tokens, where they are not `servers`.
    pub(in crate::agent) token_servers: Option<String>,
}

/// One token, for as long as it is wanted.
#[derive(Clone, Debug)]
pub(in crate::agent) struct TokenConfig {
    pub(in crate::agent) name: String,
    pub(in crate::agent) asked: Asked,
    /// The mechanism of its logins; None is that of the properties, where they name one.
    pub(in crate::agent) mechanism: Option<Mechanism>,
    /// How long the token before it serves on.
    pub(in crate::agent) grace_ms: i64,
    /// How long brokers may take to learn of a new token.
    pub(in crate::agent) accept_timeout_ms: i64,
    /// At least one that keeps the token.
    pub(in crate::agent) targets: Vec<Target>,
}

/// What brokers are asked for. Where it changes, a token is replaced.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::agent) struct Asked {
    pub(in crate::agent) owner: Option<Principal>,
    pub(in crate::agent) renewers: Vec<Principal>,
    /// -1 is the longest that the brokers allow.
    pub(in crate::agent) max_lifetime_ms: i64,
}

/// What becomes of the tokens on SIGTERM.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::agent) enum OnExit {
    Keep,
    Revoke,
}

/// Where HTTP is served unless `listen` says otherwise.
pub(in crate::agent) const DEFAULT_LISTEN: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 9712);

impl Config {
    /// Reads the file, and looks at what it names.
    ///
    /// # Errors
    ///
    /// `INVALID_ARGUMENT`: one sentence with file, line and key.
    pub(in crate::agent) fn read(path: &Path) -> Result<Self, Error> {
        let invalid = |text: String| Error::new(Status::INVALID_ARGUMENT, text);
        let failed = |why: &str| invalid(format!("{}: {why}", path.display()));
        let bytes =
            read_public(path, MAX_BYTES).map_err(|error| invalid(error.text().to_owned()))?;
        let bytes = byte_order_mark::skip(&bytes).map_err(|error| failed(error.text()))?;
        let text = str::from_utf8(bytes).map_err(|_| failed("it is not UTF-8"))?;
        Self::parse(path, text)
    }

    fn parse(path: &Path, text: &str) -> Result<Self, Error> {
        let file = Text { path, text };
        let table = DeTable::parse(text).map_err(|error| {
            let offset = error.span().map_or(0, |span| span.start);
            // A fixed description; it quotes nothing.
            file.error(offset, format_args!("it is no TOML here: {}", error.message()))
        })?;
        let mut top = Section::new(file, "", 0, table.into_inner());

        let cluster = cluster(&mut top)?;
        let given = kubernetes(&mut top)?;
        let mut places = Places::new(path, &cluster);
        let journal = journal(&mut top, &mut places, &given)?;
        let listen = listen(&mut top)?;
        let log = top.choice("log", &[("text", LogFormat::Text), ("json", LogFormat::Json)])?;
        let on_exit =
            top.choice("on_exit", &[("keep", OnExit::Keep), ("revoke", OnExit::Revoke)])?;
        let check_interval_ms =
            top.duration("check_interval", 1000, DAY_MS)?.unwrap_or(CHECK_INTERVAL_MS);
        let sections = top.tables("token", "token.")?;
        if sections.is_empty() {
            let what = "there is no token: add [[token]] with name = \"…\" and a [[token.target]]";
            return Err(top.error(what));
        }
        let mut tokens: Vec<TokenConfig> = Vec::new();
        for section in sections {
            let token = token(section, &tokens, &mut places, &given)?;
            tokens.push(token);
        }
        let journal = journal.or_else(default_journal).or_else(|| journal_of(&tokens));
        let journal = journal.ok_or_else(|| {
            let what = "journal is missing: add journal = \"/var/lib/scramtoken/agent.json\", where \
                        the agent keeps the tokens that it made, or \"secret:kafka-agent\" for a \
                        Secret of Kubernetes; under systemd with StateDirectory= it may be left out, \
                        and for one token that is put into a Secret";
            top.error(what)
        })?;
        top.finish()?;
        Ok(Self {
            cluster,
            journal,
            listen,
            log: log.unwrap_or(LogFormat::Text),
            on_exit: on_exit.unwrap_or(OnExit::Keep),
            check_interval_ms,
            tokens,
        })
    }
}

/// How the API server of Kubernetes is reached, where the configuration says so.
fn kubernetes(top: &mut Section<'_>) -> Result<Given, Error> {
    let Some(mut section) = top.table("kubernetes", "kubernetes.")? else {
        return Ok(Given::default());
    };
    let api_server = match section.text("api_server")? {
        None => None,
        Some(found) => {
            let server = check_server(&found.value);
            Some(server.map_err(|why| found.error(&section.file, why))?)
        }
    };
    let (ca, token_file) = (section.path("ca")?, section.path("token_file")?);
    let namespace = section.namespace()?;
    section.finish()?;
    Ok(Given { api_server, ca, token_file, namespace })
}

fn journal(
    top: &mut Section<'_>,
    places: &mut Places,
    given: &Given,
) -> Result<Option<JournalPlace>, Error> {
    let Some(found) = top.text("journal")? else { return Ok(None) };
    let journal = match found.value.strip_prefix("secret:") {
        None => JournalPlace::File(top.as_path(&found)?),
        Some(name) => {
            let secret = given.secret(name.to_owned(), None);
            JournalPlace::Secret(secret.map_err(|why| found.error(&top.file, why))?)
        }
    };
    places.occupy(journal.to_string()).map_err(|what| found.error(&top.file, what))?;
    Ok(Some(journal))
}

fn cluster(top: &mut Section<'_>) -> Result<ClusterConfig, Error> {
    let Some(command_config) = top.path("command_config")? else {
        let what = "command_config is missing: add command_config = \
                    \"/etc/scramtoken/admin.properties\", the properties by which the agent logs in";
        return Err(top.error(what));
    };
    let servers = servers(top, "bootstrap_servers")?.ok_or_else(|| {
        let what =
            "bootstrap_servers is missing: add bootstrap_servers = \"kafka1:9093,kafka2:9093\"";
        top.error(what)
    })?;
    let token_config = top.path("token_config")?;
    let token_servers = self::servers(top, "token_servers")?;
    Ok(ClusterConfig { command_config, servers, token_config, token_servers })
}

fn servers(top: &mut Section<'_>, key: &'static str) -> Result<Option<String>, Error> {
    let Some(found) = top.texts(key)? else { return Ok(None) };
    let list = found.value.join(",");
    // Which protocol is spoken there, the properties say; here it is enough that there is one.
    let protocols = [SaslSsl, SaslPlaintext, Ssl, Plaintext];
    let parsed = protocols.map(|protocol| Address::parse_list(&list, protocol));
    match parsed.into_iter().reduce(Result::or) {
        Some(Err(error)) => Err(found.error(&top.file, error)),
        _ => Ok(Some(list)),
    }
}

fn listen(top: &mut Section<'_>) -> Result<Option<SocketAddr>, Error> {
    let Some(found) = top.text("listen")? else { return Ok(Some(DEFAULT_LISTEN)) };
    if found.value == "off" {
        return Ok(None);
    }
    match found.value.parse() {
        Ok(address) => Ok(Some(address)),
        Err(_) => {
            let text = &found.value;
            let what = format!(
                "{text:?} is no address with a port: write it as \"127.0.0.1:9712\", or \"off\""
            );
            Err(found.error(&top.file, what))
        }
    }
}

fn token(
    mut section: Section<'_>,
    others: &[TokenConfig],
    places: &mut Places,
    given: &Given,
) -> Result<TokenConfig, Error> {
    let name = section.required_text("name", "\"spark-etl\"")?;
    check_name(&section, &name, others)?;
    let owner = match section.text("owner")? {
        None => None,
        Some(found) => Some(user(&found.value).map_err(|what| found.error(&section.file, what))?),
    };
    let renewers = match section.texts("renewers")? {
        None => Vec::new(),
        Some(found) => {
            let parsed: Result<_, String> = found.value.iter().map(|text| user(text)).collect();
            parsed.map_err(|what| found.error(&section.file, what))?
        }
    };
    let max_lifetime_ms = section.duration("max_lifetime", 1000, YEARS_MS)?.unwrap_or(-1);
    let grace_ms = section.duration("grace", 0, 30 * DAY_MS)?.unwrap_or(GRACE_MS);
    let accept_timeout_ms =
        section.duration("accept_timeout", 1000, DAY_MS)?.unwrap_or(ACCEPT_TIMEOUT_MS);
    let mechanism = section.choice(
        "mechanism",
        &[("SCRAM-SHA-256", Mechanism::ScramSha256), ("SCRAM-SHA-512", Mechanism::ScramSha512)],
    )?;
    let mut targets = Vec::new();
    for mut target in section.tables("target", "token.target.")? {
        let parsed = Target::from_section(&mut target, given)?;
        for place in parsed.occupies(&name.value) {
            places.occupy(place).map_err(|what| target.error(what))?;
        }
        target.finish()?;
        targets.push(parsed);
    }
    if !targets.iter().any(Target::keeps_token) {
        let what = "it has no target that keeps the token: add [[token.target]] with file = \
                    \"/run/kafka/token.json\", or directory, properties, hadoop, secret or command";
        return Err(section.error(what));
    }
    section.finish()?;
    let asked = Asked { owner, renewers, max_lifetime_ms };
    Ok(TokenConfig { name: name.value, asked, mechanism, grace_ms, accept_timeout_ms, targets })
}

/// The places that the configuration names: each is written by one alone, and what is read by nobody.
struct Places {
    read: Vec<String>,
    written: Vec<String>,
}

impl Places {
    fn new(path: &Path, cluster: &ClusterConfig) -> Self {
        let own = std::path::absolute(path).ok();
        let read = [own.as_ref(), Some(&cluster.command_config), cluster.token_config.as_ref()];
        let read = read.into_iter().flatten().map(|path| path.display().to_string());
        Self { read: read.collect(), written: Vec::new() }
    }

    /// The error is a sentence.
    fn occupy(&mut self, place: String) -> Result<(), String> {
        if self.read.contains(&place) {
            return Err(format!("{place} is what the agent reads: choose another"));
        }
        if self.written.contains(&place) {
            return Err(format!("{place} is written already by what stands above: choose another"));
        }
        self.written.push(place);
        Ok(())
    }
}

/// A name goes into logs, labels and the journal.
fn check_name(
    section: &Section<'_>,
    name: &Found<String>,
    others: &[TokenConfig],
) -> Result<(), Error> {
    let text = &name.value;
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    if !text.bytes().all(is_plain) || text.len() > 100 {
        let what = format!(
            "{text:?} is no name: use up to 100 letters, digits, dots, hyphens and underscores"
        );
        return Err(name.error(&section.file, what));
    }
    if others.iter().any(|other| other.name == *text) {
        let what = format!("{text:?} is the name of a token above: choose another");
        return Err(name.error(&section.file, what));
    }
    Ok(())
}

/// Kafka knows no other owners and renewers. The error is a sentence.
fn user(text: &str) -> Result<Principal, String> {
    let principal: Principal = text.parse().map_err(|error: Error| error.text().to_owned())?;
    if principal.is_user() {
        return Ok(principal);
    }
    Err(format!("{text:?} is no user, and Kafka's tokens are for users alone: write User:alice"))
}

/// systemd names the directory where a service keeps its state.
fn default_journal() -> Option<JournalPlace> {
    let directories = std::env::var_os("STATE_DIRECTORY")?;
    let first = std::env::split_paths(&directories).next()?;
    first.is_absolute().then(|| JournalPlace::File(first.join("agent.json")))
}

/// Of one token alone in a Secret, that Secret: whoever reads it has the token anyway.
fn journal_of(tokens: &[TokenConfig]) -> Option<JournalPlace> {
    let [token] = tokens else { return None };
    let secret = token.targets.iter().find_map(Target::secret)?;
    Some(JournalPlace::Secret(secret.clone()))
}

impl fmt::Display for JournalPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::Secret(secret) => write!(f, "the Secret {secret}"),
        }
    }
}

/// Whether the properties that the configuration at `path` names can be used: for `--check-config`, and
/// before anything begins.
///
/// # Errors
///
/// Those of the files, with the key that names one; `INVALID_ARGUMENT` where tokens cannot log in by them.
pub(in crate::agent) fn check_properties(
    path: &Path,
    cluster: &ClusterConfig,
) -> Result<Vec<String>, Error> {
    let of = |key: &'static str| {
        let path = path.display();
        move |error: Error| Error::new(error.status(), format!("{path}: {key}: {error}"))
    };
    let admin = kafka::Config::read(&cluster.command_config, None);
    let (admin, mut warnings) = admin.map_err(of("command_config"))?;
    Address::parse_list(&cluster.servers, admin.protocol()).map_err(of("bootstrap_servers"))?;
    let (config, key) = match &cluster.token_config {
        None => (admin, "command_config"),
        Some(path) => {
            let config = kafka::Config::read(path, Some(placeholder()?));
            let (config, more) = config.map_err(of("token_config"))?;
            warnings.extend(more);
            (config, "token_config")
        }
    };
    if config.login().is_none() {
        let text = "tokens log in by SASL alone: give token_config a file with \
                    security.protocol=SASL_SSL (or SASL_PLAINTEXT), and token_servers where those \
                    listeners are";
        return Err(of(key)(Error::new(Status::INVALID_ARGUMENT, text)));
    }
    if let Some(servers) = &cluster.token_servers {
        Address::parse_list(servers, config.protocol()).map_err(of("token_servers"))?;
    }
    Ok(warnings)
}

/// Stands in for a token where a configuration is read before there are tokens.
pub(in crate::agent) fn placeholder() -> Result<ClientCredential, Error> {
    ClientCredential::token(b"token", b"hmac")
}

const MAX_BYTES: usize = 4 * 1024 * 1024;
const DAY_MS: i64 = 24 * 60 * 60 * 1000;
const YEARS_MS: i64 = 100 * 365 * DAY_MS;
/// Longer than the kubelet takes to bring a changed Secret into its mounts (some two minutes).
const GRACE_MS: i64 = 10 * 60 * 1000;
const ACCEPT_TIMEOUT_MS: i64 = 30 * 1000;
const CHECK_INTERVAL_MS: i64 = 60 * 1000;

/// One target by its keys alone.
#[cfg(test)]
pub(in crate::agent) fn parse_target(keys: &str) -> Result<Target, Error> {
    let file = Text { path: Path::new("test"), text: keys };
    let table = DeTable::parse(keys).map_err(|error| file.error(0, error.message()))?;
    let mut section = Section::new(file, "token.target.", 0, table.into_inner());
    let target = Target::from_section(&mut section, &Given::default())?;
    section.finish()?;
    Ok(target)
}
