//! A small HTTP server for probes, Prometheus and `agent status`, and the client that the last one needs.
//!
//! GET and HEAD, one request for each connection, everything bounded; nothing that is secret.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::metrics;
use super::view::Shared;
use crate::{error::Error, status::Status};

/// Serves until the process ends.
///
/// # Errors
///
/// `IO` where nobody can listen there.
pub(super) fn serve(address: SocketAddr, shared: Shared) -> Result<(), Error> {
    let failed = |error: io::Error| {
        let text = format!(
            "listening at {address}: {error}; give listen another address in the configuration, or \
             \"off\""
        );
        Error::new(Status::IO, text)
    };
    let listener = TcpListener::bind(address).map_err(failed)?;
    let open = Arc::new(AtomicUsize::new(0));
    let accept = move || {
        loop {
            let Ok((stream, _)) = listener.accept() else {
                thread::sleep(Duration::from_millis(100)); // out of descriptors
                continue;
            };
            let guard = Open::new(&open);
            if guard.number > MOST_CONNECTIONS {
                continue;
            }
            let shared = shared.clone();
            let answer = move || {
                let _guard = guard;
                let _ = answer(stream, &shared);
            };
            // Where there is no thread to be had, the connection is closed.
            let _ = thread::Builder::new().stack_size(STACK).spawn(answer);
        }
    };
    thread::Builder::new()
        .name("http".to_owned())
        .stack_size(STACK)
        .spawn(accept)
        .map_err(failed)?;
    Ok(())
}

struct Open {
    count: Arc<AtomicUsize>,
    number: usize,
}

impl Open {
    fn new(count: &Arc<AtomicUsize>) -> Self {
        let number = count.fetch_add(1, Ordering::Relaxed) + 1;
        Self { count: Arc::clone(count), number }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.count.fetch_sub(1, Ordering::Relaxed);
    }
}

fn answer(mut stream: TcpStream, shared: &Shared) -> io::Result<()> {
    let request = read_head(&mut stream, Instant::now() + PATIENCE)?;
    let (status, kind, body) = match request.as_deref().map(parse) {
        Some(Some(("GET" | "HEAD", target))) => page(target, shared),
        Some(Some(_)) => ("405 Method Not Allowed", TEXT, "only GET is served\n".to_owned()),
        _ => ("400 Bad Request", TEXT, "that is no HTTP\n".to_owned()),
    };
    let is_head = request.is_some_and(|request| request.starts_with("HEAD "));
    let length = body.len();
    let body = if is_head { "" } else { &body };
    let answer = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\
         Cache-Control: no-store\r\nConnection: close\r\n\r\n{body}"
    );
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.write_all(answer.as_bytes())
}

fn page(target: &str, shared: &Shared) -> (&'static str, &'static str, String) {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let token = query.split('&').find_map(|pair| pair.strip_prefix("token="));
    match path {
        "/healthz" => match shared.read(super::view::View::is_healthy) {
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
        "/status" => (OK, JSON, format!("{:#}\n", shared.read(super::view::View::json))),
        _ => {
            let paths = "there are /healthz, /readyz, /metrics and /status\n";
            ("404 Not Found", TEXT, paths.to_owned())
        }
    }
}

/// Everything up to the empty line; None for what is no text or too long.
fn read_head(stream: &mut TcpStream, deadline: Instant) -> io::Result<Option<String>> {
    let mut head = Vec::new();
    let mut chunk = [0; 1024];
    while !head.windows(4).any(|window| window == b"\r\n\r\n") {
        if head.len() > MOST_HEAD {
            return Ok(None);
        }
        let left = deadline.saturating_duration_since(Instant::now());
        stream.set_read_timeout(Some(left.max(Duration::from_millis(1))))?;
        let count = stream.read(&mut chunk)?;
        if count == 0 || left.is_zero() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        head.extend_from_slice(chunk.get(..count).unwrap_or_default());
    }
    Ok(String::from_utf8(head).ok())
}

/// Method and target of `GET /path HTTP/1.1`.
fn parse(head: &str) -> Option<(&str, &str)> {
    let mut words = head.lines().next()?.split(' ');
    let (method, target, version) = (words.next()?, words.next()?, words.next()?);
    (target.starts_with('/') && version.starts_with("HTTP/1.") && words.next().is_none())
        .then_some((method, target))
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

const OK: &str = "200 OK";
const UNAVAILABLE: &str = "503 Service Unavailable";
const TEXT: &str = "text/plain; charset=utf-8";
const JSON: &str = "application/json";
const METRICS: &str = "text/plain; version=0.0.4; charset=utf-8";
const MOST_HEAD: usize = 8 * 1024;
const MOST_ANSWER: u64 = 64 * 1024 * 1024;
const MOST_CONNECTIONS: usize = 16;
const PATIENCE: Duration = Duration::from_secs(2);
const STACK: usize = 128 * 1024;
