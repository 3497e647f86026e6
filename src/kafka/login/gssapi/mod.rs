//! GSSAPI (RFC 4752): Kerberos, by the system's libgssapi_krb5.

mod explain;
mod from_properties;
mod gate;
mod keytab;
mod library;
mod principal;

use core::ffi::CStr;
use core::sync::atomic::{AtomicU64, Ordering};
use std::ffi::CString;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::sync::{Arc, mpsc};
use std::thread;

use self::explain::Doing;
use self::gate::{Gate, Pass};
pub(crate) use self::library::end_process;
use self::library::{Context, Credential, Fault, Library, Name, NameKind};
use super::Exchange;
use super::Failure;
use crate::kafka::deadline::Deadline;
use crate::{error::Error, status::Status};

/// As whom to log in, and to which service.
#[derive(Clone)]
pub(super) struct Gssapi {
    credentials: Credentials,
    service: Service,
}

/// The brokers' principals.
#[derive(Clone)]
enum Service {
    /// `SERVICE/HOST`, of the host that the connection goes to.
    OfHost(String),
    /// One for all.
    Principal(String),
}

/// Where tickets come from.
#[derive(Clone)]
enum Credentials {
    /// They are asked for with a key, and kept in memory.
    Keytab { path: PathBuf, principal: String, cache: Arc<MemoryCache> },
    /// Somebody else has asked for them; without a name, in what KRB5CCNAME or krb5.conf says.
    Tickets { cache: Option<String>, principal: Option<String> },
}

impl Gssapi {
    /// The principal, where the properties name it.
    pub(super) fn principal(&self) -> Option<&str> {
        match &self.credentials {
            Credentials::Keytab { principal, .. } => Some(principal),
            Credentials::Tickets { principal, .. } => principal.as_deref(),
        }
    }

    /// The session's lifetime in ms.
    pub(super) fn log_in(&self, exchange: &mut Exchange<'_>) -> Result<i64, Failure> {
        let (login, host) = (self.clone(), exchange.connection.address().host.clone());
        let deadline = exchange.deadline;
        let Started { mut context, principal, token } =
            within(deadline, self.turn(deadline)?, move || login.start(&host))?;
        exchange.name = principal;
        let what = format!("the Kerberos login to broker {}", exchange.connection.address());
        let token = establish(&mut context, token, exchange, &what)?;
        let (offer, _) = exchange.authenticate(&token)?;
        let answer = without_layer(&mut context, &offer, &what)?;
        Ok(exchange.authenticate(&answer)?.1)
    }

    /// Tickets of a keytab are renewed in place, which two at once must not do.
    fn turn(&self, deadline: Deadline) -> Result<Option<Pass<Arc<Gate>>>, Failure> {
        let Credentials::Keytab { cache, .. } = &self.credentials else { return Ok(None) };
        Gate::enter(Arc::clone(&cache.turn), deadline).ok_or_else(explain::no_turn).map(Some)
    }

    /// All that may ask a KDC.
    fn start(&self, host: &str) -> Result<Started, Failure> {
        let library = Library::get()?;
        let target = match &self.service {
            Service::OfHost(service) => {
                Name::import(library, &format!("{service}@{host}"), NameKind::HostBasedService)
            }
            Service::Principal(name) => Name::import(library, name, NameKind::Principal),
        };
        let target = target.map_err(|fault| explain::failure(&fault, Doing::Target))?;
        let name = self.principal().map(|name| Name::import(library, name, NameKind::Principal));
        let name = name.transpose().map_err(|fault| explain::failure(&fault, Doing::Principal))?;
        let (keytab, cache, doing) = match &self.credentials {
            Credentials::Keytab { path, cache, .. } => {
                let keytab = c_string([b"FILE:", path.as_os_str().as_bytes()].concat())?;
                (Some(keytab), Some(cache.name.clone()), Doing::Keytab)
            }
            Credentials::Tickets { cache, .. } => {
                let cache = cache.clone().map(|cache| c_string(cache.into_bytes())).transpose()?;
                (Some(NO_KEYTAB.to_owned()), cache, Doing::Tickets)
            }
        };
        let store: Vec<(&CStr, &CStr)> = [(c"client_keytab", &keytab), (c"ccache", &cache)]
            .into_iter()
            .filter_map(|(key, value)| Some((key, value.as_deref()?)))
            .collect();
        let failed = |fault: Fault| explain::failure(&fault, doing);
        let credential = Credential::acquire(library, name.as_ref(), &store).map_err(failed)?;
        let mut context = Context::new(credential, target);
        let first = context.step(None).map_err(failed)?;
        let principal = context.principal().map_err(failed)?;
        Ok(Started { context, principal, token: first.token })
    }
}

/// Until each side has proved who it is; the token is for the broker, and may be empty.
fn establish(
    context: &mut Context,
    mut token: Vec<u8>,
    exchange: &mut Exchange<'_>,
    what: &str,
) -> Result<Vec<u8>, Failure> {
    for _ in 0..MAX_STEPS {
        let (challenge, _) = exchange.authenticate(&token)?;
        if challenge.is_empty() {
            break;
        }
        let step = context.step(Some(&challenge));
        let step = step.map_err(|fault| explain::failure(&fault, Doing::Answer(what)))?;
        if step.is_complete && step.is_mutual {
            return Ok(step.token);
        }
        if step.is_complete {
            return Err(Failure::malformed(what, "the broker did not prove who it is"));
        }
        token = step.token;
    }
    let why = "the broker sent no end of the login, as no Kafka broker does";
    Err(Failure::malformed(what, why))
}

/// The answer to the broker's offer of security layers: none, and no authorization id, for one acts as
/// oneself.
fn without_layer(context: &mut Context, offer: &[u8], what: &str) -> Result<Vec<u8>, Failure> {
    let failed = |fault| explain::failure(&fault, Doing::Answer(what));
    // Which layers there are, in one bit each, and how long messages may be in them.
    match context.unwrap(offer).map_err(failed)?.as_slice() {
        [layers, _, _, _] if layers & NO_LAYER != 0 => {}
        [_, _, _, _] => {
            let why = "the broker wants a SASL security layer, which Kafka does not have";
            return Err(Failure::malformed(what, why));
        }
        _ => return Err(Failure::malformed(what, "the broker's offer is not of four bytes")),
    }
    context.wrap(&[NO_LAYER, 0, 0, 0]).map_err(failed)
}

/// What there is before anything is sent to a broker.
struct Started {
    context: Context,
    /// As whom.
    principal: String,
    token: Vec<u8>,
}

/// Where the tickets of one login by keytab are; nobody else's.
struct MemoryCache {
    name: CString,
    turn: Arc<Gate>,
}

impl MemoryCache {
    fn new() -> Self {
        static NUMBER: AtomicU64 = AtomicU64::new(0);

        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = CString::new(format!("MEMORY:scramtoken-{number}")).unwrap_or_default();
        Self { name, turn: Arc::new(Gate::new(1)) }
    }
}

impl Drop for MemoryCache {
    fn drop(&mut self) {
        if let Some(library) = Library::if_loaded() {
            library.destroy_cache(&self.name);
        }
    }
}

/// Whether a thread is still inside the library, which may not end meanwhile.
pub(crate) fn is_waiting() -> bool {
    !INSIDE.is_empty()
}

/// Those who wait for a KDC.
static INSIDE: Gate = Gate::new(MAX_INSIDE);

/// Does what may wait for a KDC, which the library gives up only after its own time, in a thread that
/// is left to itself after ours.
fn within<T: Send + 'static>(
    deadline: Deadline,
    turn: Option<Pass<Arc<Gate>>>,
    work: impl FnOnce() -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    let inside = Gate::enter(&INSIDE, deadline).ok_or_else(explain::no_place)?;
    let (sender, receiver) = mpsc::sync_channel(1);
    let remaining = deadline.remaining().map_err(|_| explain::no_answer())?;
    let thread = thread::Builder::new()
        .name("kerberos".to_owned())
        .spawn(move || {
            let _inside = inside;
            let _turn = turn;
            // Where nobody waits any longer, the outcome is freed here, inside.
            drop(sender.send(work()));
        })
        .map_err(|error| Error::new(Status::IO, format!("a thread for Kerberos: {error}")))?;
    match receiver.recv_timeout(remaining) {
        Ok(outcome) => {
            // What the library keeps for each thread is freed as it ends.
            let _ = thread.join();
            outcome
        }
        Err(mpsc::RecvTimeoutError::Timeout) => Err(explain::no_answer()),
        Err(mpsc::RecvTimeoutError::Disconnected) => {
            Err(Error::new(Status::INTERNAL, "the login by Kerberos broke off").into())
        }
    }
}

fn c_string(bytes: Vec<u8>) -> Result<CString, Error> {
    CString::new(bytes).map_err(|_| {
        Error::new(Status::INVALID_ARGUMENT, "sasl.jaas.config: a NUL is part of no path")
    })
}

/// A keytab that nobody fills. Without one libkrb5 takes the default client keytab, and writes the tickets
/// that it gives into the user's cache.
const NO_KEYTAB: &CStr = c"MEMORY:scramtoken-none";
/// How many threads may wait for KDCs, so that one that hangs costs no more.
const MAX_INSIDE: usize = 8;
/// Kerberos takes one.
const MAX_STEPS: usize = 5;
/// The bit of "no security layer".
const NO_LAYER: u8 = 1;
