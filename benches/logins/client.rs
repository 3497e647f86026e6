//! A client's whole login: new, credential, three steps, free. Cold it hashes, warm its keys come
//! from a cache.

use std::ffi::CStr;
use std::time::Duration;

use criterion::Criterion;
use scramtoken::ffi::*;

use crate::abi::{Client, Credential, KeyCache, Server, ServerConfig};
use crate::cpu_time::{self, CpuTime};
use crate::{ITERATIONS, MECHANISMS, PASSWORD, SALT, USER};

/// So many clients wait at a time, while their servers compute off the clock.
const AT_A_TIME: u64 = 32;

pub(crate) fn bench(criterion: &mut Criterion<CpuTime>) {
    let mut group = criterion.benchmark_group("client");
    for mechanism in MECHANISMS {
        for (temperature, cache) in [("cold", None), ("warm", Some(KeyCache::new(1)))] {
            let logins = Logins::new(mechanism, cache);
            logins.check();
            let name = mechanism.to_str().unwrap();
            group.bench_function(format!("{name}/{temperature}"), |bencher| {
                bencher.iter_custom(|number| logins.time(number));
            });
        }
    }
}

struct Logins {
    mechanism: &'static CStr,
    cache: Option<KeyCache>,
    config: ServerConfig,
    credential: Credential,
}

impl Logins {
    fn new(mechanism: &'static CStr, cache: Option<KeyCache>) -> Self {
        let credential = Credential::derive(mechanism, PASSWORD, SALT, ITERATIONS);
        Self { mechanism, cache, config: ServerConfig::new(), credential }
    }

    /// A login succeeds on both sides; a server without the password is not believed.
    fn check(&self) {
        self.time_at_once(1);
        let mut client = self.client();
        let (_server, challenge) = self.challenge(client.step(b"").1.unwrap());
        client.step(&challenge);
        let signature: &[u8] = match self.credential.server_key.len() {
            32 => b"v=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
            _ => b"v=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\
                AAAAAA==",
        };
        assert_eq!(client.step(signature).0, SCRAMTOKEN_ERR_SERVER_SIGNATURE);
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
        let mut firsts: Vec<Vec<u8>> = buffers(number);
        let mut finals: Vec<Vec<u8>> = buffers(number);
        let mut clients = Vec::with_capacity(firsts.len());

        let start = cpu_time::now();
        for first in &mut firsts {
            let mut client = self.client();
            first.extend_from_slice(client.step(b"").1.unwrap());
            clients.push(client);
        }
        let mut elapsed = cpu_time::now() - start;

        let (mut servers, challenges): (Vec<Server>, Vec<Vec<u8>>) =
            firsts.iter().map(|first| self.challenge(first)).unzip();

        let start = cpu_time::now();
        for ((client, challenge), client_final) in
            clients.iter_mut().zip(&challenges).zip(&mut finals)
        {
            let (status, message) = client.step(challenge);
            assert_eq!(status, SCRAMTOKEN_CONTINUE);
            client_final.extend_from_slice(message.unwrap());
        }
        elapsed += cpu_time::now() - start;

        let signatures: Vec<&[u8]> = servers
            .iter_mut()
            .zip(&finals)
            .map(|(server, client_final)| {
                let (status, message) = server.step(client_final);
                assert_eq!(status, SCRAMTOKEN_OK);
                message.unwrap()
            })
            .collect();

        let start = cpu_time::now();
        for (client, signature) in clients.iter_mut().zip(signatures) {
            assert_eq!(client.step(signature).0, SCRAMTOKEN_OK);
        }
        drop(clients);
        elapsed += cpu_time::now() - start;
        elapsed
    }

    fn client(&self) -> Client {
        let mut client = Client::new(self.mechanism);
        client.set_password(USER, PASSWORD);
        if let Some(cache) = &self.cache {
            client.set_key_cache(cache);
        }
        client
    }

    fn challenge(&self, client_first: &[u8]) -> (Server, Vec<u8>) {
        let mut server = Server::new(&self.config, self.mechanism);
        assert_eq!(server.step(client_first).0, SCRAMTOKEN_NEED_CREDENTIAL);
        assert_eq!(server.supply_user(&self.credential), SCRAMTOKEN_OK);
        let challenge = server.step(b"").1.unwrap().to_vec();
        (server, challenge)
    }
}

/// Made off the clock: to copy a message costs little, to allocate for it more.
fn buffers(number: u64) -> Vec<Vec<u8>> {
    (0..number).map(|_| Vec::with_capacity(512)).collect()
}
