"""Logins of the stock confluent-kafka wheel to stock brokers."""

import base64
import secrets
import time

import pytest
from confluent_kafka import KafkaException, Producer

import scramtoken
from harness.kafka.properties import SCRAM_MECHANISMS, USERS
from harness.rdkafka.stock import Client, config, consume, produce, topic


@pytest.fixture(scope="session")
def token(broker):
    return broker.create_token("User:alice")


@pytest.mark.parametrize("mechanism", SCRAM_MECHANISMS)
def test_produce_and_consume(broker, token, source, mechanism):
    conf = config(broker.bootstrap(), source.write(token), scramtoken_mechanism=mechanism)
    name = topic()
    produce(conf, name, 500)
    assert consume(conf, name, 500) == [b"%d" % number for number in range(500)]


def test_pythons_helper(broker, token, source):
    conf = {"bootstrap.servers": broker.bootstrap()}
    conf = scramtoken.confluent_config(conf, source=source.write(token).uri)
    assert Client(conf).works()


def test_transactions(broker, token, source):
    conf = config(broker.bootstrap(), source.write(token))

    name = topic()
    producer = Producer(conf | {"transactional.id": secrets.token_hex(4)})
    producer.init_transactions(30)
    producer.begin_transaction()
    producer.produce(name, b"in a transaction")
    producer.commit_transaction(30)
    assert consume(conf | {"isolation.level": "read_committed"}, name, 1) == [b"in a transaction"]


def test_a_user_and_password_in_the_source(broker, source):
    source.write_fields(username="bob", password=USERS["bob"])
    assert Client(config(broker.bootstrap(), source)).works()


def test_without_the_plugin_a_token_is_refused(broker, token):
    """That is the point of the plugin: librdkafka cannot say tokenauth=true."""
    conf = {
        "bootstrap.servers": broker.bootstrap(),
        "security.protocol": "SASL_PLAINTEXT",
        "sasl.mechanism": "SCRAM-SHA-512",
        "sasl.username": token.id,
        "sasl.password": token.hmac,
    }
    assert "scramtoken" not in Client(conf).refusal()


def test_an_expired_token(broker, source):
    token = broker.create_token("User:alice", max_lifetime_ms=1500)
    time.sleep(max(0, token.expiry_ms / 1000 - time.time()) + 0.1)
    client = Client(config(broker.bootstrap(), source.write(token)))
    assert "the delegation token has expired" in client.refusal()


def test_a_removed_token(broker, source):
    token = broker.create_token("User:alice")
    broker.expire_token(token)
    client = Client(config(broker.bootstrap(), source.write(token)))
    assert "the broker does not know the token" in client.refusal()


def test_a_wrong_hmac(broker, token, source):
    hmac = base64.b64encode(secrets.token_bytes(64)).decode()
    source.write_fields(token_id=token.id, hmac=hmac)
    client = Client(config(broker.bootstrap(), source))
    text = client.refusal()
    assert "the broker refused the login" in text
    assert hmac not in text


def test_a_wrong_password(broker, source):
    source.write_fields(username="bob", password="not bob's")
    text = Client(config(broker.bootstrap(), source)).refusal()
    assert "check the user name and password" in text
    assert "not bob's" not in text


def test_a_source_that_is_missing_and_comes_later(broker, token, source):
    client = Client(config(broker.bootstrap(), source))
    assert f"{source.path}: No such file" in client.refusal()
    source.write(token)
    assert client.works()


def test_without_a_source(broker):
    assert "scramtoken.source is not set" in Client(config(broker.bootstrap())).refusal()


def test_refusals_are_held_back(broker, source):
    """librdkafka would otherwise try many times a second."""
    client = Client(config(broker.bootstrap(), source, reconnect_backoff_ms=1))
    client.refusal()
    before = len(client.errors)
    deadline = time.monotonic() + 3
    while time.monotonic() < deadline:
        client.client.poll(0.1)
    refused = [e for e in client.errors[before:] if e.name() == "_AUTHENTICATION"]
    assert len(refused) <= 12


@pytest.mark.parametrize(
    "properties, text",
    [
        ({"scramtoken_sorce": "env:"}, "did you mean scramtoken.source?"),
        ({"scramtoken_source": "token.json"}, "a source's URI is file:/path, dir:/path or env:"),
        ({"scramtoken_mechanism": "PLAIN"}, "neither SCRAM-SHA-256 nor SCRAM-SHA-512"),
        ({"sasl_mechanism": "GSSAPI"}, "neither SCRAM-SHA-256 nor SCRAM-SHA-512"),
        ({"scramtoken_login_timeout_ms": "10 s"}, "and not 100 to 300000"),
        ({"sasl_username": "alice"}, "leave it out"),
        ({"sasl_password": "secret"}, "leave it out"),
        ({"security_protocol": "PLAINTEXT"}, "has no login"),
        ({"security_protocol": "SSL"}, "has no login"),
    ],
)
def test_what_is_refused_in_the_configuration(properties, text):
    with pytest.raises(KafkaException) as refused:
        Client(config("127.0.0.1:9", **properties))
    assert text in str(refused.value)
