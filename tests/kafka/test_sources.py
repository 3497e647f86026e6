"""Sources against real brokers: what a file or a mount holds logs in, and a rotation is noticed."""

import importlib.util

import pytest

import scramtoken
from harness.kafka.properties import SCRAM_MECHANISMS, jaas, write
from harness.paths import ROOT
from harness.source_file import publish

pytestmark = pytest.mark.parametrize("mechanism", SCRAM_MECHANISMS)


@pytest.fixture(scope="module")
def example():
    """The example program, for its Kafka frames."""
    path = ROOT / "examples" / "python" / "login.py"
    spec = importlib.util.spec_from_file_location("login_example", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def log_in(broker, example):
    def log_in(source, mechanism):
        connection = example.Broker(*broker.address(), 30)
        try:
            with scramtoken.Client(mechanism, source=source) as client:
                example.log_in(connection, client, mechanism)
                return client.authenticated
        finally:
            connection.socket.close()

    log_in.refused = example.Failure
    return log_in


def test_a_rotated_file(broker, log_in, mechanism, source):
    opened = scramtoken.Source.open(source.uri)
    for _ in range(2):
        token = broker.create_token("User:alice")
        source.write(token, expiry_timestamp_ms=token.expiry_ms)
        assert opened.token().expiry_ms == token.expiry_ms
        assert log_in(opened, mechanism)
        broker.expire_token(token)
        with pytest.raises(log_in.refused):  # until the next token is there
            log_in(opened, mechanism)


def test_a_rotated_mount(broker, log_in, mechanism, tmp_path):
    source = scramtoken.Source.open(f"dir:{tmp_path}")
    for number in range(2):
        token = broker.create_token("User:bob")
        publish(tmp_path, number, token)
        assert log_in(source, mechanism)
        broker.expire_token(token)
        with pytest.raises(log_in.refused):
            log_in(source, mechanism)


def test_the_properties_of_kafkas_own_clients(broker, log_in, mechanism, tmp_path):
    """The very file that the brokers' admin client logs in with; and one with a token."""
    assert log_in(scramtoken.Source.open(f"file:{broker.admin_config}"), mechanism)
    token = broker.create_token("User:alice")
    line = jaas(mechanism, token.id, token.hmac).replace(";", " tokenauth=true;")
    path = write(tmp_path / "client.properties", {"sasl.jaas.config": line})
    assert log_in(scramtoken.Source.open(f"file:{path}"), mechanism)
