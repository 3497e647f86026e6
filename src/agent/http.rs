//! The agent's pages: for probes, Prometheus and `agent status`; and the client that the last one needs.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use super::metrics;
use super::view::{Shared, View};
use crate::service::{self, JSON, METRICS, OK, Page, TEXT, UNAVAILABLE};
use crate::{error::Error, status::Status};

/// Serves the pages until the process ends.
///
/// # Errors
///
/// `IO` where nobody can listen there.
pub(super) fn serve(address: SocketAddr, shared: Shared) -> Result<(), Error> {
    let mend = "give listen another address in the configuration, or \"off\"";
    service::serve(address, mend, move |target| page(target, &shared))
}

fn page(target: &str, shared: &Shared) -> Page {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let token = query.split('&').find_map(|pair| pair.strip_prefix("token="));
    match path {
        "/healthz" => match shared.read(View::is_healthy) {
            true => (OK, TEXT, "ok\n".to_owned()),
            false => (UNAVAILABLE, TEXT, "the agent's loop does not go round\n".to_owned()),
        },
        "/readyz" => {
            let missing = shared.read(|view| view.not_ready(token));
            match missing.is_empty() {
                true => (OK, TEXT, "ok\n".to_owned()),
                false => (UNAVAILABLE, TEXT, format!("not published: {}\n", missing.join(", "))),
            }
        }
        "/metrics" => (OK, METRICS, shared.read(metrics::page)),
        "/status" => (OK, JSON, format!("{:#}\n", shared.read(View::json))),
        _ => {
            let paths = "there are /healthz, /readyz, /metrics and /status\n";
            ("404 Not Found", TEXT, paths.to_owned())
        }
    }
}

/// The status code and the body of a page of another agent.
///
/// # Errors
///
/// `IO`.
pub(super) fn get(address: SocketAddr, target: &str) -> Result<(u16, String), Error> {
    let failed = |why: String| Error::new(Status::IO, format!("the agent at {address}: {why}"));
    let ask = || {
        let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let request = format!("GET {target} HTTP/1.1\r\nHost: {address}\r\n\r\n");
        stream.write_all(request.as_bytes())?;
        let mut answer = String::new();
        stream.take(MOST_ANSWER).read_to_string(&mut answer)?;
        Ok(answer)
    };
    let answer = ask().map_err(|error: io::Error| match error.kind() {
        io::ErrorKind::ConnectionRefused => failed(
            "nobody listens there; does it run, and with this address as its listen?".to_owned(),
        ),
        _ => failed(error.to_string()),
    })?;
    let parsed = answer.split_once("\r\n\r\n").and_then(|(head, body)| {
        let code = head.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()?;
        Some((code, body.to_owned()))
    });
    parsed.ok_or_else(|| failed("its answer is none of an agent".to_owned()))
}

const MOST_ANSWER: u64 = 64 * 1024 * 1024;
const PATIENCE: Duration = Duration::from_secs(2);
