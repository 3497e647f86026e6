//! A connection to the broker, as it is or inside of TLS.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use rustls::client::Resumption;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use crate::Failure;

const PATIENCE: Duration = Duration::from_secs(60);

/// Where connections go.
pub(crate) struct Broker {
    address: SocketAddr,
    tls: Option<Arc<ClientConfig>>,
}

pub(crate) enum Connection {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
}

impl Broker {
    /// With an authority's certificate, a PEM file, by TLS. Each connection shakes hands in full:
    /// in a storm every client is another process.
    pub(crate) fn new(address: &str, ca: Option<&str>) -> Result<Self, Failure> {
        let tls = match ca {
            None => None,
            Some(path) => {
                let mut roots = RootCertStore::empty();
                roots.add(CertificateDer::from_pem_file(path)?)?;
                let provider = Arc::new(rustls::crypto::ring::default_provider());
                let mut config = ClientConfig::builder_with_provider(provider)
                    .with_safe_default_protocol_versions()?
                    .with_root_certificates(roots)
                    .with_no_client_auth();
                config.resumption = Resumption::disabled();
                Some(Arc::new(config))
            }
        };
        Ok(Self { address: address.parse()?, tls })
    }

    pub(crate) fn connect(&self) -> Result<Connection, Failure> {
        let stream = TcpStream::connect_timeout(&self.address, PATIENCE)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        Ok(match &self.tls {
            None => Connection::Plain(stream),
            Some(config) => {
                let name = ServerName::from(self.address.ip());
                let client = ClientConnection::new(Arc::clone(config), name)?;
                Connection::Tls(Box::new(StreamOwned::new(client, stream)))
            }
        })
    }
}

impl Connection {
    /// Says that nothing more comes; dropping closes.
    pub(crate) fn finish(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(_) => Ok(()),
            Self::Tls(stream) => {
                stream.conn.send_close_notify();
                stream.flush()
            }
        }
    }
}

impl Read for Connection {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.read(bytes),
            Self::Tls(stream) => stream.read(bytes),
        }
    }
}

impl Write for Connection {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.write(bytes),
            Self::Tls(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(stream) => stream.flush(),
            Self::Tls(stream) => stream.flush(),
        }
    }
}
