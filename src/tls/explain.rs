//! What an error of TLS means to whoever set it up.

use rustls::{AlertDescription, CertificateError, Error, InvalidMessage};

use super::verifier::Fault;
use crate::audit::loggable;

/// The properties to look at, which each kind of client has its own names for.
pub(crate) struct Advice {
    /// Who answers, behind "the".
    pub(crate) peer: &'static str,
    /// Whom we trust.
    pub(crate) trust: &'static str,
    /// Who we are.
    pub(crate) identity: &'static str,
    /// What to speak.
    pub(crate) suites: &'static str,
    /// What to do where no TLS is spoken, as a whole clause.
    pub(crate) plain_text: &'static str,
}

/// One sentence, with the property to look at.
pub(crate) fn explain(error: &Error, advice: &Advice) -> String {
    let Advice { peer, suites, plain_text, .. } = advice;
    match error {
        Error::InvalidCertificate(error) => certificate(error, advice),
        Error::AlertReceived(alert) => alert_received(*alert, advice),
        Error::InvalidMessage(InvalidMessage::InvalidContentType) => {
            format!("the {peer} does not speak TLS on this port; {plain_text}")
        }
        Error::PeerIncompatible(why) => {
            format!(
                "the {peer} and we have no version or cipher suite in common ({why:?}); see {suites}"
            )
        }
        // What is left is of the protocol; the peer's own words in it are made harmless.
        other => loggable(&other.to_string()),
    }
}

fn certificate(error: &CertificateError, advice: &Advice) -> String {
    let Advice { peer, trust, .. } = advice;
    if let CertificateError::Other(other) = error
        && let Some(fault) = other.0.downcast_ref()
    {
        return explain_fault(fault, peer, trust);
    }
    match error {
        CertificateError::UnknownIssuer => {
            format!(
                "the {peer}'s certificate is signed by nobody that we trust; {trust} must hold its \
                 authority"
            )
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            format!("the {peer}'s certificate has expired")
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            format!("the {peer}'s certificate is not valid yet; is the clock right?")
        }
        CertificateError::BadEncoding => {
            format!("the {peer}'s certificate cannot be read: it is damaged")
        }
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            format!(
                "the {peer}'s certificate is not for servers: its extendedKeyUsage lacks serverAuth"
            )
        }
        CertificateError::BadSignature => {
            format!(
                "the {peer}'s certificate bears a wrong signature; {trust} must hold its authority"
            )
        }
        // webpki's own errors come as others, with a name alone.
        other => match other.to_string() {
            text if text.contains("CaUsedAsEndEntity") => format!(
                "the {peer}'s certificate is an authority's own, such as openssl req -x509 makes; \
                 give the {peer} one that an authority has signed, and {trust} the authority"
            ),
            text if text.contains("EndEntityUsedAsCa") => {
                format!(
                    "the {peer}'s certificate is signed by a certificate that is not an authority's (its \
                 basicConstraints lack CA:TRUE) and so may not sign others"
                )
            }
            text if text.contains("UnsupportedCertVersion") => {
                format!(
                    "the {peer}'s certificate is of X.509's version 1; give the {peer} one of version \
                 3, with its host names as subjectAltName"
                )
            }
            text => format!("the {peer}'s certificate is not acceptable: {}", loggable(&text)),
        },
    }
}

fn explain_fault(fault: &Fault, peer: &str, trust: &str) -> String {
    match fault {
        Fault::NotAnAuthority => format!(
            "the {peer}'s certificate is signed by a certificate in {trust} that is not an \
             authority's (its basicConstraints lack CA:TRUE) and so may not sign others; {trust} \
             must hold an authority"
        ),
        Fault::WrongHost { host, hosts } if hosts.is_empty() => format!(
            "the {peer}'s certificate is for no host: it has no subjectAltName, and its CN does not \
             count; give the {peer} one with {host:?} as subjectAltName"
        ),
        Fault::WrongHost { host, hosts } => format!(
            "the {peer}'s certificate is not for {host:?} but for {}; connect by a name that it \
             bears",
            hosts.join(", ")
        ),
        Fault::ShortRsaKey(bits) => format!(
            "the {peer}'s certificate, or one of its authorities', has an RSA key of {bits} bits, \
             which is too short to prove anything; use 2048 or more"
        ),
        Fault::UnsupportedSignature(algorithm) => format!(
            "the {peer}'s certificate, or one of its authorities', is signed by {algorithm}, which \
             is not supported; RSA and ECDSA with SHA-256, SHA-384 and SHA-512, and Ed25519 are"
        ),
        Fault::UnsupportedKey => format!(
            "the {peer}'s certificate, or one of its authorities', is signed \
                                  with a key of a kind that is not supported; RSA, ECDSA on P-256, \
                                  P-384 and P-521, and Ed25519 are"
        ),
    }
}

fn alert_received(alert: AlertDescription, advice: &Advice) -> String {
    let Advice { peer, identity, suites, .. } = advice;
    match alert {
        AlertDescription::CertificateRequired
        | AlertDescription::BadCertificate
        | AlertDescription::UnknownCA
        | AlertDescription::CertificateUnknown
        | AlertDescription::CertificateExpired
        | AlertDescription::AccessDenied
        | AlertDescription::UnsupportedCertificate => {
            format!(
                "the {peer} does not accept our certificate, or wants one ({alert:?}); see \
                 {identity}"
            )
        }
        AlertDescription::HandshakeFailure | AlertDescription::ProtocolVersion => {
            format!(
                "the {peer} accepts none of our versions and cipher suites ({alert:?}), or wants a \
                 client's certificate; see {suites}, and {identity}"
            )
        }
        other => format!("the {peer} broke off the handshake ({other:?})"),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use rustls::OtherError;

    use super::*;

    const ADVICE: Advice = Advice {
        peer: "endpoint",
        trust: "TRUST",
        identity: "IDENTITY",
        suites: "SUITES",
        plain_text: "PLAIN",
    };

    /// Whoever answers is named by one word, and names of hosts stay what they are.
    #[test]
    fn who_answers_is_named() {
        let fault =
            |fault| Error::InvalidCertificate(CertificateError::Other(OtherError(Arc::new(fault))));
        let (host, hosts) = ("broker.example".to_owned(), vec!["a.broker.example".to_owned()]);
        assert_eq!(
            explain(&fault(Fault::WrongHost { host, hosts }), &ADVICE),
            "the endpoint's certificate is not for \"broker.example\" but for a.broker.example; connect \
             by a name that it bears"
        );
        assert_eq!(
            explain(&Error::InvalidMessage(InvalidMessage::InvalidContentType), &ADVICE),
            "the endpoint does not speak TLS on this port; PLAIN"
        );
        for error in [
            fault(Fault::NotAnAuthority),
            fault(Fault::ShortRsaKey(512)),
            fault(Fault::UnsupportedKey),
            Error::InvalidCertificate(CertificateError::Expired),
            Error::InvalidCertificate(CertificateError::InvalidPurpose),
            Error::AlertReceived(AlertDescription::UnknownCA),
            Error::AlertReceived(AlertDescription::ProtocolVersion),
            Error::AlertReceived(AlertDescription::InternalError),
        ] {
            let text = explain(&error, &ADVICE);
            assert!(text.starts_with("the endpoint") && !text.contains("broker"), "{text}");
        }
    }
}
