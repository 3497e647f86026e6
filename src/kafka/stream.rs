//! A blocking connection whose every read and write ends with a deadline.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::time::Duration;

use rustls::pki_types::CertificateDer;
use rustls::{ClientConnection, StreamOwned};

use super::address::Address;
use super::deadline::Deadline;
use super::failure::Failure;
use super::tls;
use crate::status::Status;
use crate::tls::Tls;

/// TCP, bare or under TLS.
#[derive(Debug)]
pub(super) enum Stream {
    Plain(Socket),
    Tls(Box<StreamOwned<ClientConnection, Socket>>),
}

impl Stream {
    /// Connects to the first of the host's addresses that answers, and shakes hands where `tls`
    /// says so; `setup` is the most that one address may take.
    pub(super) fn connect(
        address: &Address,
        tls: Option<&Tls>,
        setup: Duration,
        deadline: Deadline,
    ) -> Result<Self, Failure> {
        let mut socket = Socket::connect(address, setup, deadline)?;
        let Some(tls) = tls else { return Ok(Self::Plain(socket)) };
        let mut connection = tls.connection(&address.host)?;
        while connection.is_handshaking() {
            connection.complete_io(&mut socket).map_err(|error| match error.kind() {
                io::ErrorKind::UnexpectedEof => Failure::retriable(
                    Status::IO,
                    format!(
                        "TLS with {address}: it broke off the handshake; if its listener does not \
                         speak TLS, security.protocol must be SASL_PLAINTEXT or PLAINTEXT"
                    ),
                ),
                _ => Failure::io(format_args!("TLS with {address}"), &explained(error)),
            })?;
        }
        Ok(Self::Tls(Box::new(StreamOwned::new(connection, socket))))
    }

    /// The network addresses of a host, at least one.
    pub(super) fn resolve(address: &Address) -> Result<Vec<SocketAddr>, Failure> {
        let resolved =
            (address.host.as_str(), address.port).to_socket_addrs().map_err(|error| {
                Failure::retriable(Status::IO, format!("the host name in {address}: {error}"))
            })?;
        let resolved: Vec<_> = resolved.collect();
        if resolved.is_empty() { Err(no_address(address)) } else { Ok(resolved) }
    }

    /// The certificates that the peer has shown, its own first; none without TLS.
    pub(super) fn certificates(&self) -> &[CertificateDer<'static>] {
        match self {
            Self::Plain(_) => &[],
            Self::Tls(stream) => stream.conn.peer_certificates().unwrap_or_default(),
        }
    }

    /// Whether it goes without TLS.
    pub(super) fn is_plain(&self) -> bool {
        matches!(self, Self::Plain(_))
    }

    /// Until when what follows may take.
    pub(super) fn set_deadline(&mut self, deadline: Deadline) {
        match self {
            Self::Plain(socket) => socket.deadline = deadline,
            Self::Tls(stream) => stream.sock.deadline = deadline,
        }
    }
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(socket) => socket.read(buffer),
            Self::Tls(stream) => stream.read(buffer).map_err(explained),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(socket) => socket.write(bytes),
            Self::Tls(stream) => stream.write(bytes).map_err(explained),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(socket) => socket.flush(),
            Self::Tls(stream) => stream.flush().map_err(explained),
        }
    }
}

/// The same error, with what an error of TLS means for its text.
fn explained(error: io::Error) -> io::Error {
    let tls = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    match tls.map(tls::explain) {
        Some(text) => io::Error::new(error.kind(), text),
        None => error,
    }
}

/// The deadline is looked at before each system call, so that a peer who sends a byte now and then
/// gets no more time than one who sends nothing.
#[derive(Debug)]
pub(super) struct Socket {
    tcp: TcpStream,
    deadline: Deadline,
}

impl Socket {
    fn connect(address: &Address, setup: Duration, deadline: Deadline) -> Result<Self, Failure> {
        let failed =
            |error: &io::Error| Failure::io(format_args!("connecting to {address}"), error);
        let mut last = no_address(address);
        for resolved in Stream::resolve(address)? {
            let deadline = deadline.or_after(setup);
            let connected = deadline
                .remaining()
                .and_then(|timeout| TcpStream::connect_timeout(&resolved, timeout));
            match connected {
                Ok(tcp) => {
                    tcp.set_nodelay(true).map_err(|error| failed(&error))?;
                    return Ok(Self { tcp, deadline });
                }
                Err(error) => last = failed(&error),
            }
        }
        Err(last)
    }
}

fn no_address(address: &Address) -> Failure {
    let text = format!("the host name in {address} has no network address");
    Failure::retriable(Status::IO, text)
}

impl Read for Socket {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.tcp.set_read_timeout(Some(self.deadline.remaining()?))?;
        self.tcp.read(buffer)
    }
}

impl Write for Socket {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.tcp.set_write_timeout(Some(self.deadline.remaining()?))?;
        self.tcp.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.tcp.flush()
    }
}
