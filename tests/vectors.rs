//! Known answers: whole logins from RFC 7677 and, for SCRAM-SHA-512, from a peer.
#![allow(clippy::unwrap_used, reason = "a test may")]

use scramtoken::{
    AwaitClientFirst, Cancel, ClientCredential, ClientLogin, Credential, IdentityKind, Mechanism,
    Nonce, ServerPolicy, StoredKeys,
};

struct Vector {
    mechanism: Mechanism,
    credential: ClientCredential,
    password: &'static str,
    client_nonce: &'static str,
    server_nonce: &'static str,
    salt: &'static [u8],
    messages: [&'static str; 4],
}

fn text(bytes: &[u8]) -> &str {
    str::from_utf8(bytes).unwrap()
}

/// Both of our sides have to say exactly what the vector says.
fn replay(vector: &Vector) {
    let [client_first, server_first, client_final, server_final] = vector.messages;

    let client_nonce = Nonce::from_text(vector.client_nonce.as_bytes()).unwrap();
    let client = ClientLogin::new(vector.mechanism, vector.credential.clone());
    let client = client.start(&client_nonce).unwrap();
    assert_eq!(text(client.message()), client_first);
    let client = client.step(server_first.as_bytes(), None, &Cancel::default()).unwrap();
    assert_eq!(text(client.message()), client_final);
    client.step(server_final.as_bytes()).unwrap();

    let keys = StoredKeys::derive(vector.mechanism, vector.password.as_bytes(), vector.salt, 4096)
        .unwrap();
    let credential =
        Credential::new(vector.mechanism, vector.salt, 4096, keys.stored_key(), keys.server_key())
            .unwrap();
    let server_nonce = Nonce::from_text(vector.server_nonce.as_bytes()).unwrap();
    let server = AwaitClientFirst::new(vector.mechanism, ServerPolicy::default(), server_nonce);
    let server = server.step(client_first.as_bytes()).unwrap();
    let server = match server.kind() {
        IdentityKind::Token => server.supply_token(&credential, "alice", -1),
        _ => server.supply_user(&credential),
    }
    .unwrap();
    assert_eq!(text(server.message()), server_first);
    let server = server.step(client_final.as_bytes(), 0).unwrap();
    assert_eq!(text(server.message()), server_final);
}

#[test]
fn rfc_7677_section_3() {
    replay(&Vector {
        mechanism: Mechanism::ScramSha256,
        credential: ClientCredential::password(b"user", b"pencil").unwrap(),
        password: "pencil",
        client_nonce: "rOprNGfwEbeRWgbNEkqO",
        server_nonce: "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0",
        salt: b"\x5b\x6d\x99\x68\x9d\x12\x35\x8e\xec\xa0\x4b\x14\x12\x36\xfa\x81",
        messages: [
            "n,,n=user,r=rOprNGfwEbeRWgbNEkqO",
            "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
             s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
            "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
             p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
            "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
        ],
    });
}

/// RFC 7677's login by SCRAM-SHA-512, as Python's hashlib and hmac compute it.
#[test]
fn sha_512_by_python() {
    replay(&Vector {
        mechanism: Mechanism::ScramSha512,
        credential: ClientCredential::password(b"user", b"pencil").unwrap(),
        password: "pencil",
        client_nonce: "rOprNGfwEbeRWgbNEkqO",
        server_nonce: "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0",
        salt: b"\x5b\x6d\x99\x68\x9d\x12\x35\x8e\xec\xa0\x4b\x14\x12\x36\xfa\x81",
        messages: [
            "n,,n=user,r=rOprNGfwEbeRWgbNEkqO",
            "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
             s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
            "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
             p=gMGXRcevScNtxZ6/8lQYpGtnsNAc3mGcmNomv+xnoOMw+3R2xNJdMNnzMlTN8PPC6wdp6dybEmDYXYTx\
             wnYPJQ==",
            "v=ZQnYEgWQMFmmsM8aQMF0nDDCy/AgCzkwk8CmMZYcMg0vSVlKDanekLtifDSeVGT4+5ZxXnJq199RVG2r\
             R7N7Zw==",
        ],
    });
}

/// A delegation token's login by SCRAM-SHA-512, as Python's hashlib and hmac compute it.
#[test]
fn a_token_by_python() {
    const HMAC: &str = "ImXaughy/DrvFp0Hk2XlkPDLyO1GwqeYTIpkKAPP2Wy0eASmPPIqefbKRpJowp7p5ypQWbYt\
                        ClmP5C38jcxRvA==";
    replay(&Vector {
        mechanism: Mechanism::ScramSha512,
        credential: ClientCredential::token(b"AbCdEfGhIjKlMnOpQrStUv", HMAC.as_bytes()).unwrap(),
        password: HMAC,
        client_nonce: "rOprNGfwEbeRWgbNEkqO",
        server_nonce: "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0",
        salt: b"\x5b\x6d\x99\x68\x9d\x12\x35\x8e\xec\xa0\x4b\x14\x12\x36\xfa\x81",
        messages: [
            "n,,n=AbCdEfGhIjKlMnOpQrStUv,r=rOprNGfwEbeRWgbNEkqO,tokenauth=true",
            "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
             s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
            "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
             p=ABeX+GI4VSufGu39TDoq3hxIMq1JjOW+R1DLaJ/NKARSA2iCFOjAnGQ8vaZ1YlmSTUOsUE+JLayY5sJw\
             XibmmQ==",
            "v=Pqn34PEqQJsaLes+HGKt5OzLkRH+J8qWxPG0lDknegxyAHuS8hpnMwjANBdA8K35hkHEp5cPHoI+lEA0\
             rVjR1w==",
        ],
    });
}
