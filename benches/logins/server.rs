//! A server's whole login with a stored credential: new, both messages, verdict, free. Nonces are
//! random, as in life.

use std::ffi::{CStr, c_char, c_void};
use std::time::Duration;
use std::{ptr, slice};

use criterion::Criterion;
use scramtoken::ffi::*;

use crate::abi::{Client, Credential, KeyCache, Server, ServerConfig};
use crate::cpu_time::{self, CpuTime};
use crate::{HMAC, ITERATIONS, MECHANISMS, PASSWORD, SALT, TOKEN_ID, USER};

/// So many servers wait at a time, while their clients compute off the clock.
const AT_A_TIME: u64 = 32;

pub(crate) fn bench(criterion: &mut Criterion<CpuTime>) {
    let mut group = criterion.benchmark_group("server");
    for mechanism in MECHANISMS {
        for (subject, is_token) in [("user", false), ("token", true)] {
            for (lookup, calls_back) in [("suspended", false), ("callback", true)] {
                let listener = Listener::new(mechanism, is_token, calls_back);
                listener.check();
                let name = mechanism.to_str().unwrap();
                group.bench_function(format!("{name}/{subject}, {lookup}"), |bencher| {
                    bencher.iter_custom(|logins| listener.time(logins));
                });
            }
        }
    }
}

/// One account, and how it is looked up.
struct Listener {
    mechanism: &'static CStr,
    is_token: bool,
    config: ServerConfig,
    credential: Box<Credential>,
    /// Of the clients, which are not measured here.
    cache: KeyCache,
}

/// A server whose challenge has been sent.
struct Challenged {
    server: Server,
    challenge: Vec<u8>,
}

impl Listener {
    fn new(mechanism: &'static CStr, is_token: bool, calls_back: bool) -> Self {
        let password = if is_token { HMAC } else { PASSWORD };
        let credential = Box::new(Credential::derive(mechanism, password, SALT, ITERATIONS));
        let config = ServerConfig::new();
        if calls_back {
            let userdata = ptr::from_ref(&*credential).cast_mut().cast();
            // SAFETY: the credential lives as long as the config, in the same struct.
            unsafe {
                scramtoken_server_config_set_lookup(config.0, Some(look_up), userdata, None);
            }
        }
        Self { mechanism, is_token, config, credential, cache: KeyCache::new(2) }
    }

    /// A good login succeeds, and one with another password does not.
    fn check(&self) {
        for good in [true, false] {
            let mut client = self.client(good);
            let mut challenged = self.challenge(client.step(b"").1.unwrap(), Vec::new());
            let client_final = client.step(&challenged.challenge).1.unwrap();
            assert_eq!(self.finish(&mut challenged.server, client_final), good);
            assert_eq!(challenged.server.verdict_name(), if good { USER } else { b"" });
        }
    }

    fn time(&self, logins: u64) -> Duration {
        let mut elapsed = Duration::ZERO;
        let mut left = logins;
        while left > 0 {
            let number = left.min(AT_A_TIME);
            left -= number;
            elapsed += self.time_at_once(number);
        }
        elapsed
    }

    fn time_at_once(&self, number: u64) -> Duration {
        let mut clients: Vec<Client> = (0..number).map(|_| self.client(true)).collect();
        let firsts: Vec<Vec<u8>> =
            clients.iter_mut().map(|client| client.step(b"").1.unwrap().to_vec()).collect();
        let buffers: Vec<Vec<u8>> = firsts.iter().map(|_| Vec::with_capacity(512)).collect();
        let mut challenged = Vec::with_capacity(firsts.len());

        let start = cpu_time::now();
        for (first, buffer) in firsts.iter().zip(buffers) {
            challenged.push(self.challenge(first, buffer));
        }
        let mut elapsed = cpu_time::now() - start;

        let finals: Vec<&[u8]> = clients
            .iter_mut()
            .zip(&challenged)
            .map(|(client, challenged)| client.step(&challenged.challenge).1.unwrap())
            .collect();
        let (mut servers, _challenges): (Vec<Server>, Vec<Vec<u8>>) = challenged
            .into_iter()
            .map(|Challenged { server, challenge }| (server, challenge))
            .unzip();

        let start = cpu_time::now();
        for (server, client_final) in servers.iter_mut().zip(finals) {
            assert!(self.finish(server, client_final));
        }
        drop(servers);
        elapsed += cpu_time::now() - start;
        elapsed
    }

    fn client(&self, good: bool) -> Client {
        let mut client = Client::new(self.mechanism);
        match (good, self.is_token) {
            (true, true) => client.set_token(TOKEN_ID, HMAC),
            (true, false) => client.set_password(USER, PASSWORD),
            (false, true) => client.set_token(TOKEN_ID, b"wrong"),
            (false, false) => client.set_password(USER, b"wrong"),
        }
        client.set_key_cache(&self.cache);
        client
    }

    fn challenge(&self, client_first: &[u8], mut challenge: Vec<u8>) -> Challenged {
        let mut server = Server::new(&self.config, self.mechanism);
        let (mut status, mut message) = server.step(client_first);
        if status == SCRAMTOKEN_NEED_CREDENTIAL {
            let (name, _) = server.identity().unwrap();
            assert_eq!(name, if self.is_token { TOKEN_ID } else { USER });
            let supplied = if self.is_token {
                server.supply_token(&self.credential, USER, -1)
            } else {
                server.supply_user(&self.credential)
            };
            assert_eq!(supplied, SCRAMTOKEN_OK);
            (status, message) = server.step(b"");
        }
        assert_eq!(status, SCRAMTOKEN_CONTINUE);
        challenge.extend_from_slice(message.unwrap());
        Challenged { server, challenge }
    }

    /// Whether the client is authenticated.
    fn finish(&self, server: &mut Server, client_final: &[u8]) -> bool {
        let (status, _) = server.step(client_final);
        let verdict = server.verdict();
        status == SCRAMTOKEN_OK
            && verdict.outcome == SCRAMTOKEN_AUTHENTICATED
            && verdict.is_token == self.is_token
    }
}

/// Knows one account, whose credential is `userdata`.
unsafe extern "C" fn look_up(
    userdata: *mut c_void,
    _mechanism: *const c_char,
    name: *const u8,
    name_len: usize,
    _kind: i32,
    reply: *mut scramtoken_lookup_reply,
) -> scramtoken_status {
    // SAFETY: the name is valid within the callback, userdata is the credential that was set.
    unsafe {
        let credential = (*userdata.cast::<Credential>()).to_c();
        match slice::from_raw_parts(name, name_len) {
            USER => scramtoken_lookup_reply_user(reply, &credential),
            TOKEN_ID => {
                scramtoken_lookup_reply_token(reply, &credential, USER.as_ptr(), USER.len(), -1)
            }
            _ => scramtoken_lookup_reply_unknown(reply),
        }
    }
}
