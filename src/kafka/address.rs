//! Where a broker listens: `host:port`, with an IPv6 address in brackets.

use core::fmt;
use core::str::FromStr;

use crate::{error::Error, status::Status};

/// A host, without brackets, and a port.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Address {
    pub(crate) host: String,
    pub(crate) port: u16,
}

impl Address {
    /// The addresses of `bootstrap.servers`: comma-separated, at least one.
    ///
    /// # Errors
    ///
    /// `INVALID_ARGUMENT`, with the address that is none.
    pub(crate) fn parse_list(list: &str) -> Result<Vec<Self>, Error> {
        let addresses: Result<Vec<Self>, Error> = list
            .split(',')
            .map(str::trim)
            .filter(|text| !text.is_empty())
            .map(str::parse)
            .collect();
        match addresses {
            Ok(addresses) if addresses.is_empty() => {
                Err(Error::new(Status::INVALID_ARGUMENT, "the list of bootstrap servers is empty"))
            }
            other => other,
        }
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
            // "SSL://host:port" is how listeners are written, not servers.
            if host.is_empty() || host.contains(['/', '[', ']', ' ']) {
                return None;
            }
            let port = port.parse().ok().filter(|port| *port != 0)?;
            Some(Self { host: host.to_owned(), port })
        };
        parse().ok_or_else(|| {
            Error::new(
                Status::INVALID_ARGUMENT,
                format!(
                    "the server {text:?} is not host:port; an IPv6 address goes in brackets, as \
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
        let list = Address::parse_list("localhost:9092, [::1]:9093,,b-1.example:1").unwrap();
        let texts: Vec<_> = list.iter().map(Address::to_string).collect();
        assert_eq!(texts, ["localhost:9092", "[::1]:9093", "b-1.example:1"]);
        assert_eq!(list[1].host, "::1");
    }

    #[test]
    fn refuses_what_is_no_address() {
        for text in
            ["", ",", "localhost", "::1:9092", "[::1]", "h:0", "h:65536", "h:", ":1", "SSL://h:1"]
        {
            let error = Address::parse_list(text).unwrap_err();
            assert_eq!(error.status(), Status::INVALID_ARGUMENT, "{text}");
        }
    }
}
