//! PEM (RFC 7468), as files have it and as environments leave it: all in one line, with blanks, `\n` or
//! `\` for the ends of lines, which Kafka takes too. Errors never carry what was read.

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use rustls::pki_types::CertificateDer;
use zeroize::Zeroizing;

use super::kind::Kind;
use crate::byte_order_mark;

/// What stands between a BEGIN and its END.
pub(super) struct Block<'a> {
    /// `CERTIFICATE` and the like. It is whatever the file has there.
    pub(super) label: &'a str,
    body: &'a [u8],
}

impl Block<'_> {
    /// The bytes, wiped on drop, for they may be a key's.
    ///
    /// # Errors
    ///
    /// A sentence for when it is no base64.
    pub(super) fn decode(&self) -> Result<Zeroizing<Vec<u8>>, String> {
        let mut base64 = Zeroizing::new(Vec::with_capacity(self.body.len()));
        // What the first end of a line is shows what `\` stands for: before an n it is `\n`, for the
        // base64 of DER begins with an M.
        let body = self.body.trim_ascii_start();
        let is_escape = body.starts_with(br"\n") || body.starts_with(br"\r");
        let mut bytes = body.iter().copied().peekable();
        while let Some(byte) = bytes.next() {
            match byte {
                b'\\' if is_escape => _ = bytes.next_if(|next| matches!(next, b'n' | b'r')),
                b'\\' => {}
                byte if byte.is_ascii_whitespace() => {}
                byte => base64.push(byte),
            }
        }
        let mut decoded = Zeroizing::new(vec![0; base64.len()]);
        // base64's own errors carry what they stumbled over.
        match BASE64.decode_slice(&base64, &mut decoded) {
            Ok(length @ 1..) => {
                decoded.truncate(length);
                Ok(decoded)
            }
            _ => Err("its PEM is damaged: what is between BEGIN and END is no base64".to_owned()),
        }
    }

    /// Whether OpenSSL encrypted it in its own way, which it says in headers (RFC 1421).
    pub(super) fn is_encrypted_as_of_old(&self) -> bool {
        split(self.body, b"Proc-Type:").is_some() && split(self.body, b"ENCRYPTED").is_some()
    }
}

/// All blocks, in their order. What stands before, between and after them is skipped.
///
/// # Errors
///
/// A sentence for when a block does not end, and for text in UTF-16 or UTF-32.
pub(super) fn blocks(bytes: &[u8]) -> Result<Vec<Block<'_>>, String> {
    let mut rest = byte_order_mark::skip(bytes).map_err(|error| error.text().to_owned())?;
    let mut blocks = Vec::new();
    while let Some((_, begun)) = split(rest, b"-----BEGIN ") {
        let (label, begun) = split(begun, b"-----").ok_or_else(ends_early)?;
        let (body, ended) = split(begun, b"-----END ").ok_or_else(ends_early)?;
        blocks.push(Block { label: str::from_utf8(label).unwrap_or_default().trim(), body });
        rest = ended;
    }
    Ok(blocks)
}

fn ends_early() -> String {
    "its PEM ends too early: there is a BEGIN without its END".to_owned()
}

/// What is before and behind the first of these bytes.
fn split<'a>(bytes: &'a [u8], at: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let begin = bytes.windows(at.len()).position(|window| window == at)?;
    Some((bytes.get(..begin)?, bytes.get(begin + at.len()..)?))
}

/// All certificates, of which there is one at least.
///
/// # Errors
///
/// A sentence for a text that names where they were looked for.
pub(crate) fn certificates(bytes: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    let certificates: Vec<_> = blocks(bytes)?
        .iter()
        .filter_map(|block| match block.label {
            "CERTIFICATE" | "X509 CERTIFICATE" => Some(block.decode()),
            // Behind the certificate stands what OpenSSL trusts it for.
            "TRUSTED CERTIFICATE" => Some(block.decode().map(first_element)),
            _ => None,
        })
        .map(|der| der.map(|der| CertificateDer::from(der.to_vec())))
        .collect::<Result<_, _>>()?;
    if certificates.is_empty() {
        let hint = Kind::of(bytes).instead_of_pem_certificates();
        return Err(format!("it holds no PEM certificate{hint}"));
    }
    Ok(certificates)
}

/// The first element of DER, or all of what is none.
fn first_element(mut der: Zeroizing<Vec<u8>>) -> Zeroizing<Vec<u8>> {
    if let &[0x30, 0x82, high, low, ..] = der.as_slice() {
        der.truncate(4 + usize::from(u16::from_be_bytes([high, low])));
    }
    der
}

/// Java's decoder takes a missing padding, too.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

#[cfg(test)]
mod tests {
    use super::*;

    /// Three lines of base64: 60 bytes of DER, whose second line begins with an n.
    const LINES: [&str; 3] =
        ["MDoAAAAAAAAAAAAAAAAAAAAA", "nAAAAAAAAAAAAAAAAAAAAAAA", "rAAAAAAAAAAAAAAAAAAAAAA="];

    fn pem(line_end: &str) -> String {
        let body = LINES.join(line_end);
        format!("-----BEGIN CERTIFICATE-----{line_end}{body}{line_end}-----END CERTIFICATE-----")
    }

    fn only_block(pem: &str) -> Result<Vec<u8>, String> {
        let blocks = blocks(pem.as_bytes())?;
        assert_eq!(blocks.len(), 1, "{pem}");
        blocks[0].decode().map(|bytes| bytes.to_vec())
    }

    #[test]
    fn ends_of_lines_are_what_an_environment_left_of_them() {
        let expected = only_block(&pem("\n")).unwrap();
        assert_eq!((expected.len(), &expected[..3]), (53, b"\x30\x3a\x00".as_slice()));
        for line_end in ["\r\n", " ", "  \t", r"\n", r"\r\n", "\\n\n", "\\", "\\\n", " \\\n ", ""] {
            assert_eq!(only_block(&pem(line_end)).unwrap(), expected, "{line_end:?}");
        }
        let unpadded = pem("\n").replace('=', "");
        assert_eq!(only_block(&unpadded).unwrap(), expected, "as Java's decoder does");
    }

    #[test]
    fn what_is_around_blocks_is_skipped() {
        let text = format!("Bag Attributes\n  x: \u{e9}\n{}\nx\n{}\n", pem("\n"), pem(" "));
        assert_eq!(blocks(text.as_bytes()).unwrap().len(), 2);
        let latin1 = [b"# \xe9\n".as_slice(), pem("\n").as_bytes()].concat();
        assert_eq!(blocks(&latin1).unwrap().len(), 1);
        assert!(blocks(b"").unwrap().is_empty());
    }

    #[test]
    fn a_byte_order_mark_is_skipped_or_refused_by_name() {
        let marked = format!("\u{feff}{}", pem("\n"));
        assert_eq!(only_block(&marked).unwrap(), only_block(&pem("\n")).unwrap());
        let utf16 = |bytes: fn(u16) -> [u8; 2]| marked.encode_utf16().flat_map(bytes).collect();
        let wide: [Vec<u8>; 2] = [utf16(u16::to_le_bytes), utf16(u16::to_be_bytes)];
        for text in wide {
            let error = certificates(&text).unwrap_err();
            assert!(error.contains("byte order mark"), "{error}");
            assert!(!error.contains("MDo"), "{error}");
        }
    }

    #[test]
    fn faults_are_named_and_not_quoted() {
        for (pem, text) in [
            ("-----BEGIN CERTIFICATE-----\nMDoA", "BEGIN without its END"),
            ("-----BEGIN CERTIFICATE", "BEGIN without its END"),
            ("-----BEGIN X-----\nMDoA!\n-----END X-----", "no base64"),
            ("-----BEGIN X-----\nMDo\u{e9}\n-----END X-----", "no base64"),
            ("-----BEGIN X-----\n-----END X-----", "no base64"),
        ] {
            let error = only_block(pem).unwrap_err();
            assert!(error.contains(text), "{pem}: {error}");
            assert!(!error.contains("MDo"), "{error}");
        }
    }

    #[test]
    fn a_trusted_certificate_ends_before_its_trust() {
        let der = [&[0x30, 0x82, 0, 3, 1, 2, 3][..], b"what it is trusted for"].concat();
        assert_eq!(first_element(Zeroizing::new(der.clone())).as_slice(), &der[..7]);
        assert_eq!(first_element(Zeroizing::new(vec![0x30])).as_slice(), [0x30]);
    }
}
