//! `bootstrap.servers` with protocols in it, as in `SASL_SSL://broker:9093`.
//!
//! librdkafka leaves out every broker whose protocol is not its security.protocol; and with SASL_SSL we
//! let it speak SASL_PLAINTEXT, to us. So it gets the list without protocols.

use crate::properties::{SecurityProtocol, split_protocol};
use crate::{error::Error, status::Status};

/// A list of brokers of which one at least has a protocol before it.
#[derive(Clone, Debug)]
pub(super) struct Servers(Vec<Server>);

#[derive(Clone, Debug)]
struct Server {
    /// None where there is none, and where it is the name of a listener, which says nothing.
    protocol: Option<SecurityProtocol>,
    address: String,
}

impl Servers {
    /// Reads the value of the property; None where no protocol is in it, and librdkafka can have it as
    /// it is.
    pub(super) fn parse(value: &str) -> Option<Self> {
        value.contains("://").then(|| {
            let servers = value.split(',').map(str::trim).filter(|server| !server.is_empty());
            Self(servers.map(Server::parse).collect())
        })
    }

    /// Whether all of them speak what security.protocol says.
    ///
    /// # Errors
    ///
    /// `INVALID_ARGUMENT`, with both.
    pub(super) fn check(&self, spoken: SecurityProtocol) -> Result<(), Error> {
        match self.0.iter().filter_map(|server| server.protocol).find(|other| *other != spoken) {
            None => Ok(()),
            Some(other) => Err(Error::new(
                Status::INVALID_ARGUMENT,
                format!(
                    "bootstrap.servers says {}://, but security.protocol is {}: make them the same",
                    other.name(),
                    spoken.name(),
                ),
            )),
        }
    }

    /// The list for librdkafka. What speaks another protocol than this keeps it, so that librdkafka
    /// says so and leaves it out.
    pub(super) fn without(&self, spoken: SecurityProtocol) -> String {
        let shown = self.0.iter().map(|Server { protocol, address }| match protocol {
            Some(other) if *other != spoken => format!("{}://{address}", other.name()),
            _ => address.clone(),
        });
        shown.collect::<Vec<_>>().join(",")
    }
}

impl Server {
    fn parse(server: &str) -> Self {
        let (protocol, rest) = split_protocol(server);
        // librdkafka takes no heed of a path behind a protocol either.
        let address = protocol.map_or(rest, |_| rest.split('/').next().unwrap_or_default());
        Self {
            protocol: protocol.and_then(SecurityProtocol::from_name),
            address: address.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_protocol_goes_away_where_it_is_the_one_spoken() {
        use SecurityProtocol::{SaslPlaintext, SaslSsl};
        assert!(Servers::parse("a:1,[::1]:2").is_none());
        for (value, spoken, list) in [
            ("SASL_SSL://a:1", SaslSsl, "a:1"),
            ("sasl_ssl://a:1, Sasl_Ssl://[::1]:2 ,b", SaslSsl, "a:1,[::1]:2,b"),
            ("SASL_PLAINTEXT://a:1/path,b:2", SaslPlaintext, "a:1,b:2"),
            ("EXTERNAL://a:1", SaslSsl, "a:1"),
            ("SASL_SSL://a:1,b:2", SaslPlaintext, "SASL_SSL://a:1,b:2"),
        ] {
            assert_eq!(Servers::parse(value).unwrap().without(spoken), list, "{value}");
        }
    }

    #[test]
    fn another_protocol_is_refused() {
        for value in ["a:1,SASL_PLAINTEXT://b:2", "plaintext://a:1", "SSL://a:1"] {
            let servers = Servers::parse(value).unwrap();
            let error = servers.check(SecurityProtocol::SaslSsl).unwrap_err();
            assert!(error.text().contains("security.protocol is SASL_SSL"), "{error}");
        }
    }
}
