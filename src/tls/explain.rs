//! What an error of TLS means to whoever set it up.

use rustls::{AlertDescription, CertificateError, Error, InvalidMessage};

use super::verifier::Fault;
use crate::audit::loggable;

/// The properties to look at, which each kind of client has its own names for.
pub(crate) struct Advice {
    /// Whom we trust.
    pub(crate) trust: &'static str,
    /// Who we are.
    pub(crate) identity: &'static str,
    /// What to speak.
    pub(crate) suites: &'static str,
}

/// One sentence, with the property to look at.
pub(crate) fn explain(error: &Error, advice: &Advice) -> String {
    match error {
        Error::InvalidCertificate(error) => certificate(error, advice),
        Error::AlertReceived(alert) => alert_received(*alert, advice),
        Error::InvalidMessage(InvalidMessage::InvalidContentType) => {
            "the broker does not speak TLS on this port; the port is another, or security.protocol \
             must have no SSL in it"
                .to_owned()
        }
        Error::PeerIncompatible(why) => {
            format!(
                "the broker and we have no version or cipher suite in common ({why:?}); see {}",
                advice.suites
            )
        }
        // What is left is of the protocol; a broker's own words in it are made harmless.
        other => loggable(&other.to_string()),
    }
}

fn certificate(error: &CertificateError, advice: &Advice) -> String {
    let trust = advice.trust;
    if let CertificateError::Other(other) = error
        && let Some(fault) = other.0.downcast_ref()
    {
        return explain_fault(fault, trust);
    }
    match error {
        CertificateError::UnknownIssuer => {
            format!(
                "the broker's certificate is signed by nobody that we trust; {trust} must hold its \
                 authority"
            )
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "the broker's certificate has expired".to_owned()
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "the broker's certificate is not valid yet; is the clock right?".to_owned()
        }
        CertificateError::BadEncoding => {
            "the broker's certificate cannot be read: it is damaged".to_owned()
        }
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            "the broker's certificate is not for servers: its extendedKeyUsage lacks serverAuth"
                .to_owned()
        }
        CertificateError::BadSignature => {
            format!(
                "the broker's certificate bears a wrong signature; {trust} must hold its authority"
            )
        }
        // webpki's own errors come as others, with a name alone.
        other => match other.to_string() {
            text if text.contains("CaUsedAsEndEntity") => format!(
                "the broker's certificate is an authority's own, such as openssl req -x509 makes; \
                 give the broker one that an authority has signed, and {trust} the authority"
            ),
            text if text.contains("EndEntityUsedAsCa") => {
                "the broker's certificate is signed by a certificate that is not an authority's (its \
                 basicConstraints lack CA:TRUE) and so may not sign others"
                    .to_owned()
            }
            text if text.contains("UnsupportedCertVersion") => {
                "the broker's certificate is of X.509's version 1; give the broker one of version \
                 3, with its host names as subjectAltName"
                    .to_owned()
            }
            text => format!("the broker's certificate is not acceptable: {}", loggable(&text)),
        },
    }
}

fn explain_fault(fault: &Fault, trust: &str) -> String {
    match fault {
        Fault::NotAnAuthority => format!(
            "the broker's certificate is signed by a certificate in {trust} that is not an \
             authority's (its basicConstraints lack CA:TRUE) and so may not sign others; {trust} \
             must hold an authority"
        ),
        Fault::WrongHost { host, hosts } if hosts.is_empty() => format!(
            "the broker's certificate is for no host: it has no subjectAltName, and its CN does not \
             count; give the broker one with {host:?} as subjectAltName"
        ),
        Fault::WrongHost { host, hosts } => format!(
            "the broker's certificate is not for {host:?} but for {}; connect by a name that it \
             bears",
            hosts.join(", ")
        ),
        Fault::ShortRsaKey(bits) => format!(
            "the broker's certificate, or one of its authorities', has an RSA key of {bits} bits, \
             which is too short to prove anything; use 2048 or more"
        ),
        Fault::UnsupportedSignature(algorithm) => format!(
            "the broker's certificate, or one of its authorities', is signed by {algorithm}, which \
             is not supported; RSA and ECDSA with SHA-256, SHA-384 and SHA-512, and Ed25519 are"
        ),
        Fault::UnsupportedKey => "the broker's certificate, or one of its authorities', is signed \
                                  with a key of a kind that is not supported; RSA, ECDSA on P-256, \
                                  P-384 and P-521, and Ed25519 are"
            .to_owned(),
    }
}

fn alert_received(alert: AlertDescription, advice: &Advice) -> String {
    let Advice { identity, suites, .. } = advice;
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
                 {identity}"
            )
        }
        AlertDescription::HandshakeFailure | AlertDescription::ProtocolVersion => {
            format!(
                "the broker accepts none of our versions and cipher suites ({alert:?}), or wants a \
                 client's certificate; see {suites}, and {identity}"
            )
        }
        other => format!("the broker broke off the handshake ({other:?})"),
    }
}
