//! What there is to know of one delegation token.

use core::fmt;

use base64::{Engine, engine::general_purpose::STANDARD};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::scram::{ClientCredential, check_name};
use crate::{error::Error, status::Status};

/// A delegation token (KIP-48). What its holder does not know of it is None.
///
/// Times are milliseconds since 1970-01-01T00:00:00Z. The HMAC is zeroed on drop and never shown.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Token {
    /// The token's id, which is the user name of its logins.
    pub id: String,
    /// The HMAC as base64 text, which is the password of its logins.
    pub hmac: Option<Zeroizing<String>>,
    /// The principal that its logins act as, such as `User:alice`.
    pub owner: Option<String>,
    /// The principal that asked for it: the owner, or who acts for the owner (KIP-373).
    pub requester: Option<String>,
    /// The principals that may renew it besides the owner.
    pub renewers: Vec<String>,
    /// When it was made.
    pub issue_ms: Option<i64>,
    /// When it ends unless it is renewed.
    pub expiry_ms: Option<i64>,
    /// When it ends for good.
    pub max_ms: Option<i64>,
}

impl Token {
    /// A token of which nothing but this is known.
    ///
    /// # Errors
    ///
    /// `INVALID_ARGUMENT` when either is empty, the id is not UTF-8 or holds a space, a line end or
    /// another character that cannot be seen, or the HMAC is anything but printable ASCII without a
    /// space.
    pub fn new(id: &[u8], hmac: &[u8]) -> Result<Self, Error> {
        let id = check_name("token id", id)?;
        // Kafka's ids are base64 for URLs. Such an id is not the one that was meant.
        if id.contains(|character: char| character.is_control() || character.is_whitespace()) {
            let text = "the token id holds a line end, a space or the like";
            return Err(Error::new(Status::INVALID_ARGUMENT, text));
        }
        Ok(Self {
            id: id.to_owned(),
            hmac: Some(Zeroizing::new(check_hmac(hmac)?.to_owned())),
            owner: None,
            requester: None,
            renewers: Vec::new(),
            issue_ms: None,
            expiry_ms: None,
            max_ms: None,
        })
    }

    /// The HMAC as base64 text; empty where it is not known.
    pub(crate) fn hmac_text(&self) -> &str {
        self.hmac.as_ref().map_or("", |hmac| hmac.as_str())
    }

    /// The HMAC itself, by which Kafka's requests name a token.
    ///
    /// # Errors
    ///
    /// `CORRUPT` where it is not base64.
    pub(crate) fn hmac_bytes(&self) -> Result<Zeroizing<Vec<u8>>, Error> {
        STANDARD.decode(self.hmac_text()).map(Zeroizing::new).map_err(|_| {
            let text = format!("the HMAC of the token {:?} is not base64", self.id);
            Error::new(Status::CORRUPT, text)
        })
    }

    /// Whether both HMACs can be read and are the same, in constant time.
    pub(crate) fn has_same_hmac(&self, other: &Self) -> bool {
        match (self.hmac_bytes(), other.hmac_bytes()) {
            (Ok(ours), Ok(theirs)) => bool::from(ours.ct_eq(&theirs)),
            _ => false,
        }
    }

    /// What its holder logs in with.
    ///
    /// # Errors
    ///
    /// As of [`ClientCredential::token`].
    pub(crate) fn client_credential(&self) -> Result<ClientCredential, Error> {
        ClientCredential::token(self.id.as_bytes(), self.hmac_text().as_bytes())
    }

    /// Whether it is known to have expired: its expiry lies before `now_ms`.
    pub fn has_expired(&self, now_ms: i64) -> bool {
        self.expiry_ms.is_some_and(|expiry_ms| expiry_ms < now_ms)
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Token({:?}, ..)", self.id)
    }
}

/// Not more than this: to find the line end that came along is worth a clear error, while servers
/// hash whatever text the HMAC is.
fn check_hmac(hmac: &[u8]) -> Result<&str, Error> {
    let invalid = |text| Error::new(Status::INVALID_ARGUMENT, text);
    if hmac.is_empty() {
        return Err(invalid("the HMAC is empty"));
    }
    core::str::from_utf8(hmac)
        .ok()
        .filter(|text| text.bytes().all(|byte| byte.is_ascii_graphic()))
        .ok_or_else(|| invalid("the HMAC is not base64 text: it has a space, line end or the like"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_known_expiry_expires() {
        let mut token = Token::new(b"id", b"aG1hYw==").unwrap();
        assert!(!token.has_expired(i64::MAX));
        token.expiry_ms = Some(1000);
        assert!(!token.has_expired(1000));
        assert!(token.has_expired(1001));
    }

    #[test]
    fn id_and_hmac_are_text_without_blanks_and_the_hmac_is_never_shown() {
        for bad in [&b""[..], b"aG1h Yw==", b"aG1hYw==\n", b"aG1hYw\0==", b"\xff", "é".as_bytes()]
        {
            let error = Token::new(b"id", bad).unwrap_err();
            assert_eq!(error.status(), Status::INVALID_ARGUMENT);
            assert!(error.text().contains("HMAC"), "{error}");
        }
        for bad in ["id\n", " id", "i d", "id\u{a0}", "i\td", "id\u{7f}"] {
            let error = Token::new(bad.as_bytes(), b"aG1hYw==").unwrap_err();
            assert!(error.text().contains("token id holds a line end"), "{error}");
        }
        let token = Token::new(b"id", b"aG1hYw==").unwrap();
        assert_eq!(format!("{token:?}"), "Token(\"id\", ..)");
    }
}
