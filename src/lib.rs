//! SCRAM with Kafka delegation tokens: both sides of a login by SCRAM-SHA-256 and SCRAM-SHA-512
//! (RFC 5802, RFC 7677), with `tokenauth=true` (KIP-48).
//!
//! This is the Rust side of libscramtoken; programs in C, C++ and Python load the shared library.
//! A login reads and writes nothing: it takes the peer's messages and gives those to send, and what
//! is random or tells the time comes in as an argument. So it fits blocking, asynchronous and
//! simulated hosts alike. A [`Source`] reads files, when it is asked to.
//!
//! Each state of a login is a type, and a step consumes it: what has not been decided cannot be
//! mistaken for what has. Where a step fails, the login is over.
//!
//! ```text
//! client  ClientLogin ──> AwaitServerFirst ──> AwaitServerFinal ──> Ok: the server proved itself
//! server  AwaitClientFirst ──> NeedCredential ──> AwaitClientFinal ──> Authenticated
//! ```
//!
//! # A client
//!
//! ```
//! use scramtoken::{
//!     Cancel, ClientCredential, ClientLogin, Error, Mechanism, NONCE_ENTROPY, Nonce,
//! };
//!
//! /// `exchange` sends a message to the server and gives its answer.
//! fn log_in(
//!     mechanism: Mechanism,
//!     credential: ClientCredential,
//!     mut exchange: impl FnMut(&[u8]) -> Vec<u8>,
//! ) -> Result<(), Error> {
//!     let login = ClientLogin::new(mechanism, credential).start(&Nonce::random()?)?;
//!
//!     let server_first = exchange(login.message());
//!     let login = login.step(&server_first, None, &Cancel::default())?; // hashes for milliseconds
//!
//!     let server_final = exchange(login.message());
//!     login.step(&server_final) // Ok if and only if the server knows the credential
//! }
//!
//! let alice = ClientCredential::password(b"alice", b"pencil")?;
//! # // A server that knows alice: the one below.
//! # let mechanism = Mechanism::ScramSha512;
//! # let keys = scramtoken::StoredKeys::derive(mechanism, b"pencil", b"salt", 4096)?;
//! # let (stored_key, server_key) = (keys.stored_key(), keys.server_key());
//! # let alices =
//! #     scramtoken::Credential::new(mechanism, b"salt", 4096, stored_key, server_key)?;
//! # let nonce = Nonce::from_random([1; NONCE_ENTROPY]);
//! # let mut first =
//! #     Some(scramtoken::AwaitClientFirst::new(mechanism, Default::default(), nonce));
//! # let mut last = None;
//! # let exchange = |message: &[u8]| match first.take() {
//! #     Some(first) => {
//! #         let need = first.step(message).unwrap();
//! #         assert_eq!((need.name(), need.kind()), ("alice", scramtoken::IdentityKind::User));
//! #         last.insert(need.supply_user(&alices).unwrap()).message().to_vec()
//! #     }
//! #     None => last.take().unwrap().step(message, 0).unwrap().message().to_vec(),
//! # };
//! log_in(Mechanism::ScramSha512, alice, exchange)?;
//! # assert!(last.is_none());
//! # Ok::<(), Error>(())
//! ```
//!
//! The client refuses what is not exactly right: another nonce, an iteration count outside its
//! [`IterationLimits`], an extension that it would have to understand. Another thread may stop it
//! from hashing by [`Cancel`].
//!
//! # A server
//!
//! A server keeps [`StoredKeys`] and not passwords. When a client has said who it is, the login
//! waits as [`NeedCredential`] for as long as a lookup takes.
//!
//! ```
//! use scramtoken::{
//!     Authenticated, AwaitClientFirst, Credential, IdentityKind, Mechanism, MockChallenges,
//!     MockSecret, NONCE_ENTROPY, Nonce, Rejected, ServerPolicy, StoredKeys,
//! };
//!
//! struct Record {
//!     kind: IdentityKind,
//!     name: &'static str,
//!     salt: [u8; 16],
//!     keys: StoredKeys,
//!     owner: &'static str, // of a token
//!     expiry_ms: i64,      // since 1970; -1: never
//! }
//!
//! /// `receive` gives the client's next message, `send` answers it.
//! fn authenticate(
//!     mechanism: Mechanism,
//!     records: &[Record],
//!     mock_secret: &MockSecret,
//!     mut receive: impl FnMut() -> Vec<u8>,
//!     mut send: impl FnMut(&[u8]),
//!     now_ms: i64,
//! ) -> Result<Authenticated, Rejected> {
//!     let nonce = Nonce::random().map_err(Rejected::new)?;
//!     let login = AwaitClientFirst::new(mechanism, ServerPolicy::default(), nonce);
//!
//!     let need = login.step(&receive())?;
//!     let found = records.iter().find(|r| need.kind().admits(r.kind) && r.name == need.name());
//!     let login = match found {
//!         Some(Record { kind, salt, keys, owner, expiry_ms, .. }) => {
//!             let (stored_key, server_key) = (keys.stored_key(), keys.server_key());
//!             match Credential::new(mechanism, salt, 4096, stored_key, server_key) {
//!                 Err(error) => return Err(need.reject(error)), // keys of the other mechanism
//!                 Ok(found) if *kind == IdentityKind::User => need.supply_user(&found)?,
//!                 Ok(found) => need.supply_token(&found, owner, *expiry_ms)?,
//!             }
//!         }
//!         // A made-up challenge, so that nobody can tell who exists. The secret is the same on
//!         // every server of a cluster, and kept.
//!         None => need.supply_unknown(&MockChallenges::new(mock_secret, 4096))?,
//!     };
//!     send(login.message());
//!
//!     let authenticated = login.step(&receive(), now_ms)?;
//!     send(authenticated.message());
//!     Ok(authenticated)
//! }
//!
//! let (salt, hmac) = (*b"0123456789abcdef", b"c29tZSB0b2tlbidzIEhNQUM=");
//! let token = Record {
//!     kind: IdentityKind::Token,
//!     name: "qzdTGEVhQBuNkUrCQ1Xc1A",
//!     salt,
//!     keys: StoredKeys::derive(Mechanism::ScramSha256, hmac, &salt, 4096)?,
//!     owner: "alice",
//!     expiry_ms: 1_900_000_000_000,
//! };
//! # use scramtoken::{Cancel, ClientCredential, ClientLogin, Status};
//! # use std::sync::mpsc::channel;
//! # let run = |id: &str, now_ms| {
//! #     let (to_server, from_client) = channel::<Vec<u8>>();
//! #     let (to_client, from_server) = channel::<Vec<u8>>();
//! #     let credential = ClientCredential::token(id.as_bytes(), hmac).unwrap();
//! #     let login = ClientLogin::new(Mechanism::ScramSha256, credential);
//! #     std::thread::scope(|scope| {
//! #         scope.spawn(move || {
//! #             let login = login.start(&Nonce::from_random([1; NONCE_ENTROPY])).unwrap();
//! #             to_server.send(login.message().to_vec()).unwrap();
//! #             let challenge = from_server.recv().unwrap();
//! #             let login = login.step(&challenge, None, &Cancel::default()).unwrap();
//! #             to_server.send(login.message().to_vec()).unwrap();
//! #             from_server.recv().map(|server_final| login.step(&server_final).unwrap())
//! #         });
//! #         let receive = || from_client.recv().unwrap();
//! #         let send = move |message: &[u8]| to_client.send(message.to_vec()).unwrap();
//! #         let records = std::slice::from_ref(&token);
//! #         let secret = MockSecret::new(b"32 bytes of secret").unwrap();
//! #         authenticate(Mechanism::ScramSha256, records, &secret, receive, send, now_ms)
//! #     })
//! # };
//! # let authenticated = run(token.name, token.expiry_ms).unwrap();
//! // A client with that id and HMAC logs in, before the token ends:
//! assert_eq!(authenticated.name(), "alice"); // whom to treat it as: the owner
//! assert_eq!(authenticated.token_id(), Some("qzdTGEVhQBuNkUrCQ1Xc1A"));
//! # for (id, now_ms, reason) in [
//! #     (token.name, token.expiry_ms + 1, Status::TOKEN_EXPIRED),
//! #     ("another", 0, Status::TOKEN_NOT_FOUND),
//! # ] {
//! #     let rejected = run(id, now_ms).unwrap_err();
//! #     assert_eq!(rejected.error().status(), reason);
//! #     assert_eq!(rejected.message(), b"e=invalid-proof");
//! # }
//! # Ok::<(), scramtoken::Error>(())
//! ```
//!
//! A [`Rejected`] has the error, which is for the server's own log, and the message to send, which
//! is `e=invalid-proof` whether the secret was wrong, the name unknown or the token expired.
//!
//! # Tokens
//!
//! A delegation token has an id, an HMAC (always its base64 text), an owner and an expiry. A client
//! has one by [`ClientCredential::token`], which makes the login say `tokenauth=true`; the server
//! then looks for [`IdentityKind::Token`] and never falls back to a user. Clients that cannot say
//! so are let in by [`ServerPolicy::implicit_tokens`]: their names are looked up as
//! [`IdentityKind::Either`], where the lookup has an order to keep, a user first. A peer with a
//! [`token_id`](Authenticated::token_id) may not create, renew or describe tokens.
//!
//! # The key cache
//!
//! A client that reconnects meets the same salt again, and need not hash again:
//!
//! ```
//! use scramtoken::{
//!     Cancel, ClientCredential, ClientLogin, KeyCache, Mechanism, NONCE_ENTROPY, Nonce,
//! };
//! use std::num::NonZeroUsize;
//!
//! let mut random = [0; 32];
//! getrandom::fill(&mut random).expect("no random numbers");
//! let cache = KeyCache::new(NonZeroUsize::new(100).unwrap(), random); // for the whole process
//!
//! let alice = ClientCredential::password(b"alice", b"pencil")?;
//! let login = ClientLogin::new(Mechanism::ScramSha256, alice);
//! # let challenge = |client_first: &[u8]| {
//! #     let text = std::str::from_utf8(client_first).unwrap();
//! #     let nonce = text.split_once("r=").unwrap().1;
//! #     format!("r={nonce}+,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096").into_bytes()
//! # };
//! # let nonce = |byte| Nonce::from_random([byte; NONCE_ENTROPY]);
//! # let (first, second) = (nonce(1), nonce(2));
//! let first_time = login.clone().start(&first)?;
//! let server_first = challenge(first_time.message());
//! let first_time = first_time.step(&server_first, Some(&cache), &Cancel::default())?; // hashes
//!
//! // The connection breaks; the next one finds the keys in the cache.
//! let again = login.start(&second)?;
//! let server_first = challenge(again.message());
//! # let cancel = Cancel::default(); // what is cancelled cannot hash
//! # cancel.cancel();
//! let again = again.step(&server_first, Some(&cache), &cancel)?;
//! # let _ = (first_time, again);
//! # Ok::<(), scramtoken::Error>(())
//! ```
//!
//! Another secret never finds an entry; entries are bounded, and wiped when they leave.
//!
//! # Where a client's credential comes from
//!
//! ```no_run
//! use scramtoken::{ClientLogin, Mechanism, Source};
//!
//! let mut random = [0; 32]; // from the system's generator
//! # getrandom::fill(&mut random).expect("no random numbers");
//! let source = Source::open("file:/run/secrets/token.json", random)?; // one for all logins
//!
//! let now_ms = 1_800_000_000_000; // what the clock says
//! let current = source.log_in(now_ms)?; // read anew: a rotated token is used at once
//! if let Some(warning) = &current.warning {
//!     eprintln!("{warning}");
//! }
//! let login = ClientLogin::new(Mechanism::ScramSha512, current.credential);
//! // Steps take source.key_cache(), so that a reconnect does not hash again.
//! # let _ = login;
//! # Ok::<(), scramtoken::Error>(())
//! ```
//!
//! # Stores, and an authority of one's own
//!
//! With the feature `store`, a `Store` keeps users and tokens where every process of the host finds
//! them and answers a server's lookups, and a `TokenManager` makes, renews and expires such tokens by
//! Kafka's rules.
//!
//! # Errors
//!
//! An [`Error`] is a [`Status`] for programs, the numbers of which are those of the C API, and one
//! sentence for people that never holds a secret.
//!
//! # Features
//!
//! None is on by default: a program that depends on the crate compiles no C code and no TLS.
//!
//! - `store`: `Store` and `TokenManager`, in memory or in LMDB, which is compiled with the crate.
//! - `capi`, `jni`, `rdkafka`: what the shared library exports to C, to the JVM and to librdkafka.
//! - `cli`: the program `scramtoken`, as in `cargo install scramtoken --features cli`.

#![cfg_attr(
    not(all(feature = "capi", feature = "cli", feature = "jni", feature = "rdkafka")),
    allow(dead_code, unused_imports, reason = "rooms have more than the doors built here take")
)]

#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod agent;
#[cfg(feature = "store")]
mod ancestors;
mod audit;
#[cfg(feature = "store")]
mod authority;
mod byte_order_mark;
#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod cli;
mod clock;
#[cfg(feature = "cli")]
mod every_core;
mod error;
#[cfg(feature = "cli")]
mod explanation;
/// C's door: hidden here, since Rust programs have no use for it but to test and measure it.
#[cfg(feature = "capi")]
#[doc(hidden)]
pub mod ffi;
mod files;
#[cfg(feature = "cli")]
mod follow;
#[cfg(any(feature = "rdkafka", feature = "store"))]
mod fork;
#[cfg(feature = "cli")]
mod https;
#[cfg(feature = "jni")]
mod jni;
mod json;
#[cfg(feature = "cli")]
mod kafka;
mod login;
mod panics;
mod paths;
mod properties;
mod random;
#[cfg(feature = "rdkafka")]
mod rdkafka;
mod scram;
#[cfg(feature = "cli")]
mod service;
mod source;
mod status;
#[cfg(feature = "store")]
mod store;
#[cfg(feature = "tls")]
mod tls;
mod token;
mod visible;

pub use audit::{Event as AuditEvent, Operation as AuditOperation};
#[cfg(feature = "store")]
pub use authority::{NewToken, Question, Requester, TOKEN_ENTROPY, TokenManager, TokenOperation};
pub use clock::Clock;
pub use error::Error;
pub use files::write_secret_file;
pub use login::{
    Client, ClientProgress, CredentialKind, Server, ServerConfig, ServerProgress, StepError,
    Verdict,
};
#[cfg(fuzzing)]
pub use scram::fuzzing;
pub use scram::{
    Authenticated, Authzid, AwaitClientFinal, AwaitClientFirst, AwaitServerFinal, AwaitServerFirst,
    Cancel, ClientCredential, ClientLogin, Credential, IdentityKind, IterationLimits, KeyCache,
    MAX_MESSAGE, MAX_SALT_LEN, MadeUp, Mechanism, MockChallenges, MockSalts, MockSecret,
    NONCE_ENTROPY, NeedCredential, Nonce, Rejected, ServerPolicy, StoredKeys,
};
pub use source::{CurrentCredential, Source, SourceLogin};
pub use status::Status;
#[cfg(feature = "store")]
pub use store::{Check, FileStats, Following, Stats, Store, User};
pub use token::{Principal, Token};
