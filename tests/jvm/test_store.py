"""A listener whose users and tokens are a store's, in place of Kafka's own."""

import os
import re
import secrets

import pytest

import scramtoken
from harness.jvm.jar import JAR, broker_jaas, on_listeners
from harness.kafka.admin import KafkaError
from harness.kafka.broker import KafkaBroker
from harness.kafka.cli import client_config
from harness.kafka.cli import scramtoken as scramtoken_program
from harness.kafka.properties import USERS

from .conftest import JVM_ARGS, NEWEST, places
from .raw import RawLogin

MECHANISM = "SCRAM-SHA-512"
HOW = {"mechanism": MECHANISM, "listener": "SASL_SSL"}
SECRET_KEY = b"a secret key of this test"


@pytest.fixture(scope="module", params=places(NEWEST))
def place(request):
    return request.param


@pytest.fixture(scope="module")
def uri(place, tmp_path_factory):
    return f"lmdb:{tmp_path_factory.mktemp('store') / 'store'}"


@pytest.fixture(scope="module")
def store(uri):
    with scramtoken.Store.open(uri) as store:
        yield store


@pytest.fixture(scope="module")
def manager(store):
    with scramtoken.TokenManager(store, {"first": SECRET_KEY}) as manager:
        yield manager


@pytest.fixture(scope="module")
def broker(place, uri):
    scramtoken.Store.open(uri).close()
    os.chmod(uri.removeprefix("lmdb:"), 0o2770)  # as a Kubernetes volume with fsGroup does
    line = broker_jaas(store=uri, audit="true", implicitTokens="true")
    with KafkaBroker(
        place.kafka,
        extra_properties=on_listeners(line, ["SASL_SSL"], [MECHANISM]),
        classpath_extra=[JAR],
        jvm_args=JVM_ARGS,
        java=place.java,
    ) as broker:
        yield broker


def refused(broker, name, secret, **how):
    with pytest.raises(KafkaError, match="invalid credentials"):
        broker.login(name, secret, **HOW, **how)


def test_users_are_the_stores(broker, store):
    refused(broker, "alice", USERS["alice"])  # whom Kafka knows
    broker.login("alice", USERS["alice"], mechanism="SCRAM-SHA-256", listener="SASL_SSL")
    store.put_user(MECHANISM, "carol", "carols password")
    broker.login("carol", "carols password", **HOW)
    store.delete_user(MECHANISM, "carol")
    refused(broker, "carol", "carols password")


def test_what_a_volume_widened_is_narrowed_and_said(broker):
    assert re.search(r"WARN .*its group \d+ had rights on it", broker.log())


def test_tokens_are_the_stores(broker, manager):
    token = manager.create("User:carol")
    broker.login(token.id, token.hmac, token=True, **HOW)
    broker.login(token.id, token.hmac, **HOW)  # by implicitTokens
    told = rf'"status":"OK",.*"owner":"carol","token_id":"{token.id}"'
    assert re.search(told, broker.log())
    manager.expire("User:carol", token.hmac)
    refused(broker, token.id, token.hmac, token=True)


@pytest.mark.parametrize("said", [True, False], ids=["tokenauth", "implicit"])
def test_a_token_of_the_store_manages_no_tokens(broker, manager, said, tmp_path):
    token = manager.create("User:carol")
    config = client_config(
        tmp_path / "client.properties",
        token.id,
        token.hmac,
        token=said,
        mechanism=MECHANISM,
        security_protocol="SASL_SSL",
        ssl_truststore_location=broker.authority.pem,
    )
    where = ["--bootstrap-server", broker.bootstrap("SASL_SSL"), "--command-config", config]
    done = scramtoken_program("delegation-tokens", *where, "--create", "--max-life-time-period", -1)
    assert done.returncode != 0
    assert "DELEGATION_TOKEN_REQUEST_NOT_ALLOWED" in done.stderr, done.stderr


def test_kafkas_tokens_are_unknown_there(broker):
    token = broker.create_token("User:alice")
    refused(broker, token.id, token.hmac, token=True)


def test_strangers_look_like_anybody(broker, store, manager):
    """Which of a name's two challenges are equal, and what the log is told."""
    store.put_user(MECHANISM, "dora", "doras password")
    live, removed = manager.create("User:carol"), manager.create("User:carol")
    manager.expire("User:carol", removed.hmac)
    never = secrets.token_urlsafe(16)
    for name, is_token, status in [
        ("dora", False, "INVALID_PROOF"),
        ("mallory", False, "UNKNOWN_USER"),
        (live.id, True, "INVALID_PROOF"),
        (removed.id, True, "TOKEN_NOT_FOUND"),
        (never, True, "TOKEN_NOT_FOUND"),
    ]:
        said, plain = (salt_and_iterations(broker, name, more) for more in (",tokenauth=true", ""))
        assert (said == plain) == is_token, name  # by implicitTokens
        refused(broker, name, "another", token=is_token)
        assert re.search(rf'"status":"{status}",[^}}]*"requester":"{name}"', broker.log()), name


def salt_and_iterations(broker, name, extension):
    """Salts are bytes here, and no text."""
    with RawLogin(broker, MECHANISM, "SASL_SSL") as connection:
        answer = connection.send(f"n,,n={name},r=abcdefgh{extension}")
    return re.fullmatch("r=[^,]+,s=([^,]+),i=([0-9]+)", answer).groups()


def test_two_processes_and_a_rotated_key(broker, manager, uri):
    old = manager.create("User:carol")
    manager.add_secret_key("second", b"another secret key of this test")
    manager.set_signing_key("second")
    new = manager.create("User:carol")
    for token in (old, new):
        broker.login(token.id, token.hmac, token=True, **HOW)
    assert manager.remove_secret_key("first") >= 1
    refused(broker, old.id, old.hmac, token=True)
    broker.login(new.id, new.hmac, token=True, **HOW)
