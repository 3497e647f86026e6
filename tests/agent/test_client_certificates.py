"""Delegation tokens that are asked for by mutual TLS: by the command, and by the agent."""

import json
import time

import pytest

from harness.kafka.broker import KafkaBroker
from harness.kafka.ca import CertificateAuthority, client_auth_required
from harness.kafka.cli import client_config, scramtoken

from .agent import Agent, wait_for
from .conftest import lifetimes

OWNER = "User:relay"  # as the rule below makes of the certificate's subject
TOKEN = """
[[token]]
name = "test"
[[token.target]]
file = "{dir}/token.json"
"""


@pytest.fixture(scope="module")
def clients(tmp_path_factory):
    return CertificateAuthority(tmp_path_factory.mktemp("clients"))


@pytest.fixture(scope="module")
def broker(clients):
    """Its listener SASL_SSL is one without SASL, for clients with certificates."""
    listeners = "CONTROLLER:PLAINTEXT,SASL_PLAINTEXT:SASL_PLAINTEXT,SASL_SSL:SSL"
    properties = {
        "listener.security.protocol.map": listeners,
        "ssl.principal.mapping.rules": "RULE:^CN=scramtoken test server$/relay/",
    }
    properties |= client_auth_required(clients) | lifetimes(10, 30)
    with KafkaBroker(extra_properties=properties) as broker:
        yield broker


@pytest.fixture
def write(broker, clients):
    """Writes the properties of a client that has a certificate."""

    def write(path):
        return client_config(
            path, "", "",
            security_protocol="SSL",
            ssl_truststore_type="PEM",
            ssl_truststore_location=broker.authority.pem,
            ssl_keystore_type="PEM",
            ssl_keystore_location=clients.server_pem,
        )  # fmt: skip

    return write


def test_a_command(broker, write, tmp_path):
    config = write(tmp_path / "client.properties")
    where = ["--bootstrap-server", broker.bootstrap("SASL_SSL"), "--command-config", config]
    create = ["--create", "--max-life-time-period", "-1", "--output", "json"]
    done = scramtoken("delegation-tokens", *where, *create)
    assert done.returncode == 0, done.stderr
    token = json.loads(done.stdout)
    assert token["owner"] == OWNER
    broker.wait_for_login(token["token_id"], token["hmac"], token=True)
    hmac = tmp_path / "hmac"
    hmac.touch(0o600)
    hmac.write_text(token["hmac"])
    for command in (
        ["--renew", "--renew-time-period", "-1"],
        ["--expire", "--expiry-time-period", "-1"],
    ):
        done = scramtoken("delegation-tokens", *where, *command, "--hmac-file", hmac)
        assert done.returncode == 0, done.stderr
    broker.wait_for_login(token["token_id"], token["hmac"], token=True, accepted=False)


def test_doctor(broker, write, tmp_path):
    """Tokens are made here, and log in elsewhere."""
    config = write(tmp_path / "client.properties")
    where = ["--bootstrap-server", broker.bootstrap("SASL_SSL"), "--command-config", config]
    done = scramtoken("doctor", *where)
    assert done.returncode == 0, done.stdout
    assert done.stdout.startswith("Nothing failed, but not everything was looked at"), done.stdout
    assert f"makes tokens: one of {OWNER}" in done.stdout
    assert "lists the new token as it should, and offers no SCRAM" in done.stdout


def test_the_agent(broker, write, tmp_path):
    """Tokens log in by SCRAM, so at another listener."""
    tokens = client_config(tmp_path / "tokens.properties", "nobody", "x")
    top = f'token_config = "{tokens}"\ntoken_servers = "{broker.bootstrap()}"'
    with Agent(tmp_path, broker.bootstrap("SASL_SSL"), TOKEN, top=top) as agent:
        write(agent.admin)
        agent.start()
        agent.wait_until_ready()
        first = agent.held()
        assert first["owner"] == OWNER
        broker.login(first["token_id"], first["hmac"], token=True)
        wait_for(lambda: agent.held()["expiry_timestamp_ms"] > first["expiry_timestamp_ms"], 30)
        assert agent.held()["expiry_timestamp_ms"] > 1000 * time.time(), agent.log()
