//! The values of `security.protocol`, which also stand before a server, as in
//! `SASL_SSL://broker:9092`.

/// What is spoken on a connection to a broker.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum SecurityProtocol {
    Plaintext,
    Ssl,
    SaslPlaintext,
    SaslSsl,
}

impl SecurityProtocol {
    const ALL: [Self; 4] = [Self::Plaintext, Self::Ssl, Self::SaslPlaintext, Self::SaslSsl];

    /// The protocol of this name, in upper or lower case, as Kafka's clients read it.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|protocol| name.eq_ignore_ascii_case(protocol.name()))
    }

    /// Kafka's name for it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Plaintext => "PLAINTEXT",
            Self::Ssl => "SSL",
            Self::SaslPlaintext => "SASL_PLAINTEXT",
            Self::SaslSsl => "SASL_SSL",
        }
    }

    /// Whether the connection is encrypted.
    pub(crate) fn uses_tls(self) -> bool {
        matches!(self, Self::Ssl | Self::SaslSsl)
    }

    /// Whether the client logs in by SASL.
    pub(crate) fn uses_sasl(self) -> bool {
        matches!(self, Self::SaslPlaintext | Self::SaslSsl)
    }
}

/// What stands before and after the `://` of a server in `bootstrap.servers`. Kafka's clients take
/// any name of a protocol or listener there, and pay no heed to it.
pub(crate) fn split_protocol(server: &str) -> (Option<&str>, &str) {
    match server.split_once("://") {
        Some((protocol, rest)) => (Some(protocol), rest),
        None => (None, server),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_any_case() {
        for protocol in SecurityProtocol::ALL {
            for name in [protocol.name().to_owned(), protocol.name().to_lowercase()] {
                assert_eq!(SecurityProtocol::from_name(&name), Some(protocol));
            }
        }
        assert_eq!(SecurityProtocol::from_name("Sasl_Ssl"), Some(SecurityProtocol::SaslSsl));
        for name in ["", "TLS", " SSL", "SASL-SSL"] {
            assert_eq!(SecurityProtocol::from_name(name), None, "{name}");
        }
    }

    #[test]
    fn servers_with_and_without_a_protocol() {
        assert_eq!(split_protocol("SASL_SSL://h:1"), (Some("SASL_SSL"), "h:1"));
        assert_eq!(split_protocol("[::1]:1"), (None, "[::1]:1"));
        assert_eq!(split_protocol("://h:1"), (Some(""), "h:1"));
    }
}
