//! A worker of `make bench-peers`: the crates rsasl and pbkdf2, and the least that a login can take.
#![allow(clippy::unwrap_used, reason = "what goes wrong ends the run")]

mod account;
mod cpu_time;
mod least;
mod parts;
mod rsasl;
mod worker;

use std::hint::black_box;

use account::{Account, ITERATIONS, MECHANISMS, PASSWORD, SALT};
use least::{LeastClient, LeastServer};
use parts::{Parts, Ring256, Ring512, RustCrypto256, RustCrypto512};
use rsasl::{RsaslClient, RsaslServer};
use worker::{Subject, Worker};

fn main() {
    let mut worker = Worker::default();
    add::<RustCrypto256, Ring256>(&mut worker, MECHANISMS[0]);
    add::<RustCrypto512, Ring512>(&mut worker, MECHANISMS[1]);
    worker.run();
}

fn add<R: Parts, O: Parts>(worker: &mut Worker, mechanism: &'static str) {
    let account = Account::new::<R>(PASSWORD);
    assert_eq!(account.salted, Account::new::<O>(PASSWORD).salted);
    let wrong = Account::new::<R>("wrong");
    let client = || LeastClient::<R>::new(&account, true);
    let stranger = LeastClient::<R>::new(&wrong, true);
    let server = || LeastServer::<R>::new(&account, true);
    let subject = |name, version| Subject { name, mechanism, version };

    let rsasl = subject("rsasl", env!("RSASL"));
    worker.server("server", &rsasl, RsaslServer::new(mechanism, &account), client(), &stranger);
    worker.client("client, cold", &rsasl, RsaslClient::new(mechanism, None), server());
    let salted = Some(account.salted.clone());
    worker.client("client, warm", &rsasl, RsaslClient::new(mechanism, salted), server());

    let (sha2, ring) = (env!("SHA2"), env!("RING"));
    for (midstates, names) in [
        (false, [subject("least, sha2", sha2), subject("least, ring", ring)]),
        (true, [subject("least, sha2, midstates", sha2), subject("least, ring, midstates", ring)]),
    ] {
        let [by_sha2, by_ring] = &names;
        let least = LeastServer::<R>::new(&account, midstates);
        worker.server("server", by_sha2, least, client(), &stranger);
        let least = LeastServer::<O>::new(&account, midstates);
        worker.server("server", by_ring, least, client(), &stranger);
        let least = LeastClient::<R>::new(&account, midstates);
        worker.client("client, warm", by_sha2, least, server());
        let least = LeastClient::<O>::new(&account, midstates);
        worker.client("client, warm", by_ring, least, server());
    }

    hashing::<R>(worker, &subject("crate pbkdf2", env!("PBKDF2")));
    hashing::<O>(worker, &subject("ring", ring));
}

fn hashing<P: Parts>(worker: &mut Worker, subject: &Subject) {
    worker.work("hashing", subject, 1, || {
        black_box(P::pbkdf2(black_box(PASSWORD.as_bytes()), SALT, ITERATIONS));
    });
}
