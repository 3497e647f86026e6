//! The cluster as a client sees it: several bootstrap servers, one connection, tries and deadlines
//! as in Kafka's AdminClient.

use std::thread;
use std::time::Duration;

use kafka_protocol::messages::{DescribeClusterRequest, DescribeClusterResponse};

use super::address::Address;
use super::apis::{Api, ListApi};
use super::config::Config;
use super::connection::Connection;
use super::deadline::Deadline;
use super::error_code;
use super::failure::Failure;
use super::list::Elements;
use crate::error::Error;
use crate::token::Principal;

/// A client of a cluster. Connects when first asked for something.
#[derive(Debug)]
pub(crate) struct Cluster {
    config: Config,
    servers: Vec<Address>,
    /// Which server is next, when there is no connection.
    next_server: usize,
    connection: Option<Connection>,
    /// Whether the last try to log in went well.
    is_logged_in: bool,
    on_retry: fn(&Error),
}

impl Cluster {
    /// `on_retry` hears of each failure that is followed by another try, where it is a new one.
    pub(crate) fn new(servers: Vec<Address>, config: Config, on_retry: fn(&Error)) -> Self {
        Self { config, servers, next_server: 0, connection: None, is_logged_in: false, on_retry }
    }

    /// Asks any broker: in KRaft all of them take requests about tokens, and pass them on to the
    /// controller. `outcome` looks at the response for an error.
    pub(super) fn ask<R: Api, T>(
        &mut self,
        request: &R,
        outcome: impl Fn(R::Response) -> Result<T, Failure>,
    ) -> Result<T, Error> {
        self.until_deadline(|cluster, deadline| {
            let connection = cluster.connected(deadline)?;
            outcome(connection.call(request, deadline)?)
        })
    }

    /// Like [`ask`](Self::ask), for an answer that is a list: `outcome` gets it without its elements,
    /// and these beside it, to be decoded one at a time.
    pub(super) fn ask_for_list<R: ListApi, T>(
        &mut self,
        request: &R,
        outcome: impl Fn(R::Response, Elements<R::Element>) -> Result<T, Failure>,
    ) -> Result<T, Error> {
        self.until_deadline(|cluster, deadline| {
            let connection = cluster.connected(deadline)?;
            let (response, elements) = connection.call_for_list(request, deadline)?;
            outcome(response, elements)
        })
    }

    /// Like [`ask_for_list`](Self::ask_for_list), and which cluster gave the answer: both over one
    /// connection, since another may lead elsewhere.
    pub(super) fn ask_whom_for_list<R: ListApi, T>(
        &mut self,
        request: &R,
        outcome: impl Fn(R::Response, Elements<R::Element>) -> Result<T, Failure>,
    ) -> Result<(Identity, T), Error> {
        self.until_deadline(|cluster, deadline| {
            let connection = cluster.connected(deadline)?;
            let identity = identity(connection, deadline)?;
            let (response, elements) = connection.call_for_list(request, deadline)?;
            Ok((identity, outcome(response, elements)?))
        })
    }

    /// Like [`ask`](Self::ask), but for what must not be done twice: a request that went out, and whose
    /// answer did not come, is not repeated. `undone` says what to look for then.
    pub(super) fn ask_once<R: Api, T>(
        &mut self,
        request: &R,
        undone: &str,
        outcome: impl Fn(R::Response) -> Result<T, Failure>,
    ) -> Result<T, Error> {
        self.until_deadline(|cluster, deadline| {
            let connection = cluster.connected(deadline)?;
            let prepared = connection.prepare(request)?;
            let answer = connection.call_prepared::<R>(&prepared, deadline);
            outcome(answer.map_err(|Failure { error, .. }| {
                Failure::from(Error::new(error.status(), format!("{error}; {undone}")))
            })?)
        })
    }

    /// Asks the controller, or what the cluster gives out as that (in KRaft some broker, which passes
    /// the request on).
    pub(super) fn ask_controller<R: Api, T>(
        &mut self,
        request: &R,
        outcome: impl Fn(R::Response) -> Result<T, Failure>,
    ) -> Result<T, Error> {
        self.until_deadline(|cluster, deadline| {
            let nodes = describe(cluster.connected(deadline)?, Which::Running, deadline)?;
            let controller = nodes.controller().ok_or_else(no_controller)?;
            if cluster.connected(deadline)?.address() != controller {
                cluster.connection = Some(cluster.open(controller, deadline)?);
            }
            outcome(cluster.connected(deadline)?.call(request, deadline)?)
        })
    }

    pub(super) fn config(&self) -> &Config {
        &self.config
    }

    /// The principal that brokers take us for; None where only they know, as of names that they map.
    pub(crate) fn principal(&self) -> Option<String> {
        let login = self.config.login()?;
        let name = if login.mechanism() == "GSSAPI" { "" } else { login.name() };
        (!name.is_empty()).then(|| format!("{}:{name}", Principal::USER))
    }

    /// All brokers of the cluster that run.
    pub(crate) fn brokers(&mut self) -> Result<Vec<Broker>, Error> {
        Ok(self.described(Which::Running)?.brokers)
    }

    /// All brokers of the cluster, those too that its controller has fenced, as far as Kafka tells
    /// (KIP-1073: 4.0 and newer): whether it does is the second part.
    pub(crate) fn all_brokers(&mut self) -> Result<(Vec<Broker>, bool), Error> {
        let nodes = self.described(Which::All)?;
        Ok((nodes.brokers, nodes.has_fenced))
    }

    fn described(&mut self, which: Which) -> Result<Nodes, Error> {
        self.until_deadline(|cluster, deadline| {
            describe(cluster.connected(deadline)?, which, deadline)
        })
    }

    /// Logs in to the first bootstrap server that answers.
    pub(crate) fn connect(&mut self) -> Result<&Connection, Error> {
        self.until_deadline(|cluster, deadline| cluster.connected(deadline).map(|_| ()))?;
        self.connection.as_ref().ok_or_else(|| no_controller().error)
    }

    /// Logs in to one broker, with one try.
    pub(crate) fn connect_to(&self, address: &Address) -> Result<Connection, Error> {
        let deadline = Deadline::after(self.config.api_timeout);
        Connection::open(address, &self.config, deadline).map_err(|failure| failure.error)
    }

    /// Whether the last request got as far as a broker: what failed then is not our own login.
    pub(crate) fn is_logged_in(&self) -> bool {
        self.is_logged_in
    }

    fn open(&mut self, address: &Address, deadline: Deadline) -> Result<Connection, Failure> {
        self.is_logged_in = false;
        let connection = Connection::open(address, &self.config, deadline)?;
        self.is_logged_in = true;
        Ok(connection)
    }

    fn connected(&mut self, deadline: Deadline) -> Result<&mut Connection, Failure> {
        if self.connection.is_none() {
            let server = self.servers.get(self.next_server % self.servers.len().max(1));
            let server = server.ok_or_else(no_controller)?.clone();
            self.next_server += 1;
            self.connection = Some(self.open(&server, deadline)?);
        }
        self.connection.as_mut().ok_or_else(no_controller)
    }

    /// Tries until it works, fails for good, or the time of the whole call is over.
    fn until_deadline<T>(
        &mut self,
        mut attempt: impl FnMut(&mut Self, Deadline) -> Result<T, Failure>,
    ) -> Result<T, Error> {
        let whole = Deadline::after(self.config.api_timeout);
        let mut tries: u32 = 0;
        let mut told: Option<Error> = None;
        let mut cause: Option<Error> = None; // the last that says more than that time ran out
        loop {
            // Brokers and what lies between close a connection that is old or has been idle.
            let may_be_stale = self.connection.is_some();
            let failure = match attempt(self, whole.or_after(self.config.request_timeout)) {
                Ok(done) => return Ok(done),
                Err(failure) => failure,
            };
            // Whatever went wrong, the next try is made elsewhere or afresh.
            self.connection = None;
            if may_be_stale && failure.is_retriable && !failure.is_timeout {
                continue; // which is no try at a broker
            }
            tries += 1;
            let backoff = self.backoff(tries);
            let is_last = tries > self.config.retries
                || whole.remaining().map_or(true, |remaining| remaining < backoff);
            if !failure.is_retriable {
                return Err(failure.error);
            }
            let Failure { error, is_timeout, .. } = failure;
            if is_last {
                let error = if is_timeout { cause.unwrap_or(error) } else { error };
                let text = format!("{} (after {tries} {})", error.text(), plural(tries));
                return Err(Error::new(error.status(), text));
            }
            // The same again and again is worth one line.
            if told.as_ref() != Some(&error) {
                (self.on_retry)(&error);
                told = Some(error.clone());
            }
            if !is_timeout {
                cause = Some(error);
            }
            thread::sleep(backoff);
        }
    }

    /// retry.backoff.ms, doubled with each try up to retry.backoff.max.ms (KIP-580). Bootstrap
    /// servers that were not asked yet are asked at once.
    fn backoff(&self, tries: u32) -> Duration {
        if self.next_server < self.servers.len() {
            return Duration::ZERO;
        }
        let factor = 2u32.saturating_pow(tries.saturating_sub(1).min(16));
        (self.config.backoff * factor).min(self.config.backoff_max)
    }
}

/// A cluster, and what we may do to it.
#[derive(Debug)]
pub(crate) struct Identity {
    pub(crate) id: String,
    /// Everything that can be done to the cluster as a whole: super users may, and everybody where there
    /// is no authorizer.
    pub(crate) may_everything: bool,
}

/// Bits of AclOperation: CREATE, ALTER, DESCRIBE, CLUSTER_ACTION, DESCRIBE_CONFIGS, ALTER_CONFIGS and
/// IDEMPOTENT_WRITE, which are all that there are on a cluster.
const EVERYTHING: i32 = 1 << 5 | 1 << 7 | 1 << 8 | 1 << 9 | 1 << 10 | 1 << 11 | 1 << 12;

/// A broker of the cluster.
#[derive(Clone, Debug)]
pub(crate) struct Broker {
    pub(crate) id: i32,
    pub(crate) address: Address,
    /// Whether the controller keeps it away from clients: it is down, or still starting.
    pub(crate) is_fenced: bool,
}

/// Which brokers to ask for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Which {
    Running,
    All,
}

struct Nodes {
    brokers: Vec<Broker>,
    controller_id: i32,
    /// Whether fenced brokers are among them, where there are some.
    has_fenced: bool,
}

impl Nodes {
    fn controller(&self) -> Option<&Address> {
        let controller = self.brokers.iter().find(|broker| broker.id == self.controller_id);
        controller.map(|broker| &broker.address)
    }
}

fn describe_cluster(
    connection: &mut Connection,
    request: &DescribeClusterRequest,
    deadline: Deadline,
) -> Result<DescribeClusterResponse, Failure> {
    let response = connection.call(request, deadline)?;
    if response.error_code != error_code::NONE {
        let said = response.error_message.as_deref();
        return Err(error_code::failure(DescribeClusterRequest::NAME, response.error_code, said));
    }
    Ok(response)
}

fn identity(connection: &mut Connection, deadline: Deadline) -> Result<Identity, Failure> {
    let request =
        DescribeClusterRequest::default().with_include_cluster_authorized_operations(true);
    let response = describe_cluster(connection, &request, deadline)?;
    let operations = response.cluster_authorized_operations;
    Ok(Identity {
        id: response.cluster_id.to_string(),
        may_everything: operations & EVERYTHING == EVERYTHING,
    })
}

fn describe(
    connection: &mut Connection,
    which: Which,
    deadline: Deadline,
) -> Result<Nodes, Failure> {
    const KNOWS_FENCED: i16 = 2;
    let mut request = DescribeClusterRequest::default();
    if which == Which::All && connection.speaks(&request, KNOWS_FENCED) {
        request.include_fenced_brokers = true;
    }
    let has_fenced = request.include_fenced_brokers;
    let response = describe_cluster(connection, &request, deadline)?;
    let brokers = response.brokers.iter().filter_map(|broker| {
        // Nobody can reach a broker whose port is out of range, or whose host is no name.
        let port = u16::try_from(broker.port).ok()?;
        let host = broker.host.to_string();
        if !host.bytes().all(|byte| byte.is_ascii_graphic()) {
            return None;
        }
        let address = Address { host, port };
        Some(Broker { id: broker.broker_id.0, address, is_fenced: broker.is_fenced })
    });
    let controller_id = response.controller_id.0;
    Ok(Nodes { brokers: brokers.collect(), controller_id, has_fenced })
}

fn no_controller() -> Failure {
    const LEADER_NOT_AVAILABLE: i16 = 5;
    error_code::failure(DescribeClusterRequest::NAME, LEADER_NOT_AVAILABLE, None)
}

fn plural(tries: u32) -> &'static str {
    if tries == 1 { "try" } else { "tries" }
}
