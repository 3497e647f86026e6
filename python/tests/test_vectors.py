"""Known answers: RFC 7677, and keys as Python's hashlib (OpenSSL) derives them."""

import base64
import hashlib
import hmac

import pytest
from exchange import MECHANISMS

import scramtoken

# RFC 7677, section 3.
CLIENT_NONCE = "rOprNGfwEbeRWgbNEkqO"
SERVER_NONCE = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
SALT = "W22ZaJ0SNY7soEsUEjb6gQ=="
CLIENT_FIRST = b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO"
SERVER_FIRST = (
    b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
)
CLIENT_FINAL = (
    b"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
    b"p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
)
SERVER_FINAL = b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="


def test_client_says_what_rfc_7677_says():
    client = scramtoken.Client(
        "SCRAM-SHA-256", username="user", password="pencil", nonce=CLIENT_NONCE
    )
    assert client.step() == CLIENT_FIRST
    assert client.step(SERVER_FIRST) == CLIENT_FINAL
    assert not client.authenticated
    assert client.step(SERVER_FINAL) == b""
    assert client.authenticated


def test_server_says_what_rfc_7677_says():
    credential = scramtoken.derive("SCRAM-SHA-256", "pencil", base64.b64decode(SALT), 4096)
    config = scramtoken.ServerConfig(lookup=lambda *_: scramtoken.User(credential))
    server = scramtoken.Server(config, "SCRAM-SHA-256", nonce=SERVER_NONCE)
    assert server.step(CLIENT_FIRST) == SERVER_FIRST
    assert not server.verdict
    assert server.step(CLIENT_FINAL) == SERVER_FINAL
    assert server.verdict == scramtoken.Verdict(authenticated=True, name="user")


@pytest.mark.parametrize("mechanism", MECHANISMS)
@pytest.mark.parametrize("password", ["pencil", "pässwörd ☃", b"\xff\x00bytes"])
@pytest.mark.parametrize("iterations", [1, 4096])
def test_derived_keys_are_those_of_hashlib(mechanism, password, iterations):
    credential = scramtoken.derive(mechanism, password, b"salt and pepper", iterations)

    name = mechanism[len("SCRAM-") :].replace("-", "").lower()
    secret = password if isinstance(password, bytes) else password.encode()
    salted = hashlib.pbkdf2_hmac(name, secret, b"salt and pepper", iterations)
    client_key = hmac.digest(salted, b"Client Key", name)
    assert credential.stored_key == hashlib.new(name, client_key).digest()
    assert credential.server_key == hmac.digest(salted, b"Server Key", name)
    assert (credential.salt, credential.iterations) == (b"salt and pepper", iterations)
