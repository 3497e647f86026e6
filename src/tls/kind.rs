//! What a file is that holds certificates or keys, for whoever gave another one than was wanted.

/// By its first bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    /// Java's own keystore, JKS or JCEKS.
    Jks,
    Pkcs12,
    /// One certificate or key without PEM's armour.
    Der,
    /// PEM, or anything else.
    Text,
}

impl Kind {
    pub(crate) fn of(bytes: &[u8]) -> Self {
        match bytes {
            [0xfe, 0xed, 0xfe, 0xed, ..] | [0xce, 0xce, 0xce, 0xce, ..] => Self::Jks,
            // A sequence, of which a PKCS12 store's begins with its version, 3 (RFC 7292). BER may have
            // an indefinite length.
            [0x30, 0x80, 0x02, 0x01, 0x03, ..]
            | [0x30, 0x81, _, 0x02, 0x01, 0x03, ..]
            | [0x30, 0x82, _, _, 0x02, 0x01, 0x03, ..]
            | [0x30, 0x83, _, _, _, 0x02, 0x01, 0x03, ..] => Self::Pkcs12,
            [0x30, ..] => Self::Der,
            _ => Self::Text,
        }
    }

    /// The end of the sentence that there is no PEM certificate.
    pub(super) fn instead_of_pem_certificates(self) -> &'static str {
        match self {
            Self::Jks => {
                ": it is a Java keystore (JKS); export them: keytool -exportcert -rfc -keystore ..."
            }
            Self::Pkcs12 => {
                ": it is a PKCS12 store; export them: openssl pkcs12 -nokeys -in ... -out ca.pem"
            }
            Self::Der => {
                ": it is DER; convert it: openssl x509 -inform DER -in ... -out certificate.pem"
            }
            Self::Text => "",
        }
    }

    /// The end of the sentence that there is no PEM private key.
    pub(super) fn instead_of_pem_key(self) -> &'static str {
        match self {
            Self::Jks => {
                ": it is a Java keystore (JKS); convert it to PKCS12 (keytool -importkeystore \
                 -deststoretype PKCS12), and give that as ssl.keystore.location"
            }
            Self::Pkcs12 => ": it is a PKCS12 store; give it as ssl.keystore.location",
            Self::Der => ": it is DER; convert it: openssl pkey -inform DER -in ... -out key.pem",
            Self::Text => "",
        }
    }

    /// Why it is no PKCS12 store.
    pub(super) fn instead_of_pkcs12(self) -> &'static str {
        match self {
            Self::Jks => {
                "it is a Java keystore (JKS), which is not read; convert it: keytool \
                 -importkeystore -srckeystore old.jks -destkeystore new.p12 -deststoretype PKCS12"
            }
            Self::Pkcs12 => {
                "it is not a PKCS12 store that can be read: it is damaged, or uses an \
                             encryption that is not supported"
            }
            Self::Der => "it is not a PKCS12 store but a certificate or key in DER",
            Self::Text => "it is not a PKCS12 store",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds() {
        for (bytes, kind) in [
            (b"\xfe\xed\xfe\xed\x00\x00\x00\x02".as_slice(), Kind::Jks),
            (b"\xce\xce\xce\xce", Kind::Jks),
            (b"\x30\x82\x0a\x00\x02\x01\x03\x30", Kind::Pkcs12),
            (b"\x30\x80\x02\x01\x03\x30", Kind::Pkcs12),
            (b"\x30\x82\x0a\x00\x30\x82", Kind::Der),
            (b"\x30", Kind::Der),
            (b"-----BEGIN CERTIFICATE-----", Kind::Text),
            (b"", Kind::Text),
        ] {
            assert_eq!(Kind::of(bytes), kind, "{bytes:?}");
        }
    }
}
