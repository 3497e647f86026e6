//! What a broker's certificate says, for whoever wonders why it was refused.

use std::net::{Ipv4Addr, Ipv6Addr};

use rustls::pki_types::CertificateDer;
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};
use x509_parser::public_key::PublicKey;

use crate::audit::loggable;

/// What TLS libraries check signatures with today, ours too.
const LEAST_RSA_BITS: usize = 2048;

/// Reads one that a broker has sent; None if it cannot be read.
pub(super) fn parse<'a>(certificate: &'a CertificateDer<'_>) -> Option<X509Certificate<'a>> {
    X509Certificate::from_der(certificate).ok().map(|(_, parsed)| parsed)
}

/// What a certificate says of itself, which nobody has checked.
#[derive(Debug)]
pub(crate) struct Shown {
    /// As of [`hosts`].
    pub(crate) hosts: Vec<String>,
    /// Seconds since 1970.
    pub(crate) not_before: i64,
    /// Seconds since 1970.
    pub(crate) not_after: i64,
}

impl Shown {
    /// None for one that cannot be read.
    pub(crate) fn of(certificate: &CertificateDer<'_>) -> Option<Self> {
        let parsed = parse(certificate)?;
        let validity = parsed.validity();
        Some(Self {
            hosts: hosts(&parsed),
            not_before: validity.not_before.timestamp(),
            not_after: validity.not_after.timestamp(),
        })
    }
}

/// The length of an RSA key that is too short, in bits.
pub(super) fn rsa_bits(certificate: &X509Certificate<'_>) -> Option<usize> {
    match certificate.public_key().parsed() {
        Ok(PublicKey::RSA(key)) => Some(key.key_size()).filter(|bits| *bits < LEAST_RSA_BITS),
        _ => None,
    }
}

/// The host names and addresses that it is for, printable and not too many.
pub(super) fn hosts(certificate: &X509Certificate<'_>) -> Vec<String> {
    const MOST: usize = 10;
    let Ok(Some(names)) = certificate.subject_alternative_name() else { return Vec::new() };
    let shown = names.value.general_names.iter().filter_map(|name| match name {
        GeneralName::DNSName(name) => Some(loggable(name)),
        GeneralName::IPAddress(bytes) => address(bytes),
        _ => None,
    });
    let mut hosts: Vec<_> = shown.take(MOST + 1).collect();
    if let Some(more) = hosts.get_mut(MOST) {
        "others".clone_into(more);
    }
    hosts
}

fn address(bytes: &[u8]) -> Option<String> {
    match bytes.len() {
        4 => <[u8; 4]>::try_from(bytes).ok().map(|bytes| Ipv4Addr::from(bytes).to_string()),
        16 => <[u8; 16]>::try_from(bytes).ok().map(|bytes| Ipv6Addr::from(bytes).to_string()),
        _ => None,
    }
}

/// The algorithm that it was signed by.
pub(super) fn signature_algorithm(certificate: &X509Certificate<'_>) -> String {
    match certificate.signature_algorithm.algorithm.to_id_string().as_str() {
        "1.2.840.113549.1.1.4" => "md5WithRSAEncryption".to_owned(),
        "1.2.840.113549.1.1.5" => "sha1WithRSAEncryption".to_owned(),
        "1.2.840.10045.4.1" => "ecdsa-with-SHA1".to_owned(),
        "1.2.840.10040.4.3" | "2.16.840.1.101.3.4.3.2" => "DSA".to_owned(),
        "1.3.101.113" => "Ed448".to_owned(),
        "1.2.840.113549.1.1.10" => "RSASSA-PSS with parameters of its own".to_owned(),
        other => format!("the algorithm {other}"),
    }
}
