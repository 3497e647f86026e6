//! The server's side of one login: each state is a type, and its transition consumes it.
//!
//! ```text
//! AwaitClientFirst -> NeedCredential -> AwaitClientFinal -> Authenticated
//!        \________________ any failure: Rejected _______/
//! ```

use core::ops::Range;

use subtle::{Choice, ConstantTimeEq};

use super::credential::{Credential, StoredKeys};
use super::keys::{Key, hash, hmac};
use super::mechanism::Mechanism;
use super::message::{
    ClientFinal, ClientFirst, Extensions, MessageName, ServerFinal, ServerFirst, check_length,
    claimed_name,
};
use super::mock::MockChallenges;
use super::nonce::Nonce;
use crate::{error::Error, status::Status};

/// What a listener lets its clients do beyond the standard.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ServerPolicy {
    /// A client that does not say `tokenauth=true` may log in with a token all the same.
    pub implicit_tokens: bool,
    /// Accept exactly client nonce + client nonce + server nonce in the client-final-message, which
    /// is what librdkafka before 2.6.1 sends.
    pub doubled_nonce: bool,
}

/// As what the client's name is to be looked up.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum IdentityKind {
    /// A SCRAM user, and nothing else.
    User,
    /// A delegation token's id, and nothing else.
    Token,
    /// A user first; where no mechanism has one of that name, a token's id.
    Either,
}

impl IdentityKind {
    /// Whether a credential of a user or of a token (`other`) answers the lookup.
    pub fn admits(self, other: Self) -> bool {
        self == Self::Either || self == other
    }
}

/// The server waits for the client-first-message.
#[derive(Debug)]
pub struct AwaitClientFirst {
    mechanism: Mechanism,
    policy: ServerPolicy,
    nonce: Nonce,
}

impl AwaitClientFirst {
    /// A login that has not begun; `nonce` is the server's own part.
    pub fn new(mechanism: Mechanism, policy: ServerPolicy, nonce: Nonce) -> Self {
        Self { mechanism, policy, nonce }
    }

    /// Reads whom the client wants to be.
    ///
    /// # Errors
    ///
    /// `MALFORMED`, `TOO_LONG`, `EXTENSION`, `AUTHZID`, or `CHANNEL_BINDING` when it is asked for.
    pub fn step(self, client_first: &[u8]) -> Result<NeedCredential, Rejected> {
        let parsed = ClientFirst::parse(client_first).map_err(|error| {
            let request = claimed_name(client_first).map(|name| Request::of_name(&name));
            Rejected { request, ..Rejected::new(error) }
        })?;
        let kind = match (parsed.extensions.tokenauth(), self.policy.implicit_tokens) {
            (true, _) => IdentityKind::Token,
            (false, true) => IdentityKind::Either,
            (false, false) => IdentityKind::User,
        };
        let need = NeedCredential {
            mechanism: self.mechanism,
            policy: self.policy,
            nonce: self.nonce,
            kind,
            request: Request::new(&parsed),
        };
        // For a user the name, for a token its id: in both cases what n= says.
        if parsed.gs2_header.authzid.is_some_and(|authzid| authzid != parsed.name) {
            let error =
                MessageName::ClientFirst.error(Status::AUTHZID, "a= is not the name that n= gives");
            return Err(need.reject(error));
        }
        Ok(need)
    }
}

/// The server needs to be told what it keeps of the client's name.
#[derive(Debug)]
pub struct NeedCredential {
    mechanism: Mechanism,
    policy: ServerPolicy,
    nonce: Nonce,
    kind: IdentityKind,
    request: Request,
}

impl NeedCredential {
    /// The mechanism whose credential is wanted.
    pub fn mechanism(&self) -> Mechanism {
        self.mechanism
    }

    /// The client's name, unescaped: not empty, UTF-8, no NUL, otherwise anything.
    pub fn name(&self) -> &str {
        self.request.name()
    }

    /// As what to look the name up.
    pub fn kind(&self) -> IdentityKind {
        self.kind
    }

    /// The name is a user's.
    ///
    /// # Errors
    ///
    /// `INVALID_ARGUMENT` when only a token would do, or for a credential of the other mechanism;
    /// `TOO_LONG` when nonces and salt do not fit into one message.
    pub fn supply_user(self, credential: &Credential<'_>) -> Result<AwaitClientFinal, Rejected> {
        self.supply(IdentityKind::User, credential, Subject::User, "")
    }

    /// The name is a token's id. It ends at `expiry_ms` (-1: never).
    ///
    /// # Errors
    ///
    /// `INVALID_ARGUMENT` when only a user would do, or for a credential of the other mechanism;
    /// `TOO_LONG` when nonces and salt do not fit into one message.
    pub fn supply_token(
        self,
        credential: &Credential<'_>,
        owner: &str,
        expiry_ms: i64,
    ) -> Result<AwaitClientFinal, Rejected> {
        self.supply(IdentityKind::Token, credential, Subject::Token { expiry_ms }, owner)
    }

    /// Nobody has that name. The login goes on with a made-up challenge and fails at its end.
    ///
    /// # Errors
    ///
    /// `TOO_LONG` when nonces and salt do not fit into one message.
    pub fn supply_unknown(self, mock: &MockChallenges<'_>) -> Result<AwaitClientFinal, Rejected> {
        let salt = mock.salt(self.mechanism, self.name().as_bytes());
        // Any keys do: the verdict does not depend on them, but takes the same time.
        let key = hash(self.mechanism, &salt);
        let keys = StoredKeys { stored_key: key.clone(), server_key: key };
        self.challenge(&salt, mock.iterations(), keys, Subject::Nobody, "")
    }

    /// Ends the login because its lookup failed.
    pub fn reject(self, error: Error) -> Rejected {
        let is_token = self.kind == IdentityKind::Token;
        Rejected { error, request: Some(self.request), answer: None, is_token }
    }

    fn supply(
        self,
        kind: IdentityKind,
        credential: &Credential<'_>,
        subject: Subject,
        owner: &str,
    ) -> Result<AwaitClientFinal, Rejected> {
        if !self.kind.admits(kind) || credential.mechanism != self.mechanism {
            return Err(self.reject(Error::new(
                Status::INVALID_ARGUMENT,
                "the credential is not of the kind or mechanism that was asked for",
            )));
        }
        let Credential { salt, iterations, keys, .. } = credential;
        self.challenge(salt, iterations.get(), keys.clone(), subject, owner)
    }

    fn challenge(
        self,
        salt: &[u8],
        iterations: u32,
        keys: StoredKeys,
        subject: Subject,
        owner: &str,
    ) -> Result<AwaitClientFinal, Rejected> {
        let challenge = ServerFirst {
            client_nonce: self.request.nonce(),
            server_nonce: self.nonce.as_str(),
            salt: salt.into(),
            iterations,
            extensions: Extensions::default(),
        };
        let nonce_len = challenge.client_nonce.len() + challenge.server_nonce.len();
        // Room for the challenge, the owner and the server-final-message.
        let room = nonce_len + salt.len() * 4 / 3 + owner.len() + 128;
        let mut bytes = Vec::with_capacity(room);
        challenge.write(&mut bytes);
        let challenge_len = bytes.len();
        if let Err(error) = check_length(MessageName::ServerFirst, challenge_len) {
            return Err(self.reject(error));
        }
        bytes.extend_from_slice(owner.as_bytes());
        let owner_end = bytes.len();
        let answer = Answer { bytes, nonce_len, challenge_len, owner_end };
        let is_token = match subject {
            Subject::User => false,
            Subject::Token { .. } => true,
            Subject::Nobody => self.kind == IdentityKind::Token,
        };
        let Self { mechanism, policy, request, .. } = self;
        Ok(AwaitClientFinal { mechanism, policy, request, answer, keys, subject, is_token })
    }
}

/// The challenge is to be sent, the client's proof awaited.
#[derive(Debug)]
pub struct AwaitClientFinal {
    mechanism: Mechanism,
    policy: ServerPolicy,
    request: Request,
    answer: Answer,
    keys: StoredKeys,
    subject: Subject,
    /// What the name was taken for, found or not.
    is_token: bool,
}

impl AwaitClientFinal {
    /// The server-first-message.
    pub fn message(&self) -> &[u8] {
        self.answer.challenge()
    }

    /// Judges the client's proof. `now_ms` is the time for a token's expiry.
    ///
    /// # Errors
    ///
    /// `MALFORMED`, `TOO_LONG`, `EXTENSION`, `CHANNEL_BINDING`, `NONCE`, `INVALID_PROOF`, and
    /// `TOKEN_EXPIRED` where the proof was good.
    pub fn step(self, client_final: &[u8], now_ms: i64) -> Result<Authenticated, Rejected> {
        match self.judge(client_final, now_ms) {
            Ok(accepted) => Ok(self.authenticated(accepted)),
            Err(error) => Err(self.reject(error)),
        }
    }

    fn judge(&self, client_final: &[u8], now_ms: i64) -> Result<Accepted, Error> {
        let name = MessageName::ClientFinal;
        let parsed = ClientFinal::parse(client_final, self.mechanism)?;
        if *parsed.without_proof.channel_binding != *self.request.gs2_header() {
            return Err(name.error(
                Status::CHANNEL_BINDING,
                "c= is not the GS2 header of the client-first-message",
            ));
        }
        let doubled_nonce = self.check_nonce(parsed.without_proof.nonce)?;

        let auth_message =
            [self.request.bare(), b",", self.answer.challenge(), b",", parsed.covered];
        let StoredKeys { stored_key, server_key } = &self.keys;
        let client_signature = hmac(self.mechanism, stored_key.as_bytes(), &auth_message);
        let signature = hmac(self.mechanism, server_key.as_bytes(), &auth_message);
        let client_key = parsed.proof.xor(&client_signature);
        let proved = hash(self.mechanism, client_key.as_bytes()).ct_eq(stored_key);
        let is_somebody = Choice::from(u8::from(self.subject != Subject::Nobody));
        if !bool::from(proved & is_somebody) {
            return Err(name.error(
                Status::INVALID_PROOF,
                "p= is wrong: another password or HMAC, or nobody of that name",
            ));
        }
        if let Subject::Token { expiry_ms } = self.subject
            && has_expired(expiry_ms, now_ms)
        {
            let text = "the delegation token has expired: create a new one, or renew in time";
            return Err(Error::new(Status::TOKEN_EXPIRED, text));
        }
        Ok(Accepted { signature, doubled_nonce })
    }

    /// Whether the nonce is doubled; an error when it is anything else but right.
    fn check_nonce(&self, nonce: &str) -> Result<bool, Error> {
        let agreed = self.answer.nonce();
        if nonce == agreed {
            return Ok(false);
        }
        let doubled = nonce.strip_prefix(self.request.nonce()) == Some(agreed);
        let text = match (doubled, self.policy.doubled_nonce) {
            (true, true) => return Ok(true),
            (true, false) => {
                "r= has the client's nonce doubled, as librdkafka before 2.6.1 sends it: update \
                 it, or let the server accept doubled nonces"
            }
            (false, _) => "r= is not the nonce that was sent",
        };
        Err(MessageName::ClientFinal.error(Status::NONCE, text))
    }

    fn authenticated(mut self, accepted: Accepted) -> Authenticated {
        let Accepted { signature, doubled_nonce } = accepted;
        let server_final = ServerFinal { signature, extensions: Extensions::default() };
        server_final.write(&mut self.answer.bytes);
        let Self { request, answer, subject, .. } = self;
        Authenticated { request, answer, subject, doubled_nonce }
    }

    /// Ends the login for a reason of the caller's.
    pub fn reject(self, error: Error) -> Rejected {
        let Self { request, answer, is_token, .. } = self;
        Rejected { error, request: Some(request), answer: Some(answer), is_token }
    }
}

/// The client is who it says it is; the server's own proof is to be sent.
#[derive(Debug)]
pub struct Authenticated {
    request: Request,
    answer: Answer,
    subject: Subject,
    doubled_nonce: bool,
}

impl Authenticated {
    /// The server-final-message.
    pub fn message(&self) -> &[u8] {
        self.answer.server_final()
    }

    /// Whom to treat the peer as: the user, or a token's owner.
    pub fn name(&self) -> &str {
        match self.subject {
            Subject::Token { .. } => self.answer.owner(),
            Subject::User | Subject::Nobody => self.requested_name(),
        }
    }

    /// The name that the client gave: the user's, or the token's id.
    pub fn requested_name(&self) -> &str {
        self.request.name()
    }

    /// The token's id, of a token login. Such a login may not manage tokens (KIP-48).
    pub fn token_id(&self) -> Option<&str> {
        matches!(self.subject, Subject::Token { .. }).then(|| self.requested_name())
    }

    /// When the credential ends, in milliseconds since 1970; -1: never.
    pub fn expiry_ms(&self) -> i64 {
        match self.subject {
            Subject::Token { expiry_ms } => expiry_ms,
            Subject::User | Subject::Nobody => NEVER,
        }
    }

    /// Whether the client is a librdkafka before 2.6.1, let in by [`ServerPolicy::doubled_nonce`].
    pub fn doubled_nonce(&self) -> bool {
        self.doubled_nonce
    }
}

/// The login failed, for good.
#[derive(Debug)]
pub struct Rejected {
    error: Error,
    request: Option<Request>,
    /// There is one when the login failed after its challenge.
    answer: Option<Answer>,
    is_token: bool,
}

impl Rejected {
    /// A failure before anything is known of the client.
    pub fn new(error: Error) -> Self {
        Self { error, request: None, answer: None, is_token: false }
    }

    /// The true reason: for the server's own log, not for the peer.
    pub fn error(&self) -> &Error {
        &self.error
    }

    /// The name that the client gave, as far as one could be read.
    pub fn requested_name(&self) -> Option<&str> {
        self.request.as_ref().map(Request::name)
    }

    /// The name that the client gave, where it was taken for a token's id.
    pub fn token_id(&self) -> Option<&str> {
        self.requested_name().filter(|_| self.is_token)
    }

    /// The owner of the token, where it was found.
    pub fn token_owner(&self) -> Option<&str> {
        self.answer.as_ref().map(Answer::owner).filter(|owner| !owner.is_empty())
    }

    /// What to send to the peer (RFC 5802, section 7, server-error). It never tells whether the
    /// name exists: an expired token looks like a wrong proof.
    pub fn message(&self) -> &'static [u8] {
        match self.error.status() {
            Status::INVALID_PROOF | Status::TOKEN_EXPIRED => b"e=invalid-proof",
            Status::EXTENSION => b"e=extensions-not-supported",
            Status::CHANNEL_BINDING if self.answer.is_none() => b"e=channel-binding-not-supported",
            Status::CHANNEL_BINDING => b"e=channel-bindings-dont-match",
            _ => b"e=other-error",
        }
    }
}

/// An expiry that never comes.
pub(crate) const NEVER: i64 = -1;

/// A credential has expired when its expiry lies before now.
pub(crate) fn has_expired(expiry_ms: i64, now_ms: i64) -> bool {
    expiry_ms != NEVER && expiry_ms < now_ms
}

/// Whose credential was supplied.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Subject {
    User,
    Token { expiry_ms: i64 },
    Nobody,
}

struct Accepted {
    signature: Key,
    doubled_nonce: bool,
}

/// What has to be remembered of the client-first-message, in one buffer: the name, the GS2 header,
/// and the rest of the message.
#[derive(Debug)]
struct Request {
    bytes: Vec<u8>,
    name_len: usize,
    gs2_end: usize,
    nonce: Range<usize>,
}

impl Request {
    fn new(client_first: &ClientFirst<'_>) -> Self {
        let ClientFirst { gs2_header, name, nonce, extensions } = client_first;
        // Enough unless the name needs many escapes: name thrice, nonce, and what stands between.
        let room = 3 * name.len() + nonce.len() + extensions.written_len() + 16;
        let mut bytes = Vec::with_capacity(room);
        bytes.extend_from_slice(name.as_bytes());
        gs2_header.write(&mut bytes);
        let gs2_end = bytes.len();
        client_first.write_bare(&mut bytes);
        let nonce_end = bytes.len() - extensions.written_len();
        Self { bytes, name_len: name.len(), gs2_end, nonce: nonce_end - nonce.len()..nonce_end }
    }

    /// Of a message that could not be parsed, but seems to give this name.
    fn of_name(name: &str) -> Self {
        let name_len = name.len();
        Self { bytes: name.into(), name_len, gs2_end: name_len, nonce: name_len..name_len }
    }

    fn name(&self) -> &str {
        text(&self.bytes, 0..self.name_len)
    }

    fn gs2_header(&self) -> &[u8] {
        self.bytes.get(self.name_len..self.gs2_end).unwrap_or_default()
    }

    fn bare(&self) -> &[u8] {
        self.bytes.get(self.gs2_end..).unwrap_or_default()
    }

    fn nonce(&self) -> &str {
        text(&self.bytes, self.nonce.clone())
    }
}

/// What the server says and whom for, in one buffer: the challenge, a token's owner and, in the
/// end, the server-final-message.
#[derive(Debug)]
struct Answer {
    bytes: Vec<u8>,
    /// Of client's and server's nonce together.
    nonce_len: usize,
    challenge_len: usize,
    owner_end: usize,
}

impl Answer {
    fn nonce(&self) -> &str {
        let start = "r=".len();
        text(&self.bytes, start..start + self.nonce_len)
    }

    fn challenge(&self) -> &[u8] {
        self.bytes.get(..self.challenge_len).unwrap_or_default()
    }

    fn owner(&self) -> &str {
        text(&self.bytes, self.challenge_len..self.owner_end)
    }

    fn server_final(&self) -> &[u8] {
        self.bytes.get(self.owner_end..).unwrap_or_default()
    }
}

/// A part that was written from a `str`.
fn text(bytes: &[u8], range: Range<usize>) -> &str {
    bytes.get(range).and_then(|part| str::from_utf8(part).ok()).unwrap_or_default()
}
