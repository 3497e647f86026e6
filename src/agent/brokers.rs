//! What the agent asks of brokers, one request after the other, each with an end.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::config::{Asked, ClusterConfig, placeholder};
use super::life::{Acceptance, Failure};
use crate::kafka::{Address, Broker, Cluster, Config};
use crate::scram::Mechanism;
use crate::service::steady_ms;
use crate::token::{Principal, Token};
use crate::{error::Error, status::Status};

/// The cluster, as the agent sees it.
#[derive(Debug)]
pub(super) struct Brokers {
    config: ClusterConfig,
    connected: Option<Connected>,
    /// The properties' mechanism and protocol of logins by tokens, once they were read.
    way: Option<(Option<Mechanism>, &'static str)>,
    /// Brokers that cannot be reached, and until when they are not tried again.
    away: BTreeMap<String, (i64, Error)>,
}

/// What a run of requests has in common.
#[derive(Debug)]
struct Connected {
    admin: Cluster,
    admin_config: Config,
    /// How tokens log in, with the credential of some token.
    tokens: Config,
    /// Who the admin is, once it had to be known.
    ourselves: Option<Principal>,
}

/// Which brokers take a login by a token.
pub(super) struct Probe {
    pub(super) acceptance: Acceptance,
    /// How many accept it.
    pub(super) accepted: usize,
    /// How many refuse it; others could not be asked.
    pub(super) refused: usize,
    /// Those that do not, with why.
    pub(super) missing: Vec<String>,
}

impl Brokers {
    pub(super) fn new(config: ClusterConfig) -> Self {
        Self { config, connected: None, way: None, away: BTreeMap::new() }
    }

    /// Lets go of connections; the properties are read anew for the next one.
    pub(super) fn disconnect(&mut self) {
        self.connected = None;
    }

    pub(super) fn create(&mut self, asked: &Asked) -> Result<Token, Error> {
        let Asked { owner, renewers, max_lifetime_ms } = asked;
        let mut renewers = renewers.clone();
        if let Some(owner) = owner {
            // Who makes a token for another may renew and end it only as one of its renewers.
            let ourselves = self.ourselves()?;
            if ourselves != *owner && !renewers.contains(&ourselves) {
                renewers.push(ourselves);
            }
        }
        self.ask(|cluster| cluster.create_token(owner.as_ref(), &renewers, *max_lifetime_ms))
    }

    /// Who the agent is for the brokers, which may map names as they like. They say so in the answer to
    /// a request for a token of one's own: it lives for a second, and is ended at once.
    fn ourselves(&mut self) -> Result<Principal, Error> {
        if let Some(ourselves) = &self.connected()?.ourselves {
            return Ok(ourselves.clone());
        }
        let token = self.ask(|cluster| cluster.create_token(None, &[], 1000))?;
        let hmac = token.hmac_bytes()?;
        // Where that fails, it ends by itself.
        let _ = self.ask(|cluster| cluster.expire_token(&hmac, -1));
        let ourselves: Principal = token.owner.unwrap_or_default().parse()?;
        self.connected()?.ourselves = Some(ourselves.clone());
        Ok(ourselves)
    }

    /// The new expiry.
    pub(super) fn renew(&mut self, token: &Token) -> Result<i64, Error> {
        let hmac = token.hmac_bytes()?;
        self.ask(|cluster| cluster.renew_token(&hmac, -1))
    }

    pub(super) fn expire(&mut self, token: &Token) -> Result<(), Error> {
        let hmac = token.hmac_bytes()?;
        self.ask(|cluster| cluster.expire_token(&hmac, -1).map(|_| ()))
    }

    /// Logs in by a token to every broker that the cluster names now.
    pub(super) fn probe(
        &mut self,
        token: &Token,
        mechanism: Option<Mechanism>,
    ) -> Result<Probe, Error> {
        let (config, places) = self.places(token, mechanism)?;
        let brokers = match places {
            Places::Brokers(brokers) => brokers,
            Places::Refused { servers, why } => {
                let acceptance = Acceptance::None;
                return Ok(Probe { acceptance, accepted: 0, refused: servers, missing: vec![why] });
            }
        };
        let cluster = Cluster::new(Vec::new(), config, |_| ());
        let now_ms = steady_ms();
        self.away.retain(|_, (until_ms, _)| *until_ms > now_ms);
        let (mut missing, mut refused) = (Vec::new(), 0);
        for Broker { id, address, .. } in &brokers {
            let place = address.to_string();
            let outcome = match self.away.get(&place) {
                Some((_, error)) => Err(error.clone()),
                None => cluster.connect_to(address).map(|_| ()),
            };
            let Err(error) = outcome else { continue };
            if error.status() != Status::IO {
                refused += 1;
            } else {
                let until_ms = steady_ms() + AWAY_MS;
                self.away.entry(place).or_insert_with(|| (until_ms, error.clone()));
            }
            missing.push(format!("broker {id}: {error}"));
        }
        let acceptance = if brokers.is_empty() || missing.len() == brokers.len() {
            Acceptance::None
        } else if missing.is_empty() {
            Acceptance::All
        } else {
            Acceptance::Some
        };
        let accepted = brokers.len().saturating_sub(missing.len());
        Ok(Probe { acceptance, accepted, refused, missing })
    }

    /// Where the brokers are that the cluster names now.
    pub(super) fn addresses(&mut self) -> Result<Vec<Address>, Error> {
        let brokers = self.ask(Cluster::brokers)?;
        Ok(brokers.into_iter().map(|broker| broker.address).collect())
    }

    /// Which of these tokens this broker does not list, or lists with another HMAC, as it does with
    /// another secret key: their places in the list.
    pub(super) fn suspects(
        &mut self,
        address: &Address,
        tokens: &[&Token],
    ) -> Result<BTreeSet<usize>, Error> {
        let mut owners: Vec<Principal> = Vec::new();
        for owner in tokens.iter().filter_map(|token| token.owner.as_deref()?.parse().ok()) {
            if !owners.contains(&owner) {
                owners.push(owner);
            }
        }
        let ids: BTreeSet<&str> = tokens.iter().map(|token| token.id.as_str()).collect();
        let config = self.connected()?.admin_config.clone().impatient(PROBE).without_retries();
        let mut cluster = Cluster::new(vec![address.clone()], config, |_| ());
        let listed = match cluster.describe_some(&owners, |id| ids.contains(id)) {
            Err(error) if error.status() == Status::TOKEN_AUTH_DISABLED => Vec::new(),
            other => other?,
        };
        let listed: BTreeMap<&str, &Token> =
            listed.iter().map(|token| (token.id.as_str(), token)).collect();
        let is_same = |token: &Token| {
            let listed = listed.get(token.id.as_str());
            listed.is_some_and(|listed| listed.has_same_hmac(token))
        };
        let all = tokens.iter().enumerate();
        Ok(all.filter(|(_, token)| !is_same(token)).map(|(place, _)| place).collect())
    }

    /// By which mechanism and protocol a token logs in.
    pub(super) fn way(
        &mut self,
        mechanism: Option<Mechanism>,
    ) -> Result<(Mechanism, &'static str), Error> {
        let (theirs, protocol) = match self.way {
            Some(way) => way,
            None => {
                let tokens = &self.connected()?.tokens;
                (tokens.scram_mechanism(), tokens.protocol().name())
            }
        };
        Ok((mechanism.or(theirs).unwrap_or(Mechanism::ScramSha512), protocol))
    }

    /// The brokers, and how the token logs in to them.
    fn places(
        &mut self,
        token: &Token,
        mechanism: Option<Mechanism>,
    ) -> Result<(Config, Places), Error> {
        let (mechanism, _) = self.way(mechanism)?;
        let credential = token.client_credential()?;
        let config = self.connected()?.tokens.with_credential(mechanism, credential)?;
        let brokers = match &self.config.token_servers {
            None => Places::Brokers(self.ask(Cluster::brokers)?),
            Some(servers) => by_token(servers, &config)?,
        };
        Ok((config.impatient(PROBE), brokers))
    }

    fn ask<T>(&mut self, ask: impl FnOnce(&mut Cluster) -> Result<T, Error>) -> Result<T, Error> {
        let admin = &mut self.connected()?.admin;
        let answer = ask(admin).map_err(|error| match error.status() {
            // Our own login's end is not that of the token that was asked about.
            Status::TOKEN_EXPIRED if !admin.is_logged_in() => {
                Error::new(Status::SERVER_REFUSED, error.text().to_owned())
            }
            _ => error,
        });
        if answer.is_err() {
            self.disconnect();
        }
        answer
    }

    fn connected(&mut self) -> Result<&mut Connected, Error> {
        if self.connected.is_none() {
            let (admin, _) = Config::read(&self.config.command_config, None)?;
            let tokens = match &self.config.token_config {
                None => admin.clone(),
                Some(path) => Config::read(path, Some(placeholder()?))?.0,
            };
            let servers = Address::parse_list(&self.config.servers, admin.protocol())?;
            let admin_config = admin.clone();
            let admin = Cluster::new(servers, admin.impatient(REQUEST), |_| ());
            self.way = Some((tokens.scram_mechanism(), tokens.protocol().name()));
            self.connected = Some(Connected { admin, admin_config, tokens, ourselves: None });
        }
        self.connected.as_mut().ok_or_else(|| Error::new(Status::INTERNAL, "not connected"))
    }
}

/// Where a token is to log in.
enum Places {
    Brokers(Vec<Broker>),
    /// All listeners of tokens that answer refuse it, so that nobody names the brokers.
    Refused {
        servers: usize,
        why: String,
    },
}

/// Asks the listeners of tokens by the token itself, the first that lets it in.
fn by_token(servers: &str, config: &Config) -> Result<Places, Error> {
    let config = config.clone().impatient(PROBE).without_retries();
    let mut refused: Vec<String> = Vec::new();
    let mut last = None;
    for address in Address::parse_list(servers, config.protocol())? {
        let mut cluster = Cluster::new(vec![address], config.clone(), |_| ());
        match cluster.brokers() {
            Ok(brokers) => return Ok(Places::Brokers(brokers)),
            Err(error) => match error.status() {
                Status::SERVER_REFUSED | Status::TOKEN_EXPIRED => {
                    refused.push(error.text().to_owned());
                }
                _ => last = Some(error),
            },
        }
    }
    match last {
        Some(error) if refused.is_empty() => Err(error),
        _ => Ok(Places::Refused { servers: refused.len(), why: refused.join("; ") }),
    }
}

/// What an error means for the token that was asked about.
pub(super) fn failure(error: &Error) -> Failure {
    match error.status() {
        Status::TOKEN_NOT_FOUND | Status::TOKEN_EXPIRED => Failure::Gone,
        _ => Failure::Other,
    }
}

/// The most that one request may take, with its tries.
const REQUEST: Duration = Duration::from_secs(10);
/// The most that one login by a token may take.
const PROBE: Duration = Duration::from_secs(3);
/// For how long a broker that cannot be reached is not tried again.
const AWAY_MS: i64 = 1_000;
