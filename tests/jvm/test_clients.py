"""Java clients that log in from a source, and sessions that end with their token (KIP-368)."""

import functools
import json
import time

import pytest

from harness.jvm.clients import Clients
from harness.jvm.jar import jaas
from harness.kafka.admin import KafkaError
from harness.kafka.properties import USERS
from harness.kafka.properties import jaas as stock_jaas
from harness.source_file import SourceFile

from . import manual
from .conftest import REAUTH_S

# A client logs in anew after 85 to 95 % of the session; a connection that did not is cut off.
SETTLED_S = REAUTH_S + 1
LISTENER = "SASL_SSL"  # where sessions are short


@pytest.fixture(params=["SCRAM-SHA-256", "SCRAM-SHA-512"], ids=["libscramtoken", "stock"])
def mechanism(request):
    """Who judges there: both must do for our client."""
    return request.param


@pytest.fixture(scope="module")
def jvm(broker, tmp_path_factory):
    token = broker.create_token("User:alice")
    environment = {"KAFKA_TOKEN_ID": token.id, "KAFKA_TOKEN_HMAC": token.hmac}
    with Clients(broker, tmp_path_factory.mktemp("clients"), environment) as clients:
        yield clients


@pytest.fixture
def clients(jvm):
    yield jvm
    jvm.close_all()


@pytest.fixture
def open_client(clients, mechanism):
    """Makes a client whose sessions are short."""
    return functools.partial(clients.open, mechanism=mechanism, listener=LISTENER)


def from_file(path):
    return jaas(source=f"file:{path}")


def test_a_token_that_rotates_and_one_that_does_not(broker, clients, open_client, tmp_path):
    """The same token twice: what reads its source lives on, the fixed one dies with its token."""
    file = tmp_path / "token.json"
    first = broker.create_token("User:alice")
    SourceFile(file).write(first)
    open_client("rotating", from_file(file))
    open_client("fixed", jaas(username=first.id, password=first.hmac, tokenauth="true"))
    for name in ("rotating", "fixed"):
        clients.ask(name)

    SourceFile(file).write(broker.create_token("User:alice"))
    broker.expire_token(first)
    deadline = time.monotonic() + SETTLED_S
    while time.monotonic() < deadline:
        clients.ask("rotating")
        time.sleep(0.3)
    with pytest.raises(KafkaError, match="SaslAuthenticationException.*invalid credentials"):
        clients.ask("fixed")
    clients.ask("rotating")


def test_sources_of_one_jvm_do_not_mix(broker, clients, tmp_path):
    """Two sources, a password of ours and one of Kafka's own class, by both mechanisms."""
    alice, bob = (broker.create_token(f"User:{name}") for name in ("alice", "bob"))
    SourceFile(tmp_path / "alice").write(alice)
    SourceFile(tmp_path / "bob").write(bob)
    lines = {
        "alice": from_file(tmp_path / "alice"),
        "bob": from_file(tmp_path / "bob"),
        "ours": jaas(username="alice", password=USERS["alice"]),
        "stock": stock_jaas("SCRAM-SHA-512", "alice", USERS["alice"]),
    }
    for mechanism in ("SCRAM-SHA-256", "SCRAM-SHA-512"):
        for name, line in lines.items():
            clients.open(name + mechanism, line, mechanism, LISTENER)
            clients.ask(name + mechanism)
    broker.expire_token(bob)
    clients.open("bob again", lines["bob"], listener=LISTENER)
    with pytest.raises(KafkaError, match="invalid credentials"):
        clients.ask("bob again")
    clients.open("alice again", lines["alice"], listener=LISTENER)
    clients.ask("alice again")
    assert "in native method" not in clients.log()


def test_a_password_in_a_file(clients, open_client, tmp_path):
    file = tmp_path / "user.json"
    file.touch(mode=0o600)
    file.write_text(json.dumps({"username": "bob", "password": USERS["bob"]}))
    open_client("bob", from_file(file))
    clients.ask("bob")


def test_a_mounted_secret(broker, clients, open_client, tmp_path):
    token = broker.create_token("User:alice")
    for name, text in [("token-id", token.id), ("token-hmac", token.hmac)]:
        (tmp_path / name).touch(mode=0o600)
        (tmp_path / name).write_text(text)
    open_client("pod", jaas(source=f"dir:{tmp_path}"))
    clients.ask("pod")


def test_the_environment(clients, open_client):
    open_client("pod", jaas(source="env:"))
    clients.ask("pod")


def test_the_manuals_line(broker, clients, tmp_path):
    SourceFile(tmp_path / "token.json").write(broker.create_token("User:alice"))
    recipe = manual.client_properties(tmp_path / "token.json")
    clients.open(
        "manual", recipe["sasl.jaas.config"], recipe["sasl.mechanism"], recipe["security.protocol"]
    )
    clients.ask("manual")


def test_another_owner_is_named_as_the_cause(broker, clients, open_client, tmp_path):
    """A live session cannot change its owner; a new connection can."""
    cause = "Cannot change principals during re-authentication from User.alice: User.bob"
    file = tmp_path / "token.json"
    SourceFile(file).write(broker.create_token("User:alice"))
    open_client("client", from_file(file))
    clients.ask("client")
    SourceFile(file).write(broker.create_token("User:bob"))
    with pytest.raises(KafkaError, match=cause):
        for _ in range(20):
            time.sleep(0.5)
            clients.ask("client")


def test_what_is_wrong_with_a_source_is_said(broker, clients, tmp_path):
    token = broker.create_token("User:alice")
    SourceFile(tmp_path / "expired").write(token, expiry_timestamp_ms=1)
    SourceFile(tmp_path / "open").write(token)
    (tmp_path / "open").chmod(0o644)
    for name, text in [("missing", "missing"), ("expired", "expired"), ("open", "others may read")]:
        clients.open(name, from_file(tmp_path / name))
        with pytest.raises(KafkaError, match=f"SaslAuthenticationException.*{text}"):
            clients.ask(name)
    with pytest.raises(KafkaError, match="the option source is wrong: .* file:/path"):
        clients.open("nowhere", jaas(source="nowhere:"))
    with pytest.raises(KafkaError, match="the option password stands beside source"):
        clients.open("both", jaas(source="env:", password="x"))
