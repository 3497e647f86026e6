//! A small HTTP server for probes and Prometheus.
//!
//! GET and HEAD, one request for each connection, everything bounded; nothing that is secret.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::{error::Error, status::Status};

/// What a GET is answered with: a status line, a content type and a body.
pub(crate) type Page = (&'static str, &'static str, String);

/// Serves until the process ends. `page` is asked for what comes after GET: a path, perhaps a query.
/// `mend` says where another address can be given.
///
/// # Errors
///
/// `IO` where nobody can listen there.
pub(crate) fn serve(
    address: SocketAddr,
    mend: &str,
    page: impl Fn(&str) -> Page + Send + Sync + 'static,
) -> Result<(), Error> {
    let failed = |error: io::Error| {
        let text = format!("listening at {address}: {error}; {mend}");
        Error::new(Status::IO, text)
    };
    let listener = TcpListener::bind(address).map_err(failed)?;
    let (open, page) = (Arc::new(AtomicUsize::new(0)), Arc::new(page));
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
            let page = Arc::clone(&page);
            let answer = move || {
                let _guard = guard;
                let _ = answer(stream, &*page);
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

fn answer(mut stream: TcpStream, page: &dyn Fn(&str) -> Page) -> io::Result<()> {
    let request = read_head(&mut stream, Instant::now() + PATIENCE)?;
    let (status, kind, body) = match request.as_deref().map(parse) {
        Some(Some(("GET" | "HEAD", target))) => page(target),
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

pub(crate) const OK: &str = "200 OK";
pub(crate) const UNAVAILABLE: &str = "503 Service Unavailable";
pub(crate) const TEXT: &str = "text/plain; charset=utf-8";
pub(crate) const JSON: &str = "application/json";
pub(crate) const METRICS: &str = "text/plain; version=0.0.4; charset=utf-8";
const MOST_HEAD: usize = 8 * 1024;
const MOST_CONNECTIONS: usize = 16;
const PATIENCE: Duration = Duration::from_secs(2);
const STACK: usize = 128 * 1024;
