//! The program against a broker that lies, stalls or breaks off: a clear error, in bounded time and
//! memory.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use scramtoken::{
    AwaitClientFirst, Credential, Mechanism, NONCE_ENTROPY, Nonce, ServerPolicy, StoredKeys,
};

const API_VERSIONS: i16 = 18;
const SASL_HANDSHAKE: i16 = 17;
const SASL_AUTHENTICATE: i16 = 36;
const CREATE_TOKEN: i16 = 38;
const DESCRIBE_TOKEN: i16 = 41;
const ALTER_SCRAM: i16 = 51;
const DESCRIBE_SCRAM: i16 = 50;
const DESCRIBE_CLUSTER: i16 = 60;

/// What the properties below grant the program, and some time to start.
const BOUND: Duration = Duration::from_secs(8);
const PROPERTIES: &str = "request.timeout.ms=1000\ndefault.api.timeout.ms=2000\n";
// Here the program also hashes, without an optimiser.
const SCRAM: &str = "request.timeout.ms=6000\ndefault.api.timeout.ms=6000\n\
    security.protocol=SASL_PLAINTEXT\nsasl.mechanism=SCRAM-SHA-512\n\
    sasl.jaas.config=x.ScramLoginModule required username=\"alice\" password=\"s3cret\";\n";

struct Request {
    api: i16,
    correlation_id: i32,
    body: Vec<u8>,
}

impl Request {
    /// The SCRAM message that begins so: the end of a SaslAuthenticate request, but for tagged fields.
    fn message_from(&self, start: &[u8]) -> Option<&[u8]> {
        let at = self.body.windows(start.len()).position(|bytes| bytes == start)?;
        Some(&self.body[at..self.body.len() - 1])
    }
}

/// What the broker does about a request.
enum Answer {
    /// Sends these bytes, frame and all.
    Bytes(Vec<u8>),
    /// Sends them one by one, a second apart.
    Slowly(Vec<u8>),
    Silence,
    Close,
}

/// A frame with the request's correlation id.
fn frame(request: &Request, body: &[u8]) -> Answer {
    Answer::Bytes(frame_of(request.correlation_id, body))
}

fn frame_of(correlation_id: i32, body: &[u8]) -> Vec<u8> {
    let len = u32::try_from(4 + body.len()).unwrap();
    [&len.to_be_bytes(), correlation_id.to_be_bytes().as_slice(), body].concat()
}

/// ApiVersions, version 0: every request that the tests send, in all the versions there are.
fn api_versions(request: &Request) -> Answer {
    let apis = [
        API_VERSIONS,
        SASL_HANDSHAKE,
        SASL_AUTHENTICATE,
        CREATE_TOKEN,
        DESCRIBE_TOKEN,
        DESCRIBE_SCRAM,
        ALTER_SCRAM,
        DESCRIBE_CLUSTER,
    ];
    let mut body = vec![0, 0, 0, 0, 0, u8::try_from(apis.len()).unwrap()];
    for api in apis {
        body.extend_from_slice(&api.to_be_bytes());
        body.extend_from_slice(&[0, 0, 0, 9]);
    }
    frame(request, &body)
}

/// A broker on a free port that answers each request by `answer`, until the test ends.
fn broker(answer: impl Fn(&Request) -> Answer + Send + Sync + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let answer = Arc::new(answer);
    thread::spawn(move || {
        for stream in listener.incoming() {
            let answer = answer.clone();
            // The program breaking off is what the tests want, so what fails here is of no interest.
            thread::spawn(move || serve(stream.unwrap(), &*answer));
        }
    });
    address
}

fn serve(mut stream: TcpStream, answer: &dyn Fn(&Request) -> Answer) -> std::io::Result<()> {
    loop {
        let mut head = [0; 4];
        stream.read_exact(&mut head)?;
        let mut frame = vec![0; usize::try_from(u32::from_be_bytes(head)).unwrap()];
        stream.read_exact(&mut frame)?;
        let api = i16::from_be_bytes(frame[..2].try_into().unwrap());
        let correlation_id = i32::from_be_bytes(frame[4..8].try_into().unwrap());
        match answer(&Request { api, correlation_id, body: frame[8..].to_vec() }) {
            Answer::Bytes(bytes) => stream.write_all(&bytes)?,
            Answer::Slowly(bytes) => {
                for byte in bytes {
                    stream.write_all(&[byte])?;
                    thread::sleep(Duration::from_secs(1));
                }
            }
            Answer::Silence => thread::sleep(2 * BOUND),
            Answer::Close => return Ok(()),
        }
    }
}

/// Runs the program with little memory; it must end in time, and not by a signal.
fn run(properties: &str, arguments: &[&str]) -> (i32, String) {
    run_within(BOUND, properties, arguments)
}

fn run_within(bound: Duration, properties: &str, arguments: &[&str]) -> (i32, String) {
    let directory = tempfile::tempdir().unwrap();
    let config = directory.path().join("client.properties");
    std::fs::write(&config, format!("{PROPERTIES}{properties}")).unwrap();
    let started = Instant::now();
    let output: Output = Command::new("sh")
        .args(["-c", "ulimit -v 262144; exec \"$@\"", "sh", env!("CARGO_BIN_EXE_scramtoken")])
        .args(arguments)
        .arg("--command-config")
        .arg(&config)
        .output()
        .unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(started.elapsed() < bound, "took {:?}: {error}", started.elapsed());
    assert!(!error.contains("s3cret"), "{error}");
    assert!(!error.contains("panicked"), "{error}");
    (output.status.code().unwrap_or_else(|| panic!("{}: {error}", output.status)), error)
}

/// A broker that knows alice, as it proves to her, until it is asked for something else.
fn knows_alice(answer: impl Fn(&Request) -> Answer + Send + Sync + 'static) -> String {
    const MECHANISM: Mechanism = Mechanism::ScramSha512;

    let keys = StoredKeys::derive(MECHANISM, b"s3cret", b"salt", 4096).unwrap();
    let login = Mutex::new(None);
    lies_about_tokens(move |request| match request.api {
        SASL_HANDSHAKE => frame(request, &[0; 6]),
        SASL_AUTHENTICATE => {
            let mut login = login.lock().unwrap();
            let message = if let Some(client_first) = request.message_from(b"n,,") {
                let nonce = Nonce::from_random([1; NONCE_ENTROPY]);
                let start = AwaitClientFirst::new(MECHANISM, ServerPolicy::default(), nonce);
                let question = start.step(client_first).unwrap();
                let (stored_key, server_key) = (keys.stored_key(), keys.server_key());
                let alice = Credential::new(MECHANISM, b"salt", 4096, stored_key, server_key);
                let state = question.supply_user(&alice.unwrap()).unwrap();
                login.insert(state).message().to_vec()
            } else {
                let client_final = request.message_from(b"c=biws,").unwrap();
                let state = login.take().unwrap();
                state.step(client_final, 0).unwrap().message().to_vec()
            };
            // SaslAuthenticate, version 2.
            let len = varint(message.len() + 1);
            frame(request, &[&[0; 4], &len[..], &message, &[0; 9]].concat())
        }
        _ => answer(request),
    })
}

/// At most five bytes of seven bits each, the lowest first.
fn varint(mut value: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let byte = u8::try_from(value & 0x7f).unwrap();
        value >>= 7;
        bytes.push(if value > 0 { byte | 0x80 } else { byte });
        if value == 0 {
            return bytes;
        }
    }
}

/// A response with a compact array of elements that are all alike.
fn list(before: &[u8], element: &[u8], count: usize, after: &[u8]) -> Vec<u8> {
    [before, &varint(count + 1), &element.repeat(count), after].concat()
}

/// DescribeDelegationToken, version 3, with as little in each token as there can be.
fn tokens(count: usize) -> Vec<u8> {
    list(
        &[0; 3],
        b"\x01\x01\x01\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x02a\x02b\x01\0",
        count,
        &[0; 5],
    )
}

fn describe(server: &str, properties: &str) -> (i32, String) {
    let arguments = ["delegation-tokens", "--describe", "--owner-principal", "User:alice"];
    run(properties, &[&arguments[..], &["--bootstrap-server", server]].concat())
}

/// A broker that is sound until the tokens are asked for.
fn lies_about_tokens(answer: impl Fn(&Request) -> Answer + Send + Sync + 'static) -> String {
    broker(move |request| match request.api {
        API_VERSIONS => api_versions(request),
        _ => answer(request),
    })
}

#[test]
fn silence_ends_in_time() {
    let (code, error) = describe(&broker(|_| Answer::Silence), "");
    assert_eq!(code, 3, "{error}");
    assert!(error.contains("did not answer in time"), "{error}");
}

#[test]
fn a_byte_a_second_is_no_better_than_silence() {
    let (code, error) = describe(&broker(|_| Answer::Slowly(vec![0; 60])), "");
    assert_eq!(code, 3, "{error}");
    assert!(error.contains("did not answer in time"), "{error}");
}

#[test]
fn a_broker_that_closes_is_tried_again() {
    let (code, error) = describe(&broker(|_| Answer::Close), "");
    assert_eq!(code, 3, "{error}");
    assert_eq!(error.matches("trying again").count(), 1, "once is enough: {error}");
    assert!(error.contains("closed the connection at once; if its listener speaks TLS"), "{error}");
}

#[test]
fn a_broker_that_wants_a_login_closes_at_the_first_request() {
    let (code, error) = describe(&lies_about_tokens(|_| Answer::Close), "");
    assert_eq!(code, 3, "{error}");
    assert!(error.contains("--command-config must have security.protocol"), "{error}");
}

#[test]
fn what_went_wrong_before_the_time_ran_out_is_told_at_the_end() {
    let tries = AtomicU32::new(0);
    let server = broker(move |_| match tries.fetch_add(1, Ordering::Relaxed) {
        0 => Answer::Close,
        _ => Answer::Silence,
    });
    let (code, error) = describe(&server, "");
    assert_eq!(code, 3, "{error}");
    let last = error.trim_end().lines().last().unwrap();
    assert!(last.contains("closed the connection at once"), "{error}");
}

#[test]
fn a_token_is_not_asked_for_twice() {
    let asked = Arc::new(AtomicU32::new(0));
    let counted = asked.clone();
    let server = lies_about_tokens(move |request| {
        if request.api == CREATE_TOKEN {
            counted.fetch_add(1, Ordering::Relaxed);
        }
        Answer::Close
    });
    let arguments = ["delegation-tokens", "--create", "--max-life-time-period", "-1"];
    let (code, error) = run("", &[&arguments[..], &["--bootstrap-server", &server]].concat());
    assert_eq!(code, 3, "{error}");
    assert_eq!(asked.load(Ordering::Relaxed), 1, "{error}");
    assert!(error.contains("a token may have been made all the same"), "{error}");
}

/// A cluster of Kafka 3.2, as far as it matters here: nothing newer makes a token only for oneself.
#[test]
fn an_old_cluster_is_not_asked_for_anybody_elses_token() {
    let asked = Arc::new(AtomicU32::new(0));
    let counted = asked.clone();
    let server = broker(move |request| match request.api {
        API_VERSIONS => {
            let mut body = vec![0, 0, 0, 0, 0, 1];
            body.extend_from_slice(&CREATE_TOKEN.to_be_bytes());
            body.extend_from_slice(&[0, 0, 0, 2]);
            frame(request, &body)
        }
        _ => {
            counted.fetch_add(1, Ordering::Relaxed);
            Answer::Close
        }
    });
    let create = ["delegation-tokens", "--create", "--max-life-time-period", "-1"];
    let create = [&create[..], &["--bootstrap-server", &server]].concat();
    let (code, error) = run("", &[&create[..], &["--owner-principal", "User:alice"]].concat());
    assert_eq!((code, asked.load(Ordering::Relaxed)), (1, 0), "{error}");
    assert!(error.contains("--owner-principal) takes Kafka 3.3 or newer"), "{error}");
    assert!(!error.contains("may have been made"), "{error}");

    let (_, error) = run("", &create);
    assert_eq!(asked.load(Ordering::Relaxed), 1, "{error}");
    assert!(error.contains("may have been made"), "{error}");
}

#[test]
fn lengths_that_cannot_be_are_refused() {
    for (bytes, why) in [
        (&b"\x7f\xff\xff\xff"[..], "claims 2147483647 bytes"),
        (b"\xff\xff\xff\xff", "claims -1 bytes"),
        (b"\0\0\0\x03", "claims 3 bytes"),
        (b"\0\x02\0\0", "claims 131072 bytes"), // before the login
        (b"\x15\x03\x03\0\x02\x02\x50", "it speaks TLS"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "it speaks HTTP"),
    ] {
        let (code, error) = describe(&broker(|_| Answer::Bytes(bytes.to_vec())), "");
        assert_eq!(code, 3, "{error}");
        assert!(error.contains(why), "{error}");
    }
}

#[test]
fn a_broker_that_has_not_proved_itself_is_let_send_kilobytes() {
    let plain = SCRAM
        .replace("sasl.mechanism=SCRAM-SHA-512", "sasl.mechanism=PLAIN")
        .replace("ScramLoginModule", "PlainLoginModule");
    for properties in ["", &plain] {
        let server = lies_about_tokens(|request| match request.api {
            SASL_HANDSHAKE => frame(request, &[0; 6]),
            SASL_AUTHENTICATE => frame(request, b"\0\0\0\0\x01\0\0\0\0\0\0\0\0\0"),
            _ => frame(request, &tokens(2000)),
        });
        let (code, error) = describe(&server, properties);
        assert_eq!(code, 3, "{error}");
        let why = "claims 68014 bytes, and 4 to 65536 are accepted from a broker that has not proved \
                   who it is, as TLS and a login by SCRAM or Kerberos do";
        assert!(error.contains(why), "{error}");
    }
    let (code, error) = describe(&knows_alice(|request| frame(request, &tokens(2000))), SCRAM);
    assert_eq!(code, 0, "{error}");
}

#[test]
fn a_long_frame_costs_no_memory_before_it_comes() {
    // 32 MiB are promised after the login, and are within what is accepted.
    let server = knows_alice(|_| Answer::Bytes(b"\x02\0\0\0".to_vec()));
    let (code, error) = describe(&server, SCRAM);
    assert_eq!(code, 3, "{error}");
    assert!(error.contains("did not answer in time"), "{error}");
    let server = knows_alice(|_| Answer::Bytes(b"\x02\0\0\x01".to_vec()));
    let (code, error) = describe(&server, SCRAM);
    assert_eq!(code, 3, "{error}");
    assert!(error.contains("claims 33554433 bytes, and 4 to 33554432 are accepted:"), "{error}");
}

/// A frame of the greatest length, as full as can be of what takes more memory than bytes.
#[test]
fn elements_are_counted_and_not_bytes_alone() {
    const LEN: usize = 32 * 1024 * 1024 - 32;

    let full = |before: &[u8], element: &[u8], after: &[u8]| {
        list(before, element, (LEN - before.len() - after.len()) / element.len(), after)
    };
    let renewers: &[u8] =
        b"\0\0\0\x02\x01\x01\x01\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x02a\x02b";
    let describe = ["delegation-tokens", "--describe", "--owner-principal", "User:alice"];
    let users = ["configs", "--describe", "--entity-type", "users"];
    for (arguments, body, max) in [
        (&describe[..], tokens(LEN / 34), 250_000),
        (&describe, full(renewers, &[1, 1, 0], &[0; 6]), 250_000),
        (&describe, full(&[0, 0, 0, 1, 0, 0, 0, 0], &[1, 0], &[]), 250_000), // tagged fields
        (&users, full(&[0; 8], b"\x02a\0\0\0\x01\0", &[0]), 600_000),
        (&users, full(b"\0\0\0\0\0\0\0\0\x02\x02a\0\0\0", &[1, 0, 0, 16, 0, 0], &[0; 2]), 600_000),
    ] {
        let server = knows_alice(move |request| frame(request, &body));
        let (code, error) = run(SCRAM, &[arguments, &["--bootstrap-server", &server]].concat());
        assert_eq!(code, 1, "{error}");
        let why = format!("the answer has more than {max} elements");
        assert!(error.contains(&why), "{error}");
    }
}

#[test]
fn short_answers_have_few_elements_whoever_sends_them() {
    let alter = ["configs", "--alter", "--user", "alice", "--delete-config", "SCRAM-SHA-256"];
    let brokers = |count| {
        list(
            b"\0\0\0\0\0\0\0\0\x01\x01\0\0\0\x01",
            b"\0\0\0\x01\x02h\0\0\0\x01\x01\0\0",
            count,
            b"\x80\0\0\0\0",
        )
    };
    let server = knows_alice(move |request| frame(request, &brokers(10_001)));
    let (code, error) = run(SCRAM, &[&alter[..], &["--bootstrap-server", &server]].concat());
    assert_eq!(code, 1, "{error}");
    assert!(error.contains("DescribeCluster") && error.contains("than 10000 elements"), "{error}");

    let versions = [&[0, 0, 0, 0, 0x04, 0][..], &[0, 1, 0, 0, 0, 1].repeat(1024)].concat();
    let (code, error) = describe(&broker(move |request| frame(request, &versions)), "");
    assert_eq!(code, 1, "{error}");
    assert!(error.contains("ApiVersions") && error.contains("than 1000 elements"), "{error}");

    let mechanisms = [&[0, 33, 0, 0, 0x04, 0][..], &[0, 1, b'x'].repeat(1024)].concat();
    let server = lies_about_tokens(move |request| frame(request, &mechanisms));
    let (code, error) = describe(&server, SCRAM);
    assert_eq!(code, 1, "{error}");
    assert!(error.contains("SaslHandshake") && error.contains("than 1000 elements"), "{error}");
}

/// The longest list that is accepted, in no more memory than the program has in these tests.
#[test]
#[ignore = "takes a minute without an optimiser"]
fn a_long_list_is_put_out() {
    for output in ["table", "json"] {
        let server = knows_alice(|request| frame(request, &tokens(250_000)));
        let arguments = ["delegation-tokens", "--describe", "--owner-principal", "User:alice"];
        let how = ["--bootstrap-server", &server, "--output", output];
        let bound = Duration::from_secs(240);
        let (code, error) = run_within(bound, SCRAM, &[&arguments[..], &how].concat());
        assert_eq!(code, 0, "{error}");
    }
}

#[test]
fn the_answer_to_another_request_is_refused() {
    let server = broker(|request| Answer::Bytes(frame_of(request.correlation_id + 1, &[0; 6])));
    let (code, error) = describe(&server, "");
    assert_eq!(code, 1, "{error}");
    assert!(error.contains("wrong correlation id"), "{error}");
}

#[test]
fn counts_that_the_frame_does_not_keep_are_refused() {
    let malformed = "cut off or not in Kafka's format";
    for body in [
        &b"\0\0\x7f\xff\xff\xff"[..], // two billion versions
        b"\0\0\x80\0\0\0",
        b"\0\0\0\0\0\x01\0\0",
        b"\0",
        b"",
    ] {
        let (code, error) = describe(&broker(|request| frame(request, body)), "");
        assert_eq!(code, 1, "{error}");
        assert!(error.contains(malformed), "{error}");
    }
    for body in [
        &b"\0\0\0\xff\xff\xff\xff\x0f"[..],        // four billion tokens
        b"\0\0\0\x02\xff\xff\xff\xff\x0f",         // a name of four billion bytes
        b"\0\0\0\x01\0\0\0\0\xff\xff\xff\xff\x0f", // as many tagged fields
        b"\x01\0\0\0\0\0\0\0\0\0",                 // tagged fields in the header
    ] {
        let (code, error) = describe(&lies_about_tokens(|request| frame(request, body)), "");
        assert_eq!(code, 1, "{error}");
        assert!(error.contains(malformed), "{error}");
    }
    let server = broker(|request| match request.api {
        API_VERSIONS => api_versions(request),
        _ => frame(request, b"\0\0\x7f\xff\xff\xff"), // two billion mechanisms
    });
    let (code, error) = describe(&server, SCRAM);
    assert_eq!(code, 1, "{error}");
    assert!(error.contains(malformed), "{error}");
}

#[test]
fn a_broker_without_the_requests_is_named() {
    let server = broker(|request| frame(request, &[0; 6]));
    let (code, error) = describe(&server, "");
    assert_eq!(code, 3, "{error}");
    assert!(error.contains("speaks DescribeDelegationToken in versions none"), "{error}");
}

#[test]
fn a_broker_cannot_write_to_the_terminal() {
    let server = broker(|request| match request.api {
        API_VERSIONS => api_versions(request),
        // UNSUPPORTED_SASL_MECHANISM, and what it has instead.
        _ => frame(request, b"\0\x21\0\0\0\x01\0\x07\x1b[2Jevi"),
    });
    let (code, error) = describe(&server, SCRAM);
    assert_eq!(code, 4, "{error}");
    assert!(error.contains("\\u{1b}[2Jevi"), "{error}");
}

#[test]
fn a_broker_may_have_no_mechanism_at_all() {
    let server = broker(|request| match request.api {
        API_VERSIONS => api_versions(request),
        _ => frame(request, b"\0\x21\0\0\0\0"), // UNSUPPORTED_SASL_MECHANISM
    });
    let (code, error) = describe(&server, SCRAM);
    assert_eq!(code, 4, "{error}");
    assert!(error.contains("does not enable SCRAM-SHA-512 here and names no other"), "{error}");
}

#[test]
fn a_challenge_is_checked_before_any_hashing() {
    let challenge = |text: &'static str| {
        broker(move |request| match request.api {
            API_VERSIONS => api_versions(request),
            SASL_HANDSHAKE => frame(request, &[0; 6]),
            _ => {
                // SaslAuthenticate, version 2.
                let len = u8::try_from(text.len() + 1).unwrap();
                frame(request, &[&[0, 0, 0, 0, len], text.as_bytes(), &[0; 9]].concat())
            }
        })
    };
    let (code, error) = describe(&challenge("r=other,s=c2FsdA==,i=4096"), SCRAM);
    assert_eq!(code, 4, "{error}");
    assert!(error.contains("server-first-message"), "{error}");
    let (code, error) = describe(&challenge("e=other-error"), SCRAM);
    assert_eq!(code, 4, "{error}");
}

#[test]
fn a_cluster_that_never_has_a_controller_ends_in_time() {
    let server = broker(|request| match request.api {
        API_VERSIONS => api_versions(request),
        // No error, no brokers, controller -1.
        _ => frame(request, b"\0\0\0\0\0\0\0\0\x01\x01\xff\xff\xff\xff\x01\x80\0\0\0\0"),
    });
    let arguments = ["configs", "--alter", "--user", "alice", "--delete-config", "SCRAM-SHA-256"];
    let (code, error) = run("", &[&arguments[..], &["--bootstrap-server", &server]].concat());
    assert_eq!(code, 1, "{error}");
    assert!(error.contains("LEADER_NOT_AVAILABLE") && error.contains("tries)"), "{error}");
}

#[test]
fn without_properties_plain_text_is_spoken() {
    let sound = lies_about_tokens(|request| frame(request, b"\0\0\0\x01\0\0\0\0\0"));
    let output = Command::new(env!("CARGO_BIN_EXE_scramtoken"))
        .args(["delegation-tokens", "--describe", "--owner-principal", "User:alice"])
        .args(["--bootstrap-server", &sound])
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
}

#[test]
fn a_dead_server_is_passed_over() {
    let dead = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let sound = lies_about_tokens(|request| frame(request, b"\0\0\0\x01\0\0\0\0\0"));
    let (code, error) = describe(&format!("{dead},{sound}"), "");
    assert_eq!(code, 0, "{error}");
    assert!(error.contains("Connection refused"), "{error}");
}
