//! One broker, looked at step by step, for whoever wonders which step fails. No step sends a secret.

use std::net::{SocketAddr, TcpStream};

use kafka_protocol::messages::SaslHandshakeRequest;

use super::address::Address;
use super::apis::Api;
use super::config::Config;
use super::connection::Connection;
use super::deadline::Deadline;
use super::error_code;
use super::failure::Failure;
use super::stream::Stream;
use super::untrusted::excerpt;
use crate::error::Error;
use crate::tls::{Shown, Tls};

/// A network address of a host, and what came of connecting to it.
pub(crate) type Reached = (SocketAddr, Result<(), Error>);

/// Connects to each network address of the host, and says what came of it.
///
/// # Errors
///
/// `IO` where the host has none.
pub(crate) fn reach(address: &Address, config: &Config) -> Result<Vec<Reached>, Error> {
    let resolved = Stream::resolve(address).map_err(|failure| failure.error)?;
    let connect = |resolved: SocketAddr| {
        let connected = TcpStream::connect_timeout(&resolved, config.setup_timeout);
        let failed = |error| Failure::io(format_args!("connecting to {resolved}"), &error).error;
        (resolved, connected.map(|_| ()).map_err(failed))
    };
    Ok(resolved.into_iter().map(connect).collect())
}

/// The certificates that the broker shows, its own first, whoever has signed them; None without TLS.
///
/// # Errors
///
/// `IO`.
pub(crate) fn shown_certificates(
    address: &Address,
    config: &Config,
) -> Result<Option<Vec<Shown>>, Error> {
    if config.tls.is_none() {
        return Ok(None);
    }
    let deadline = Deadline::after(config.request_timeout);
    let stream =
        Stream::connect(address, Some(&Tls::of_anybody()?), config.setup_timeout, deadline)
            .map_err(|failure| failure.error)?;
    Ok(Some(stream.certificates().iter().filter_map(Shown::of).collect()))
}

/// Shakes hands as for a login: TLS with every check that the properties ask for.
///
/// # Errors
///
/// `IO`, and those of TLS.
pub(crate) fn shake_hands(address: &Address, config: &Config) -> Result<(), Error> {
    let deadline = Deadline::after(config.request_timeout);
    Stream::connect(address, config.tls.as_ref(), config.setup_timeout, deadline)
        .map(|_| ())
        .map_err(|failure| failure.error)
}

/// The mechanisms that the listener offers; none where it takes no login by SASL.
///
/// # Errors
///
/// `IO`, those of TLS, and what the broker says.
pub(crate) fn offered_mechanisms(address: &Address, config: &Config) -> Result<Vec<String>, Error> {
    const ILLEGAL_SASL_STATE: i16 = 34;
    const UNSUPPORTED_SASL_MECHANISM: i16 = 33;

    let ask = || {
        let deadline = Deadline::after(config.request_timeout);
        let mut connection = Connection::open(address, &config.without_login(), deadline)?;
        // A mechanism that nobody has is answered by the list of those that there are.
        let request = SaslHandshakeRequest::default().with_mechanism("NONE".into());
        let response = connection.call(&request, deadline)?;
        match response.error_code {
            error_code::NONE | UNSUPPORTED_SASL_MECHANISM => {
                Ok(response.mechanisms.iter().map(|name| excerpt(name)).collect())
            }
            ILLEGAL_SASL_STATE => Ok(Vec::new()),
            code => Err(error_code::failure(SaslHandshakeRequest::NAME, code, None)),
        }
    };
    ask().map_err(|failure: Failure| failure.error)
}
