//! What an error of TLS means to whoever set it up.

use rustls::{AlertDescription, CertificateError, Error, InvalidMessage};

/// One sentence, with the property to look at.
pub(in crate::kafka) fn explain(error: &Error) -> String {
    match error {
        Error::InvalidCertificate(error) => certificate(error),
        Error::AlertReceived(alert) => alert_received(*alert),
        Error::InvalidMessage(InvalidMessage::InvalidContentType) => {
            "the broker does not speak TLS here; security.protocol must be SASL_PLAINTEXT or \
             PLAINTEXT, or the port is another"
                .to_owned()
        }
        Error::PeerIncompatible(why) => {
            format!(
                "the broker and we have no version or cipher suite in common ({why:?}); see \
                 ssl.enabled.protocols and ssl.cipher.suites"
            )
        }
        other => other.to_string(),
    }
}

fn certificate(error: &CertificateError) -> String {
    match error {
        CertificateError::UnknownIssuer => {
            "the broker's certificate is signed by nobody that we trust; ssl.truststore.location \
             must hold its authority"
                .to_owned()
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "the broker's certificate has expired".to_owned()
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "the broker's certificate is not valid yet; is the clock right?".to_owned()
        }
        CertificateError::NotValidForNameContext { expected, presented } => {
            format!(
                "the broker's certificate is not for {:?} but for {}; connect by a name that it \
                 bears",
                expected.to_str(),
                if presented.is_empty() {
                    "no name at all".to_owned()
                } else {
                    presented.join(", ")
                }
            )
        }
        CertificateError::NotValidForName => {
            "the broker's certificate is for another host name".to_owned()
        }
        CertificateError::BadSignature => {
            "the broker's certificate bears a wrong signature; ssl.truststore.location must hold \
             its authority"
                .to_owned()
        }
        other => format!("the broker's certificate is not acceptable: {other}"),
    }
}

fn alert_received(alert: AlertDescription) -> String {
    match alert {
        AlertDescription::CertificateRequired
        | AlertDescription::BadCertificate
        | AlertDescription::UnknownCA
        | AlertDescription::CertificateUnknown
        | AlertDescription::CertificateExpired
        | AlertDescription::AccessDenied
        | AlertDescription::UnsupportedCertificate => {
            format!(
                "the broker does not accept our certificate, or wants one ({alert:?}); see \
                 ssl.keystore.location"
            )
        }
        AlertDescription::HandshakeFailure | AlertDescription::ProtocolVersion => {
            format!(
                "the broker accepts none of our versions and cipher suites ({alert:?}), or wants a \
                 client's certificate; see ssl.enabled.protocols, ssl.cipher.suites and \
                 ssl.keystore.location"
            )
        }
        other => format!("the broker broke off the handshake ({other:?})"),
    }
}
