//! A worker of `make bench-peers`: the crate itself, as a Rust program uses it.
#![allow(clippy::unwrap_used, reason = "what goes wrong ends the run")]

mod account;
mod cpu_time;
mod least;
mod parts;
mod worker;

use std::hint::black_box;
use std::num::NonZeroUsize;
use std::time::{SystemTime, UNIX_EPOCH};

use account::{Account, ITERATIONS, MECHANISMS, PASSWORD, SALT, USER};
use least::{LeastClient, LeastServer};
use parts::{Parts, RustCrypto256, RustCrypto512};
use scramtoken::{
    AwaitClientFinal, AwaitClientFirst, AwaitServerFinal, AwaitServerFirst, Cancel,
    ClientCredential, ClientLogin, Credential, KeyCache, Mechanism, Nonce, ServerPolicy,
    StoredKeys,
};
use worker::{Peer, Refused, Subject, Worker};

/// What an import or a follower hashes at a time, on each thread.
const MANY: u32 = 64;

fn main() {
    let mut worker = Worker::default();
    add::<RustCrypto256>(&mut worker, MECHANISMS[0]);
    add::<RustCrypto512>(&mut worker, MECHANISMS[1]);
    worker.run();
}

fn add<P: Parts>(worker: &mut Worker, name: &'static str) {
    let mechanism = Mechanism::from_name(name).unwrap();
    let account = Account::new::<P>(PASSWORD);
    let client = LeastClient::<P>::new(&account, true);
    let stranger = LeastClient::<P>::new(&Account::new::<P>("wrong"), true);
    let server = || LeastServer::<P>::new(&account, true);
    let subject =
        Subject { name: "scramtoken, Rust", mechanism: name, version: env!("SCRAMTOKEN") };

    let stored_key = &account.stored_key;
    let listener = Server { mechanism, account: account.clone() };
    worker.server("server", &subject, listener, client, &stranger);
    let cold = Client { mechanism, cache: None };
    worker.client("client, cold", &subject, cold, server());
    let cache = KeyCache::new(NonZeroUsize::MIN, [7; 32]);
    let warm = Client { mechanism, cache: Some(cache) };
    worker.client("client, warm", &subject, warm, server());

    let derive = || StoredKeys::derive(mechanism, PASSWORD.as_bytes(), SALT, ITERATIONS);
    assert_eq!(derive().unwrap().stored_key(), stored_key);
    worker.work("hashing", &subject, 1, move || {
        let derived =
            StoredKeys::derive(mechanism, black_box(PASSWORD.as_bytes()), SALT, ITERATIONS);
        black_box(derived.unwrap());
    });
    let many: Vec<(&[u8], &[u8])> = (0..MANY).map(|_| (PASSWORD.as_bytes(), SALT)).collect();
    let derived = StoredKeys::derive_many(mechanism, ITERATIONS, &many);
    assert!(derived.iter().all(|keys| keys.as_ref().unwrap().stored_key() == stored_key));
    let subject = Subject { name: "scramtoken, many at once", ..subject };
    worker.work("hashing", &subject, MANY, move || {
        black_box(StoredKeys::derive_many(mechanism, ITERATIONS, black_box(&many)));
    });
}

struct Server {
    mechanism: Mechanism,
    account: Account,
}

enum ServerLogin {
    Begun(AwaitClientFirst),
    Challenged(AwaitClientFinal),
    Over,
}

impl Peer for Server {
    type Login = ServerLogin;

    fn begin(&self) -> ServerLogin {
        let nonce = Nonce::random().unwrap();
        let policy = ServerPolicy::default();
        ServerLogin::Begun(AwaitClientFirst::new(self.mechanism, policy, nonce))
    }

    fn step(
        &self,
        login: &mut ServerLogin,
        message: &[u8],
        answer: &mut Vec<u8>,
    ) -> Result<bool, Refused> {
        match std::mem::replace(login, ServerLogin::Over) {
            ServerLogin::Begun(first) => {
                let need = first.step(message).map_err(|_| Refused)?;
                if need.name() != USER {
                    return Err(Refused);
                }
                let Account { stored_key, server_key, .. } = &self.account;
                let kept =
                    Credential::new(self.mechanism, SALT, ITERATIONS, stored_key, server_key);
                let challenged = need.supply_user(&kept.unwrap()).map_err(|_| Refused)?;
                answer.extend_from_slice(challenged.message());
                *login = ServerLogin::Challenged(challenged);
                Ok(false)
            }
            ServerLogin::Challenged(challenged) => {
                let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
                let now_ms = since_1970.as_millis().try_into().unwrap();
                let authenticated = challenged.step(message, now_ms).map_err(|_| Refused)?;
                answer.extend_from_slice(authenticated.message());
                Ok(authenticated.name() == USER)
            }
            ServerLogin::Over => Err(Refused),
        }
    }
}

struct Client {
    mechanism: Mechanism,
    cache: Option<KeyCache>,
}

enum ClientState {
    Begun,
    First(AwaitServerFirst),
    Final(AwaitServerFinal),
}

impl Peer for Client {
    type Login = ClientState;

    fn begin(&self) -> ClientState {
        ClientState::Begun
    }

    fn step(
        &self,
        login: &mut ClientState,
        message: &[u8],
        answer: &mut Vec<u8>,
    ) -> Result<bool, Refused> {
        match std::mem::replace(login, ClientState::Begun) {
            ClientState::Begun => {
                let (user, password) = (USER.as_bytes(), PASSWORD.as_bytes());
                let credential = ClientCredential::password(user, password).unwrap();
                let nonce = Nonce::random().unwrap();
                let first = ClientLogin::new(self.mechanism, credential).start(&nonce).unwrap();
                answer.extend_from_slice(first.message());
                *login = ClientState::First(first);
                Ok(false)
            }
            ClientState::First(first) => {
                let last = first
                    .step(message, self.cache.as_ref(), &Cancel::default())
                    .map_err(|_| Refused)?;
                answer.extend_from_slice(last.message());
                *login = ClientState::Final(last);
                Ok(false)
            }
            ClientState::Final(last) => last.step(message).map(|()| true).map_err(|_| Refused),
        }
    }
}
