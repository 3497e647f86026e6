"""Sessions that outlive a login: re-authentication, rotation, lost connections."""

import time

import pytest
from confluent_kafka import Consumer

from tests.kafka.broker import KafkaBroker

from .stock import Client, config, consume, produce, topic
from .traffic import REAUTHENTICATION_MS, Traffic


@pytest.fixture(scope="module")
def cluster():
    """Three brokers, on IPv6."""
    with KafkaBroker("4.4.0", nodes=3, host="::1") as broker:
        yield broker


def test_reauthentication_under_load(special, source):
    conf = config(special.bootstrap(), source.write(special.create_token("User:alice")))
    name = topic()
    with Traffic(conf, name) as traffic:
        time.sleep(5 * REAUTHENTICATION_MS / 1000)
    assert traffic.errors == []
    assert traffic.failed == []
    assert consume(conf, name, traffic.sent) == [b"%d" % n for n in range(traffic.sent)]


def test_rotation_under_load(special, source):
    """Token A ends for good, B is in the file: the application notices nothing."""
    one = special.create_token("User:alice")
    two = special.create_token("User:alice")
    conf = config(special.bootstrap(), source.write(one))
    name = topic()
    with Traffic(conf, name) as traffic:
        time.sleep(2)
        source.write(two)
        special.expire_token(one)
        time.sleep(3 * REAUTHENTICATION_MS / 1000)
    assert traffic.errors == []
    assert traffic.failed == []
    assert consume(conf, name, traffic.sent) == [b"%d" % n for n in range(traffic.sent)]


def test_another_owners_token_is_named_as_the_cause(special, source):
    source.write(special.create_token("User:alice"))
    client = Client(config(special.bootstrap(), source))
    assert client.works()
    source.write(special.create_token("User:bob"))
    deadline = time.monotonic() + 4 * REAUTHENTICATION_MS / 1000
    texts = []
    while not texts and time.monotonic() < deadline:
        client.client.poll(0.1)
        texts = [e.str() for e in client.errors if e.name() == "_AUTHENTICATION"]
    assert "the source now holds a credential of another owner" in texts[0]


def test_several_brokers_on_ipv6(cluster, source):
    conf = config(cluster.bootstrap(), source.write(cluster.create_token("User:alice")))
    name = topic()
    produce(conf, name, 300)
    assert len(consume(conf, name, 300)) == 300


def test_a_broker_that_is_restarted(cluster, source):
    """No message is lost or doubled, and the consumer's group goes on."""
    conf = config(cluster.bootstrap(), source.write(cluster.create_token("User:alice")))
    name = topic()
    produce(conf, name, 1)
    consumer = Consumer(conf | {"group.id": name, "auto.offset.reset": "earliest"})
    consumer.subscribe([name])
    values = []
    with Traffic(conf, name) as traffic:
        for node in (1, 2):
            cluster.stop_node(node)
            values += drain(consumer, 2)
            cluster.start_node(node)
            cluster.wait_until_ready()
            values += drain(consumer, 2)
    values += drain(consumer, 5)
    consumer.close()
    assert traffic.failed == []
    assert sorted(map(int, values)) == sorted([0, *range(traffic.sent)])


def drain(consumer, seconds):
    values = []
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        message = consumer.poll(0.2)
        if message is not None and not message.error():
            values.append(message.value())
    return values
