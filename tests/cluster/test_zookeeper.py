"""Kafka 3.9 with ZooKeeper, where users and tokens are; our jar and Kafka judge the logins."""

import json
import time

import pytest

from harness.jvm.jar import JAR, broker_jaas, on_listeners
from harness.kafka.admin import KafkaError
from harness.kafka.cli import client_config, scramtoken
from harness.kafka.properties import SCRAM_MECHANISMS, USERS
from harness.kafka.zookeeper import ZooKeeperBroker
from harness.rdkafka.stock import Client, config
from harness.source_file import SourceFile

pytestmark = [pytest.mark.long, pytest.mark.timeout(900)]

OURS, KAFKAS = "SASL_PLAINTEXT", "SASL_SSL"


# The second name is the older one of the same.
@pytest.fixture(
    scope="module", params=["delegation.token.secret.key", "delegation.token.master.key"]
)
def broker(request):
    with ZooKeeperBroker(
        secret_key=request.param,
        extra_properties=on_listeners(broker_jaas(implicitTokens="true", audit="true"), [OURS]),
        classpath_extra=[JAR],
    ) as broker:
        yield broker


class Program:
    """The program, as one user or token, on any listener and by any mechanism."""

    def __init__(self, broker, path):
        self._broker, self._path = broker, path

    def __call__(self, who, command, *options, listener=OURS, mechanism="SCRAM-SHA-512"):
        name, password, is_token = who
        config = client_config(
            self._path,
            name,
            password,
            token=is_token,
            mechanism=mechanism,
            security_protocol=listener,
            ssl_truststore_type="PEM",
            ssl_truststore_location=self._broker.authority.pem,
        )
        where = ["--bootstrap-server", self._broker.bootstrap(listener)]
        return scramtoken(command, *where, "--command-config", config, *options)


@pytest.fixture
def program(broker, tmp_path):
    return Program(broker, tmp_path / "client.properties")


@pytest.fixture
def token(program):
    """One of alice's, made by the program."""
    create = ("--create", "--max-life-time-period", "-1", "--output", "json")
    done = program(("alice", USERS["alice"], False), "delegation-tokens", *create)
    assert done.returncode == 0, done.stderr
    token = json.loads(done.stdout)
    assert token["owner"] == "User:alice"
    return token["token_id"], token["hmac"]


@pytest.mark.parametrize("mechanism", SCRAM_MECHANISMS)
@pytest.mark.parametrize("listener", [OURS, KAFKAS])
def test_users_and_tokens(broker, program, token, listener, mechanism):
    how = {"listener": listener, "mechanism": mechanism}
    broker.wait_for_login(*token, token=True, **how)
    for who in [("alice", USERS["alice"], False), (*token, True)]:
        done = program(who, "login", **how)
        assert done.returncode == 0, done.stderr
    for who in [("alice", "wrong", False), (token[0], "d3Jvbmc=", True), ("nobody", "x", False)]:
        assert program(who, "login", **how).returncode == 4
    broker.login("alice", USERS["alice"], **how)
    with pytest.raises(KafkaError, match="SaslAuthenticationException"):
        broker.login("alice", "wrong", **how)


def test_our_clients(broker, token, tmp_path):
    """The librdkafka plugin by a token file on both listeners, and no plugin at all on ours."""
    broker.wait_for_login(*token, token=True)
    source = SourceFile(tmp_path / "token.json").write_fields(token_id=token[0], hmac=token[1])
    trust = {"security_protocol": KAFKAS, "ssl_ca_location": broker.authority.pem}
    assert Client(config(broker.bootstrap(OURS), source)).works()
    assert Client(config(broker.bootstrap(KAFKAS), source, **trust)).works()
    plain = {
        "bootstrap.servers": broker.bootstrap(OURS),
        "security.protocol": OURS,
        "sasl.mechanism": "SCRAM-SHA-512",
        "sasl.username": token[0],
        "sasl.password": token[1],
    }
    assert Client(plain).works()


def test_a_token_that_was_renewed_and_ended(broker, program, token, tmp_path):
    broker.wait_for_login(*token, token=True)
    hmac = tmp_path / "hmac"
    hmac.touch(0o600)
    hmac.write_text(token[1])
    alice = ("alice", USERS["alice"], False)
    for options in [("--renew", "--renew-time-period"), ("--expire", "--expiry-time-period")]:
        done = program(alice, "delegation-tokens", *options, "-1", "--hmac-file", hmac)
        assert done.returncode == 0, done.stderr
    deadline = time.monotonic() + 30
    for listener in (OURS, KAFKAS):
        while program((*token, True), "login", listener=listener).returncode != 4:
            assert time.monotonic() < deadline
            time.sleep(0.2)


def test_our_jar_has_judged(broker, token):
    broker.wait_for_login(*token, token=True)
    assert f'"status":"OK","mechanism":"SCRAM-SHA-512","requester":"{token[0]}"' in broker.log()
