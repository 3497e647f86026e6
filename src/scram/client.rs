//! The client's side of one login: each state is a type, and its transition consumes it.

use core::fmt;
use core::ops::RangeInclusive;

use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::credential::check_secret;
use super::key_cache::{KeyCache, derive};
use super::keys::{Cancel, Key};
use super::mechanism::Mechanism;
use super::message::{
    ChannelBinding, ClientFinalWithoutProof, ClientFirst, Extensions, Gs2Header, MessageName,
    ServerFinal, ServerFirst, check_length, check_name, refusal, write_proof,
};
use super::nonce::Nonce;
use super::signatures::Signatures;
use crate::{error::Error, status::Status};

/// What a client logs in with. The secret is zeroed on drop and never shown.
#[derive(Clone)]
pub struct ClientCredential {
    name: String,
    secret: Zeroizing<Vec<u8>>,
    is_token: bool,
}

impl ClientCredential {
    /// A SCRAM user and its password, which is hashed as it is: Kafka does no SASLprep.
    ///
    /// # Errors
    ///
    /// `INVALID_ARGUMENT` when either is empty, or the name is not UTF-8 or holds a NUL.
    pub fn password(username: &[u8], password: &[u8]) -> Result<Self, Error> {
        let name = check_name("user name", username)?.to_owned();
        check_secret("password", password)?;
        Ok(Self { name, secret: Zeroizing::new(password.to_vec()), is_token: false })
    }

    /// A delegation token (KIP-48): its id, and its HMAC as base64 text. The login says
    /// `tokenauth=true`.
    ///
    /// # Errors
    ///
    /// `INVALID_ARGUMENT` when either is empty, or the id is not UTF-8 or holds a NUL.
    pub fn token(token_id: &[u8], hmac: &[u8]) -> Result<Self, Error> {
        let name = check_name("token id", token_id)?.to_owned();
        check_secret("HMAC", hmac)?;
        Ok(Self { name, secret: Zeroizing::new(hmac.to_vec()), is_token: true })
    }

    /// Whether it is a delegation token.
    pub fn is_token(&self) -> bool {
        self.is_token
    }

    /// The user's name, or the token's id.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The password, or the HMAC as base64 text.
    pub(crate) fn secret(&self) -> &[u8] {
        &self.secret
    }
}

impl fmt::Debug for ClientCredential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ClientCredential({:?}, ..)", self.name)
    }
}

/// A login that has not begun.
#[derive(Clone, Debug)]
pub struct ClientLogin {
    mechanism: Mechanism,
    credential: ClientCredential,
    authzid: Option<Authzid>,
    iteration_limits: IterationLimits,
    doubles_nonce: bool,
}

impl ClientLogin {
    /// A login without an authorization identity, and the default [`IterationLimits`].
    pub fn new(mechanism: Mechanism, credential: ClientCredential) -> Self {
        Self {
            mechanism,
            credential,
            authzid: None,
            iteration_limits: IterationLimits::default(),
            doubles_nonce: false,
        }
    }

    /// Asks to act as this identity (`a=`).
    pub fn set_authzid(&mut self, authzid: Authzid) {
        self.authzid = Some(authzid);
    }

    /// Which iteration counts to accept from the server.
    pub fn set_iteration_limits(&mut self, limits: IterationLimits) {
        self.iteration_limits = limits;
    }

    /// Sends its nonce twice at the end, as librdkafka before 2.6.1 does: to learn whether a server takes
    /// that.
    #[cfg(feature = "cli")]
    pub(crate) fn double_nonce(&mut self) {
        self.doubles_nonce = true;
    }

    /// Begins the login.
    ///
    /// # Errors
    ///
    /// `TOO_LONG` when name, identity and nonce do not fit into one message.
    pub fn start(self, nonce: &Nonce) -> Result<AwaitServerFirst, Error> {
        let gs2_header = Gs2Header {
            channel_binding: ChannelBinding::Unsupported,
            authzid: self.authzid.as_ref().map(|Authzid(name)| name.into()),
        };
        let client_first = ClientFirst {
            gs2_header,
            name: self.credential.name.as_str().into(),
            nonce: nonce.as_str(),
            extensions: if self.credential.is_token {
                Extensions::TOKEN
            } else {
                Extensions::default()
            },
        };
        let mut message = Vec::with_capacity(128);
        client_first.gs2_header.write(&mut message);
        let gs2_len = message.len();
        client_first.write_bare(&mut message);
        check_length(MessageName::ClientFirst, message.len())?;
        Ok(AwaitServerFirst { login: self, nonce: nonce.clone(), message, gs2_len })
    }
}

/// An authorization identity: as whom to act. Kafka accepts only the user name itself or, for a
/// token, its id.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Authzid(String);

impl Authzid {
    /// # Errors
    ///
    /// `INVALID_ARGUMENT` when it is empty, not UTF-8 or holds a NUL.
    pub fn new(name: &[u8]) -> Result<Self, Error> {
        check_name("authorization identity", name).map(|name| Self(name.to_owned()))
    }
}

/// The iteration counts that a client hashes for a server; checked before any hashing.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct IterationLimits(RangeInclusive<u32>);

impl IterationLimits {
    /// From `min` to `max`, both included.
    ///
    /// # Errors
    ///
    /// `INVALID_ARGUMENT` unless `1 <= min <= max`.
    pub fn new(min: u32, max: u32) -> Result<Self, Error> {
        if min == 0 || min > max {
            return Err(Error::new(
                Status::INVALID_ARGUMENT,
                format!("iteration limits of {min} to {max}: the least must be 1 to the most"),
            ));
        }
        Ok(Self(min..=max))
    }

    fn check(&self, iterations: u32) -> Result<(), Error> {
        if self.0.contains(&iterations) {
            return Ok(());
        }
        let (min, max) = (self.0.start(), self.0.end());
        Err(MessageName::ServerFirst.error(
            Status::ITERATIONS,
            format_args!("i= is {iterations}, and {min} to {max} are accepted"),
        ))
    }
}

impl Default for IterationLimits {
    /// 4096 (RFC 7677, section 4) to 1,000,000, some seconds of hashing on a slow machine.
    fn default() -> Self {
        Self(ITERATIONS)
    }
}

/// What clients accept unless told otherwise, and what passwords are therefore stored with.
pub(crate) const ITERATIONS: RangeInclusive<u32> = 4096..=1_000_000;

/// The client-first-message is to be sent, the server's challenge awaited.
#[derive(Debug)]
pub struct AwaitServerFirst {
    login: ClientLogin,
    nonce: Nonce,
    message: Vec<u8>,
    gs2_len: usize,
}

impl AwaitServerFirst {
    /// The client-first-message.
    pub fn message(&self) -> &[u8] {
        &self.message
    }

    /// Answers the challenge, which is where the hashing is, unless `key_cache` has the keys.
    ///
    /// # Errors
    ///
    /// `MALFORMED`, `TOO_LONG`, `NONCE`, `EXTENSION`, `SERVER_REFUSED`; `ITERATIONS` before any
    /// hashing; `CANCELLED`.
    pub fn step(
        self,
        server_first: &[u8],
        key_cache: Option<&KeyCache>,
        cancel: &Cancel,
    ) -> Result<AwaitServerFinal, Error> {
        refusal(MessageName::ServerFirst, server_first)?;
        let challenge = ServerFirst::parse(server_first, self.nonce.as_str())?;
        self.login.iteration_limits.check(challenge.iterations)?;

        let mechanism = self.login.mechanism;
        let (secret, salt) = (&self.login.credential.secret, &challenge.salt);
        let keys = match key_cache {
            Some(cache) => cache.keys(mechanism, secret, salt, challenge.iterations, cancel),
            None => derive(mechanism, secret, salt, challenge.iterations, cancel),
        }
        .ok_or_else(cancelled)?;

        let doubled = if self.login.doubles_nonce { self.nonce.as_str() } else { "" };
        let nonce = [doubled, challenge.client_nonce, challenge.server_nonce].concat();
        let (gs2_header, client_first_bare) =
            self.message.split_at_checked(self.gs2_len).unwrap_or_default();
        let without_proof = ClientFinalWithoutProof {
            channel_binding: gs2_header.into(),
            nonce: &nonce,
            extensions: Extensions::default(),
        };
        let mut message = Vec::with_capacity(256);
        without_proof.write(&mut message);
        let auth_message = [client_first_bare, b",", server_first, b",", &message];
        let signatures =
            Signatures::new(mechanism, &keys.stored_key, &keys.server_key, &auth_message);
        let proof = keys.client_key.clone().xor(&signatures.client);
        write_proof(&proof, &mut message);
        check_length(MessageName::ClientFinal, message.len())?;
        Ok(AwaitServerFinal { mechanism, message, server_signature: signatures.server })
    }
}

/// The client-final-message is to be sent, the server's own proof awaited.
#[derive(Debug)]
pub struct AwaitServerFinal {
    mechanism: Mechanism,
    message: Vec<u8>,
    server_signature: Key,
}

impl AwaitServerFinal {
    /// The client-final-message.
    pub fn message(&self) -> &[u8] {
        &self.message
    }

    /// Ok if and only if the server has proved that it knows the credential.
    ///
    /// # Errors
    ///
    /// `MALFORMED`, `TOO_LONG`, `EXTENSION`, `SERVER_SIGNATURE`, `SERVER_REFUSED`.
    pub fn step(self, server_final: &[u8]) -> Result<(), Error> {
        let server_final = ServerFinal::parse(server_final, self.mechanism)?;
        if !bool::from(server_final.signature.ct_eq(&self.server_signature)) {
            return Err(MessageName::ServerFinal.error(
                Status::SERVER_SIGNATURE,
                "v= is wrong: the server does not know the credential",
            ));
        }
        Ok(())
    }
}

pub(crate) fn cancelled() -> Error {
    Error::new(Status::CANCELLED, "the login was cancelled")
}
