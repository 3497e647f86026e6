"""kafka-python's stock wheel with scramtoken.kafka_python."""

import secrets
import time

import pytest
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer
from kafka.errors import KafkaError

import scramtoken
import scramtoken.kafka_python
from harness.kafka.properties import SCRAM_MECHANISMS, USERS

from .conftest import REAUTHENTICATION_MS


@pytest.fixture(autouse=True, scope="module")
def registered():
    scramtoken.kafka_python.register()
    scramtoken.kafka_python.register()


def config(broker, password, username=None, mechanism="SCRAM-SHA-512"):
    return {
        "bootstrap_servers": broker.bootstrap(),
        "security_protocol": "SASL_PLAINTEXT",
        "sasl_mechanism": mechanism,
        "sasl_plain_username": username,
        "sasl_plain_password": password,
    }


@pytest.mark.parametrize("mechanism", SCRAM_MECHANISMS)
def test_produce_and_consume_by_token(broker, source, mechanism):
    source.write(broker.create_token("User:alice"))
    topic = f"t-{secrets.token_hex(4)}"
    with scramtoken.Source.open(source.uri) as opened:
        conf = config(broker, opened, mechanism=mechanism)
        producer = KafkaProducer(**conf)
        for number in range(100):
            producer.send(topic, b"%d" % number)
        producer.flush(30)
        producer.close()
        consumer = KafkaConsumer(
            topic, group_id=topic, auto_offset_reset="earliest", consumer_timeout_ms=20000, **conf
        )
        values = [message.value for _, message in zip(range(100), consumer)]
        consumer.close()
    assert values == [b"%d" % number for number in range(100)]


def test_other_clients_log_in_as_before(broker):
    admin = KafkaAdminClient(**config(broker, USERS["bob"], "bob"))
    assert admin.list_topics() is not None
    admin.close()


def test_a_removed_token_is_refused(broker, source):
    token = broker.create_token("User:alice")
    broker.expire_token(token)
    source.write(token)
    with scramtoken.Source.open(source.uri) as opened, pytest.raises(KafkaError):
        KafkaAdminClient(**config(broker, opened), bootstrap_timeout_ms=3000).list_topics()


def test_an_expired_token_that_is_not_swept_yet(broker, expired, caplog):
    with scramtoken.Source.open(expired.uri) as opened, pytest.raises(KafkaError):
        KafkaAdminClient(**config(broker, opened), bootstrap_timeout_ms=3000).list_topics()
    assert "the delegation token has expired" in caplog.text


def test_a_source_that_is_missing(broker, source, caplog):
    with scramtoken.Source.open(source.uri) as opened, pytest.raises(KafkaError):
        KafkaAdminClient(**config(broker, opened), bootstrap_timeout_ms=3000).list_topics()
    assert "No such file" in caplog.text


def test_a_token_that_rotates_under_a_producer(broker, source, rotated):
    topic = f"t-{secrets.token_hex(4)}"
    with scramtoken.Source.open(source.uri) as opened:
        producer = KafkaProducer(**config(broker, opened))
        producer.send(topic, b"one").get(20)
        rotated()
        deadline = time.monotonic() + 3 * REAUTHENTICATION_MS / 1000
        while time.monotonic() < deadline:
            producer.send(topic, b"more").get(20)
            time.sleep(0.1)
        producer.close()
