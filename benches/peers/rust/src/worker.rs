//! What a worker does: says what it can time, then times what it is asked to. The protocol is in
//! benches/peers/worker.py.

use std::io::{BufRead, Write};
use std::time::Duration;

use crate::account::MECHANISMS;
use crate::cpu_time;

/// So many logins wait at a time, while their other side computes off the clock.
const AT_A_TIME: usize = 64;

/// One side of a login.
pub(crate) trait Peer {
    type Login;

    fn begin(&self) -> Self::Login;

    /// Takes a message and writes the answer, if there is one. True when the other side has proved
    /// itself.
    fn step(
        &self,
        login: &mut Self::Login,
        message: &[u8],
        answer: &mut Vec<u8>,
    ) -> Result<bool, Refused>;
}

#[derive(Debug)]
pub(crate) struct Refused;

/// Microseconds of processor time that each login takes, for about as long as it is told to.
type Timed = Box<dyn FnMut(Duration) -> f64>;

#[derive(Default)]
pub(crate) struct Worker {
    lines: Vec<String>,
    timed: Vec<Timed>,
}

impl Worker {
    /// A server, beside clients that know the password, and with one that does not.
    pub(crate) fn server<S: Peer + 'static, C: Peer + 'static>(
        &mut self,
        benchmark: &str,
        subject: &Subject,
        server: S,
        client: C,
        stranger: &C,
    ) {
        assert!(time_servers(&server, &client, Duration::ZERO) > 0.0);
        let (mut login, mut other) = (server.begin(), stranger.begin());
        let [mut first, mut challenge, mut last] = [(); 3].map(|()| Vec::new());
        stranger.step(&mut other, b"", &mut first).unwrap();
        server.step(&mut login, &first, &mut challenge).unwrap();
        stranger.step(&mut other, &challenge, &mut last).unwrap();
        let refused = server.step(&mut login, &last, &mut Vec::new());
        assert!(!matches!(refused, Ok(true)), "{} believes anybody", subject.name);
        self.add(benchmark, subject, move |time| time_servers(&server, &client, time));
    }

    /// A client, beside servers that know it, and with one that does not.
    pub(crate) fn client<C: Peer + 'static, S: Peer + 'static>(
        &mut self,
        benchmark: &str,
        subject: &Subject,
        client: C,
        server: S,
    ) {
        assert!(time_clients(&client, &server, Duration::ZERO) > 0.0);
        let (mut login, mut other) = (client.begin(), server.begin());
        let [mut first, mut challenge, mut last] = [(); 3].map(|()| Vec::new());
        client.step(&mut login, b"", &mut first).unwrap();
        server.step(&mut other, &first, &mut challenge).unwrap();
        client.step(&mut login, &challenge, &mut last).unwrap();
        let signature = match subject.mechanism {
            "SCRAM-SHA-256" => format!("v={}=", "A".repeat(43)),
            _ => format!("v={}==", "A".repeat(86)),
        };
        let refused = client.step(&mut login, signature.as_bytes(), &mut Vec::new());
        assert!(!matches!(refused, Ok(true)), "{} believes anybody", subject.name);
        self.add(benchmark, subject, move |time| time_clients(&client, &server, time));
    }

    /// Anything else, so many of which are done at once.
    pub(crate) fn work(
        &mut self,
        benchmark: &str,
        subject: &Subject,
        each: u32,
        mut work: impl FnMut() + 'static,
    ) {
        self.add(benchmark, subject, move |time| {
            let (mut elapsed, mut done) = (Duration::ZERO, 0);
            while done == 0 || elapsed < time {
                let start = cpu_time::now();
                work();
                elapsed += cpu_time::now() - start;
                done += each;
            }
            microseconds(elapsed) / f64::from(done)
        });
    }

    fn add(
        &mut self,
        benchmark: &str,
        Subject { name, mechanism, version }: &Subject,
        timed: impl FnMut(Duration) -> f64 + 'static,
    ) {
        assert!(MECHANISMS.contains(mechanism));
        self.lines.push(format!(
            r#"{{"benchmark": "{benchmark}", "subject": "{name}", "mechanism": "{mechanism}", "version": "{version}"}}"#
        ));
        self.timed.push(Box::new(timed));
    }

    /// Answers until nobody asks any more.
    pub(crate) fn run(mut self) {
        let mut out = std::io::stdout().lock();
        writeln!(out, "{}\n", self.lines.join("\n")).unwrap();
        for line in std::io::stdin().lock().lines() {
            let line = line.unwrap();
            let (which, milliseconds) = line.split_once(' ').unwrap();
            let time = Duration::from_millis(milliseconds.parse().unwrap());
            let timed = &mut self.timed[which.parse::<usize>().unwrap()];
            writeln!(out, "{:.6}", timed(time)).unwrap();
            out.flush().unwrap();
        }
    }
}

#[derive(Clone)]
pub(crate) struct Subject {
    pub(crate) name: &'static str,
    pub(crate) mechanism: &'static str,
    pub(crate) version: &'static str,
}

fn time_servers<S: Peer, C: Peer>(server: &S, client: &C, time: Duration) -> f64 {
    let (mut elapsed, mut done) = (Duration::ZERO, 0);
    while done == 0 || elapsed < time {
        let mut clients: Vec<C::Login> = (0..AT_A_TIME).map(|_| client.begin()).collect();
        let [mut firsts, mut challenges, mut lasts, mut ends] = [(); 4].map(|()| buffers());
        for (login, first) in clients.iter_mut().zip(&mut firsts) {
            client.step(login, b"", first).unwrap();
        }
        let mut servers = Vec::with_capacity(AT_A_TIME);

        let start = cpu_time::now();
        for (first, challenge) in firsts.iter().zip(&mut challenges) {
            let mut login = server.begin();
            server.step(&mut login, first, challenge).unwrap();
            servers.push(login);
        }
        elapsed += cpu_time::now() - start;

        for ((login, challenge), last) in clients.iter_mut().zip(&challenges).zip(&mut lasts) {
            client.step(login, challenge, last).unwrap();
        }

        let start = cpu_time::now();
        for ((mut login, last), end) in servers.into_iter().zip(&lasts).zip(&mut ends) {
            assert!(server.step(&mut login, last, end).unwrap());
        }
        elapsed += cpu_time::now() - start;

        for (login, end) in clients.iter_mut().zip(&ends) {
            assert!(client.step(login, end, &mut Vec::new()).unwrap());
        }
        done += AT_A_TIME;
    }
    microseconds(elapsed) / f64::from(u32::try_from(done).unwrap())
}

fn time_clients<C: Peer, S: Peer>(client: &C, server: &S, time: Duration) -> f64 {
    // What hashes takes milliseconds each: fewer of them at a time.
    let (mut elapsed, mut done) = (Duration::ZERO, 0);
    let mut at_a_time = 1;
    while done == 0 || elapsed < time {
        let [mut firsts, mut challenges, mut lasts, mut ends] = [(); 4].map(|()| buffers());
        let mut clients = Vec::with_capacity(AT_A_TIME);

        let start = cpu_time::now();
        for first in &mut firsts[..at_a_time] {
            let mut login = client.begin();
            client.step(&mut login, b"", first).unwrap();
            clients.push(login);
        }
        let mut batch = cpu_time::now() - start;

        let mut servers: Vec<S::Login> = clients.iter().map(|_| server.begin()).collect();
        for ((login, first), challenge) in servers.iter_mut().zip(&firsts).zip(&mut challenges) {
            server.step(login, first, challenge).unwrap();
        }

        let start = cpu_time::now();
        for ((login, challenge), last) in clients.iter_mut().zip(&challenges).zip(&mut lasts) {
            client.step(login, challenge, last).unwrap();
        }
        batch += cpu_time::now() - start;

        for ((login, last), end) in servers.iter_mut().zip(&lasts).zip(&mut ends) {
            assert!(server.step(login, last, end).unwrap());
        }

        let start = cpu_time::now();
        for (mut login, end) in clients.into_iter().zip(&ends) {
            assert!(client.step(&mut login, end, &mut Vec::new()).unwrap());
        }
        batch += cpu_time::now() - start;
        elapsed += batch;
        done += at_a_time;
        if batch < Duration::from_millis(1) {
            at_a_time = AT_A_TIME;
        }
    }
    microseconds(elapsed) / f64::from(u32::try_from(done).unwrap())
}

/// Made off the clock: what a host does to send a message is no part of a login.
fn buffers() -> Vec<Vec<u8>> {
    (0..AT_A_TIME).map(|_| Vec::with_capacity(512)).collect()
}

fn microseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}
