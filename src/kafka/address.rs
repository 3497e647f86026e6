//! Where a broker listens: `host:port`, with an IPv6 address in brackets.

use core::fmt;
use core::net::IpAddr;
use core::str::FromStr;

use crate::properties::{SecurityProtocol, split_protocol};
use crate::{error::Error, status::Status};

/// A host, without brackets, and a port.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Address {
    pub(crate) host: String,
    pub(crate) port: u16,
}

impl Address {
    /// The addresses of `bootstrap.servers`: comma-separated, at least one. Each may begin with a
    /// protocol, as in `SASL_SSL://host:port`. `spoken` is what security.protocol says, and another
    /// protocol than that is refused: Kafka's clients would ignore it, and then wait for an answer
    /// that cannot come. The name of a listener says nothing, and is ignored.
    ///
    /// # Errors
    ///
    /// `INVALID_ARGUMENT`, with the address that is none.
    pub(crate) fn parse_list(list: &str, spoken: SecurityProtocol) -> Result<Vec<Self>, Error> {
        let invalid = |text| Err(Error::new(Status::INVALID_ARGUMENT, text));
        let mut addresses = Vec::new();
        for server in list.split(',').map(str::trim).filter(|server| !server.is_empty()) {
            let (named, address) = split_protocol(server);
            let named = named.and_then(SecurityProtocol::from_name);
            let address = address.parse()?;
            if let Some(named) = named.filter(|named| *named != spoken) {
                return invalid(format!(
                    "the server {address} is said to speak {}, but security.protocol is {}: set \
                     security.protocol in --command-config",
                    named.name(),
                    spoken.name(),
                ));
            }
            addresses.push(address);
        }
        if addresses.is_empty() {
            return invalid("the list of bootstrap servers is empty".to_owned());
        }
        Ok(addresses)
    }
}

impl Address {
    /// Whether what is sent there stays on this host.
    pub(crate) fn is_loopback(&self) -> bool {
        self.host == "localhost" || self.host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
    }
}

impl FromStr for Address {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let parse = || {
            let (host, port) = text.rsplit_once(':')?;
            let host = match host.strip_prefix('[') {
                Some(host) => host.strip_suffix(']')?,
                None if host.contains(':') => return None,
                None => host,
            };
            if host.is_empty() || host.contains(['/', '[', ']', ' ', '@']) {
                return None;
            }
            let port = port.parse().ok().filter(|port| *port != 0)?;
            Some(Self { host: host.to_owned(), port })
        };
        parse().ok_or_else(|| {
            // Somebody may have written user and password before the host, as in a URL.
            let server = if text.contains('@') { "with an @" } else { text };
            Error::new(
                Status::INVALID_ARGUMENT,
                format!(
                    "the server {server:?} is not host:port; an IPv6 address goes in brackets, as \
                     in [::1]:9092"
                ),
            )
        })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port } = self;
        if host.contains(':') { write!(f, "[{host}]:{port}") } else { write!(f, "{host}:{port}") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_lists() {
        let list = "localhost:9092, [::1]:9093,,b-1.example:1";
        let list = Address::parse_list(list, SecurityProtocol::Plaintext).unwrap();
        let texts: Vec<_> = list.iter().map(Address::to_string).collect();
        assert_eq!(texts, ["localhost:9092", "[::1]:9093", "b-1.example:1"]);
        assert_eq!(list[1].host, "::1");
    }

    #[test]
    fn reads_servers_with_a_protocol() {
        let list = "SASL_SSL://a:1,sasl_ssl://[::1]:2, EXTERNAL://b:3,c:4";
        let list = Address::parse_list(list, SecurityProtocol::SaslSsl).unwrap();
        let texts: Vec<_> = list.iter().map(Address::to_string).collect();
        assert_eq!(texts, ["a:1", "[::1]:2", "b:3", "c:4"]);
        for text in ["SSL://a:1", "c:4,plaintext://a:1"] {
            let error = Address::parse_list(text, SecurityProtocol::SaslSsl).unwrap_err();
            assert!(error.text().contains("security.protocol is SASL_SSL"), "{error}");
        }
    }

    #[test]
    fn refuses_what_is_no_address() {
        for text in
            ["", ",", "localhost", "::1:9092", "[::1]", "h:0", "h:65536", "h:", ":1", "SSL://h"]
        {
            let error = Address::parse_list(text, SecurityProtocol::Ssl).unwrap_err();
            assert_eq!(error.status(), Status::INVALID_ARGUMENT, "{text}");
        }
        for text in ["SSL://alice:s3cret@h:1", "alice:s3cret@h:1", "PLAINTEXT://a:s3cret@h:1"] {
            let error = Address::parse_list(text, SecurityProtocol::Ssl).unwrap_err();
            assert!(!error.text().contains("s3cret"), "{error}");
        }
    }
}
