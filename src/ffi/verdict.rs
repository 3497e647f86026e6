//! `scramtoken_verdict`: what a login came to.

use super::status::scramtoken_status;
use crate::login::Verdict;
use crate::scram::Authenticated;
use crate::status::Status;

/// The login is not decided yet.
pub const SCRAMTOKEN_UNDECIDED: i32 = 0;
/// The peer is who it says it is.
pub const SCRAMTOKEN_AUTHENTICATED: i32 = 1;
/// The login failed.
pub const SCRAMTOKEN_REJECTED: i32 = 2;

/// What a login came to.
#[repr(C)]
pub struct scramtoken_verdict {
    /// SCRAMTOKEN_UNDECIDED, _AUTHENTICATED or _REJECTED; zero is never a yes.
    pub outcome: i32,
    /// Why rejected: for the server's log, not for the peer, who cannot tell UNKNOWN_USER,
    /// TOKEN_NOT_FOUND, TOKEN_EXPIRED, TOKENS_STALE and INVALID_PROOF apart.
    pub reason: scramtoken_status,
    /// Whether the credential is a token's. Such a login may not manage tokens (KIP-48).
    pub is_token: bool,
    /// When the credential ends, in milliseconds since 1970, or -1.
    pub expiry_ms: i64,
    /// Whom to treat the peer as: the user, or a token's owner; empty unless authenticated. Not
    /// NUL-terminated; valid until the server is freed.
    pub name: *const u8,
    /// Length of the name, in bytes.
    pub name_len: usize,
    /// The token's id; empty unless is_token.
    pub token_id: *const u8,
    /// Length of the token's id, in bytes.
    pub token_id_len: usize,
    /// A librdkafka older than 2.6.1, let in by scramtoken_server_config_set_doubled_nonce.
    pub doubled_nonce: bool,
    /// Zero.
    pub reserved: [u64; 4],
}

/// The pointers are into the login.
impl From<Verdict<'_>> for scramtoken_verdict {
    fn from(verdict: Verdict<'_>) -> Self {
        match verdict {
            Verdict::Undecided => Self::undecided(),
            Verdict::Authenticated(login) => Self::authenticated(login),
            Verdict::Rejected(login) => Self::rejected(login.error().status()),
        }
    }
}

impl scramtoken_verdict {
    fn undecided() -> Self {
        Self {
            outcome: SCRAMTOKEN_UNDECIDED,
            reason: Status::OK.to_raw(),
            is_token: false,
            expiry_ms: crate::scram::NEVER,
            name: c"".as_ptr().cast(),
            name_len: 0,
            token_id: c"".as_ptr().cast(),
            token_id_len: 0,
            doubled_nonce: false,
            reserved: [0; 4],
        }
    }

    fn rejected(reason: Status) -> Self {
        Self { outcome: SCRAMTOKEN_REJECTED, reason: reason.to_raw(), ..Self::undecided() }
    }

    fn authenticated(login: &Authenticated) -> Self {
        let (name, token_id) = (login.name(), login.token_id().unwrap_or_default());
        Self {
            outcome: SCRAMTOKEN_AUTHENTICATED,
            is_token: login.token_id().is_some(),
            expiry_ms: login.expiry_ms(),
            name: name.as_ptr(),
            name_len: name.len(),
            token_id: token_id.as_ptr(),
            token_id_len: token_id.len(),
            doubled_nonce: login.doubled_nonce(),
            ..Self::undecided()
        }
    }
}
