"""Logins of the C and the Python example to real brokers."""

import base64
import secrets
import time

import pytest

from harness.kafka.login_program import PYTHON, C, Credential, log_in
from harness.kafka.properties import SCRAM_MECHANISMS, USERS

pytestmark = [
    pytest.mark.parametrize("program", [C, PYTHON], ids=["c", "python"]),
    pytest.mark.parametrize("mechanism", SCRAM_MECHANISMS),
]


@pytest.fixture(scope="session")
def token(broker):
    return broker.create_token("User:alice")


@pytest.fixture(scope="session")
def expired_token(broker):
    """Past its end, but not yet swept: that comes once an hour."""
    token = broker.create_token("User:alice", max_lifetime_ms=1500)
    time.sleep(max(0, token.expiry_ms / 1000 - time.time()) + 0.1)
    return token


def password(name):
    return Credential(name, USERS[name])


def by_token(token):
    return Credential(token.id, token.hmac, is_token=True)


def random_hmac():
    return base64.b64encode(secrets.token_bytes(64)).decode()


def test_password(broker, program, mechanism):
    login = log_in(program, broker.address(), mechanism, password("alice"))
    assert login.outcome == "logged in", login.text
    assert f"logged in as alice by {mechanism} with a password" in login.text


def test_token(broker, token, program, mechanism):
    login = log_in(program, broker.address(), mechanism, by_token(token))
    assert login.outcome == "logged in", login.text
    assert f"logged in as {token.id} by {mechanism} with a token" in login.text


def test_token_session_ends_with_the_token(broker, token, program, mechanism):
    login = log_in(program, broker.address(), mechanism, by_token(token))
    seconds = int(login.text.rpartition("ends in ")[2].removesuffix(" s"))
    assert abs(seconds - (token.expiry_ms / 1000 - time.time())) < 30


def test_wrong_password(broker, program, mechanism):
    login = log_in(program, broker.address(), mechanism, Credential("alice", "bob-secret"))
    assert login.outcome == "refused", login.text
    assert "bob-secret" not in login.text


def test_unknown_user(broker, program, mechanism):
    login = log_in(program, broker.address(), mechanism, Credential("mallory", "alice-secret"))
    assert login.outcome == "refused", login.text


def test_wrong_hmac(broker, token, program, mechanism):
    wrong = Credential(token.id, random_hmac(), is_token=True)
    login = log_in(program, broker.address(), mechanism, wrong)
    assert login.outcome == "refused", login.text
    assert wrong.secret not in login.text


def test_unknown_token(broker, program, mechanism):
    unknown = Credential(secrets.token_urlsafe(16), random_hmac(), is_token=True)
    login = log_in(program, broker.address(), mechanism, unknown)
    assert login.outcome == "refused", login.text


def test_token_as_if_it_were_a_user(broker, token, program, mechanism):
    login = log_in(program, broker.address(), mechanism, Credential(token.id, token.hmac))
    assert login.outcome == "refused", login.text


def test_user_as_if_it_were_a_token(broker, program, mechanism):
    as_token = Credential("alice", USERS["alice"], is_token=True)
    login = log_in(program, broker.address(), mechanism, as_token)
    assert login.outcome == "refused", login.text


def test_expired_token(broker, expired_token, program, mechanism):
    """Kafka lets it in with a session lifetime of 0; the example must not take that for a yes."""
    login = log_in(program, broker.address(), mechanism, by_token(expired_token))
    assert login.outcome == "expired", login.text
    assert f"the token {expired_token.id} has expired" in login.text


def test_removed_token(broker, program, mechanism):
    token = broker.create_token("User:alice")
    broker.expire_token(token)
    login = log_in(program, broker.address(), mechanism, by_token(token))
    assert login.outcome == "refused", login.text
