//! The server's side of one login: each state is a type, and its transition consumes it.
//!
//! ```text
//! AwaitClientFirst -> NeedCredential -> AwaitClientFinal -> Authenticated
//!        \________________ any failure: Rejected _______/
//! ```

mod buffer;
mod exchange;
mod outcome;
mod transcript;

use core::ops::RangeInclusive;

use subtle::{Choice, ConstantTimeEq};

use super::credential::{Credential, StoredKeys};
use super::keys::{Key, hash};
use super::mechanism::Mechanism;
use super::message::{
    ClientFinal, ClientFirst, Extensions, MessageName, ServerFinal, check_length, claimed_name,
};
use super::mock::{Decoy, MadeUp, MockChallenges, Stranger};
use super::nonce::Nonce;
use super::signatures::Signatures;
use crate::{error::Error, status::Status};

use exchange::{Exchange, Subject};
pub use outcome::{Authenticated, Rejected};

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
        let (parsed, gs2_len) = ClientFirst::parse_and_measure(client_first).map_err(|error| {
            let exchange = claimed_name(client_first).map(|name| {
                let mut exchange = Box::new(Exchange::new(self.mechanism, self.policy));
                exchange.transcript.push_name(&name);
                exchange
            });
            Rejected { error, exchange }
        })?;
        let kind = match (parsed.extensions.tokenauth(), self.policy.implicit_tokens) {
            (true, _) => IdentityKind::Token,
            (false, true) => IdentityKind::Either,
            (false, false) => IdentityKind::User,
        };
        let mut exchange = Box::new(Exchange::new(self.mechanism, self.policy));
        let nonce = self.nonce.as_str();
        exchange.transcript.push_client_first(client_first, &parsed, gs2_len, nonce);
        let need = NeedCredential { exchange, kind };
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
    exchange: Box<Exchange>,
    kind: IdentityKind,
}

impl NeedCredential {
    /// The mechanism whose credential is wanted.
    pub fn mechanism(&self) -> Mechanism {
        self.exchange.mechanism
    }

    /// The client's name, unescaped: not empty, UTF-8, no NUL, otherwise anything.
    pub fn name(&self) -> &str {
        self.exchange.transcript.name()
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
        let made_up = self.make_up(mock);
        self.supply_made_up(&made_up)
    }

    /// Makes up a challenge before the lookup, for [`supply_made_up`](Self::supply_made_up). A server
    /// that does so for every name takes as long for those that somebody has.
    pub fn make_up(&self, mock: &MockChallenges<'_>) -> MadeUp {
        mock.make_up(self.stranger(), self.mechanism(), self.name())
    }

    /// [`supply_unknown`](Self::supply_unknown) with the challenge that
    /// [`make_up`](Self::make_up) gave.
    ///
    /// # Errors
    ///
    /// `TOO_LONG` when nonces and salt do not fit into one message.
    pub fn supply_made_up(self, made_up: &MadeUp) -> Result<AwaitClientFinal, Rejected> {
        match Decoy::new(self.mechanism()).credential() {
            Ok(decoy) => self.supply_nobody(made_up, &decoy),
            Err(error) => Err(self.reject(error)),
        }
    }

    /// Any credential does: the verdict does not depend on its keys, but takes as long as with real ones.
    pub(crate) fn supply_nobody(
        self,
        made_up: &MadeUp,
        credential: &Credential<'_>,
    ) -> Result<AwaitClientFinal, Rejected> {
        // A token has an owner, who takes a moment too.
        let owner = if self.stranger() == Stranger::Token { "nobody" } else { "" };
        let subject = Subject::Nobody(self.stranger());
        self.challenge(made_up.salt(), made_up.iterations, credential, subject, owner)
    }

    /// What the name is taken for unless somebody has it. With implicit tokens a name of a token id's
    /// form is a token's: were it a user's, ids of live tokens would be told from others, whose two
    /// challenges, with and without `tokenauth`, would not be the same.
    fn stranger(&self) -> Stranger {
        match self.kind {
            IdentityKind::Token => Stranger::Token,
            IdentityKind::Either if is_like_token_id(self.name()) => Stranger::Token,
            IdentityKind::Either | IdentityKind::User => Stranger::User,
        }
    }

    /// Ends the login because its lookup failed.
    pub fn reject(self, error: Error) -> Rejected {
        let subject = Subject::Nobody(self.stranger());
        let mut exchange = self.exchange;
        exchange.subject = subject;
        Rejected { error, exchange: Some(exchange) }
    }

    fn supply(
        self,
        kind: IdentityKind,
        credential: &Credential<'_>,
        subject: Subject,
        owner: &str,
    ) -> Result<AwaitClientFinal, Rejected> {
        if !self.kind.admits(kind) || credential.mechanism != self.mechanism() {
            return Err(self.reject(Error::new(
                Status::INVALID_ARGUMENT,
                "the credential is not of the kind or mechanism that was asked for",
            )));
        }
        let Credential { salt, iterations, .. } = credential;
        self.challenge(salt, iterations.get(), credential, subject, owner)
    }

    fn challenge(
        mut self,
        salt: &[u8],
        iterations: u32,
        credential: &Credential<'_>,
        subject: Subject,
        owner: &str,
    ) -> Result<AwaitClientFinal, Rejected> {
        let transcript = &mut self.exchange.transcript;
        transcript.push_challenge(salt, iterations, owner);
        if let Err(error) = check_length(MessageName::ServerFirst, transcript.challenge().len()) {
            return Err(self.reject(error));
        }
        let mut exchange = self.exchange;
        exchange.subject = subject;
        exchange.keys = credential.keys();
        Ok(AwaitClientFinal(exchange))
    }
}

/// The challenge is to be sent, the client's proof awaited.
#[derive(Debug)]
pub struct AwaitClientFinal(Box<Exchange>);

impl AwaitClientFinal {
    /// The same, but what is known of tokens is good in this time alone, whatever their own expiry.
    pub(crate) fn with_tokens_known(mut self, tokens_known: RangeInclusive<i64>) -> Self {
        self.0.tokens_known = tokens_known;
        self
    }

    /// The server-first-message.
    pub fn message(&self) -> &[u8] {
        self.0.transcript.challenge()
    }

    /// Whether the verdict depends on the time.
    pub(crate) fn is_timed(&self) -> bool {
        !matches!(self.0.subject, Subject::User | Subject::Nobody(Stranger::User))
    }

    /// Judges the client's proof. `now_ms` is the time for a token's expiry.
    ///
    /// # Errors
    ///
    /// `MALFORMED`, `TOO_LONG`, `EXTENSION`, `CHANNEL_BINDING`, `NONCE`; for a proof that is wrong
    /// `INVALID_PROOF`, and in its place `UNKNOWN_USER` or `TOKEN_NOT_FOUND` where nobody has the
    /// name; where the proof was good `TOKEN_EXPIRED`, and `TOKENS_STALE` of a store that has not
    /// heard of its cluster for too long.
    pub fn step(mut self, client_final: &[u8], now_ms: i64) -> Result<Authenticated, Rejected> {
        let judged = self.judge(client_final, now_ms);
        // They are not needed any more.
        self.0.keys = StoredKeys::zero();
        match judged {
            Ok(Accepted { signature, doubled_nonce }) => {
                let server_final = ServerFinal { signature, extensions: Extensions::default() };
                self.0.transcript.push_server_final(&server_final);
                self.0.doubled_nonce = doubled_nonce;
                Ok(Authenticated(self.0))
            }
            Err(error) => Err(self.reject(error)),
        }
    }

    fn judge(&self, client_final: &[u8], now_ms: i64) -> Result<Accepted, Error> {
        let Exchange { mechanism, transcript, subject, keys, .. } = &*self.0;
        let name = MessageName::ClientFinal;
        let is_somebody = self.0.is_somebodys();
        let parsed = match ClientFinal::parse(client_final, *mechanism) {
            Err(error) if error.status() == Status::INVALID_PROOF => {
                return Err(if is_somebody { error } else { self.wrong_proof(now_ms) });
            }
            parsed => parsed?,
        };
        if *parsed.without_proof.channel_binding != *transcript.gs2_header() {
            return Err(name.error(
                Status::CHANNEL_BINDING,
                "c= is not the GS2 header of the client-first-message",
            ));
        }
        let doubled_nonce = self.check_nonce(parsed.without_proof.nonce)?;

        let auth_message = [transcript.covered(), b",", parsed.covered];
        let StoredKeys { stored_key, server_key } = keys;
        let Signatures { client, server } =
            Signatures::new(*mechanism, stored_key, server_key, &auth_message);
        let client_key = parsed.proof.xor(&client);
        let proved = hash(*mechanism, client_key.as_bytes()).ct_eq(stored_key);
        if !bool::from(proved & Choice::from(u8::from(is_somebody))) {
            return Err(self.wrong_proof(now_ms));
        }
        if let Subject::Token { expiry_ms } = *subject {
            if has_expired(expiry_ms, now_ms) {
                let text = "the delegation token has expired: create a new one, or renew in time";
                return Err(Error::new(Status::TOKEN_EXPIRED, text));
            }
            if self.is_stale(now_ms) {
                return Err(stale());
            }
        }
        Ok(Accepted { signature: server, doubled_nonce })
    }

    /// For the server's log: the peer is told the same of all of these.
    fn wrong_proof(&self, now_ms: i64) -> Error {
        let (status, text) = match self.0.subject {
            Subject::User | Subject::Token { .. } => (
                Status::INVALID_PROOF,
                "client-final-message: p= is wrong: another password or HMAC than the server's",
            ),
            // Which may have been made since.
            Subject::Nobody(Stranger::Token) if self.is_stale(now_ms) => return stale(),
            Subject::Nobody(Stranger::Token) => (
                Status::TOKEN_NOT_FOUND,
                "client-final-message: p= is wrong: there is no token of that id, or no longer",
            ),
            Subject::Nobody(Stranger::User) if is_like_token_id(self.0.transcript.name()) => (
                Status::UNKNOWN_USER,
                "client-final-message: p= is wrong: there is no user of that name, which looks like \
                 a token's id: the client has to say tokenauth=true, or the server to do without \
                 (implicitTokens in JAAS, scramtoken_server_config_set_implicit_tokens in C)",
            ),
            Subject::Nobody(Stranger::User) => (
                Status::UNKNOWN_USER,
                "client-final-message: p= is wrong: there is no user of that name and mechanism",
            ),
        };
        Error::new(status, text)
    }

    fn is_stale(&self, now_ms: i64) -> bool {
        !self.0.tokens_known.contains(&now_ms)
    }

    /// Whether the nonce is doubled; an error when it is anything else but right.
    fn check_nonce(&self, nonce: &str) -> Result<bool, Error> {
        let (nonce, agreed) = (nonce.as_bytes(), self.0.transcript.agreed_nonce());
        if nonce == agreed {
            return Ok(false);
        }
        let doubled = nonce.strip_prefix(self.0.transcript.nonce()) == Some(agreed);
        let text = match (doubled, self.0.policy.doubled_nonce) {
            (true, true) => return Ok(true),
            (true, false) => {
                "r= has the client's nonce doubled, as librdkafka before 2.6.1 sends it: update \
                 it, or let the server accept that (doubledNonce in JAAS, \
                 scramtoken_server_config_set_doubled_nonce in C)"
            }
            (false, _) => "r= is not the nonce that was sent",
        };
        Err(MessageName::ClientFinal.error(Status::NONCE, text))
    }

    /// Ends the login for a reason of the caller's.
    pub fn reject(self, error: Error) -> Rejected {
        Rejected { error, exchange: Some(self.0) }
    }
}

fn stale() -> Error {
    let text = "the store follows a Kafka cluster, and has not heard of it for longer than its --max-age: \
                tokens are refused until scramtoken store follow gets to the cluster again";
    Error::new(Status::TOKENS_STALE, text)
}

/// An expiry that never comes.
pub(crate) const NEVER: i64 = -1;

/// A credential has expired when its expiry lies before now.
pub(crate) fn has_expired(expiry_ms: i64, now_ms: i64) -> bool {
    expiry_ms != NEVER && expiry_ms < now_ms
}

/// Whether a name could be the id of one of Kafka's tokens, or of ours: 128 bits as base64 for URLs.
fn is_like_token_id(name: &str) -> bool {
    name.len() == 22
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

struct Accepted {
    signature: Key,
    doubled_nonce: bool,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scram::client::{ClientCredential, ClientLogin};
    use crate::scram::keys::Cancel;

    const MECHANISM: Mechanism = Mechanism::ScramSha256;

    /// Over the wire nobody can show this: the keys made up for nobody belong to no password.
    #[test]
    #[cfg_attr(miri, ignore = "hashes for minutes there")]
    fn nobody_is_refused_even_with_a_proof_that_fits() {
        let keys = StoredKeys::derive(MECHANISM, b"pencil", b"salt", 4096).unwrap();
        let (stored_key, server_key) = (keys.stored_key(), keys.server_key());
        let credential = Credential::new(MECHANISM, b"salt", 4096, stored_key, server_key).unwrap();
        for (subject, status) in [
            (Subject::User, None),
            (Subject::Nobody(Stranger::User), Some(Status::UNKNOWN_USER)),
            (Subject::Nobody(Stranger::Token), Some(Status::TOKEN_NOT_FOUND)),
        ] {
            let user = ClientCredential::password(b"user", b"pencil").unwrap();
            let nonce = Nonce::from_random([0; crate::scram::NONCE_ENTROPY]);
            let client = ClientLogin::new(MECHANISM, user).start(&nonce).unwrap();
            let server = AwaitClientFirst::new(MECHANISM, ServerPolicy::default(), nonce);
            let server = server.step(client.message()).unwrap();
            let mut server = server.supply_user(&credential).unwrap();
            server.0.subject = subject;
            let client = client.step(server.message(), None, &Cancel::default()).unwrap();
            let outcome = server.step(client.message(), 0);
            assert_eq!(outcome.err().map(|rejected| rejected.error().status()), status);
        }
    }
}
