"""Sessions that outlive a login: re-authentication, rotation, lost connections."""

import threading
import time

import pytest
from confluent_kafka import Consumer, Producer

from tests.kafka.broker import KafkaBroker

from .stock import Client, config, consume, produce, topic

REAUTHENTICATION_MS = 3000


@pytest.fixture(scope="module")
def short_sessions():
    """A broker whose sessions are short."""
    properties = {"connections.max.reauth.ms": str(REAUTHENTICATION_MS)}
    with KafkaBroker("4.4.0", extra_properties=properties) as broker:
        yield broker


@pytest.fixture(scope="module")
def cluster():
    """Three brokers, on IPv6."""
    with KafkaBroker("4.4.0", nodes=3, host="::1") as broker:
        yield broker


class Traffic:
    """A producer that never stops, and what went wrong with it."""

    def __init__(self, conf, name):
        self.errors, self.failed, self.sent = [], [], 0
        conf = conf | {"enable.idempotence": True, "error_cb": self.errors.append}
        self._producer = Producer(conf)
        self._name = name
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join()

    def _run(self):
        while not self._stop.is_set():
            self._producer.produce(
                self._name, b"%d" % self.sent, on_delivery=lambda e, _: e and self.failed.append(e)
            )
            self.sent += 1
            self._producer.poll(0.005)
        assert self._producer.flush(60) == 0


def test_reauthentication_under_load(short_sessions, source):
    conf = config(
        short_sessions.bootstrap(), source.write(short_sessions.create_token("User:alice"))
    )
    name = topic()
    with Traffic(conf, name) as traffic:
        time.sleep(5 * REAUTHENTICATION_MS / 1000)
    assert traffic.errors == []
    assert traffic.failed == []
    assert consume(conf, name, traffic.sent) == [b"%d" % n for n in range(traffic.sent)]


def test_rotation_under_load(short_sessions, source):
    """Token A ends for good, B is in the file: the application notices nothing."""
    one = short_sessions.create_token("User:alice")
    two = short_sessions.create_token("User:alice")
    conf = config(short_sessions.bootstrap(), source.write(one))
    name = topic()
    with Traffic(conf, name) as traffic:
        time.sleep(2)
        source.write(two)
        short_sessions.expire_token(one)
        time.sleep(3 * REAUTHENTICATION_MS / 1000)
    assert traffic.errors == []
    assert traffic.failed == []
    assert consume(conf, name, traffic.sent) == [b"%d" % n for n in range(traffic.sent)]


def test_another_owners_token_is_named_as_the_cause(short_sessions, source):
    source.write(short_sessions.create_token("User:alice"))
    client = Client(config(short_sessions.bootstrap(), source))
    assert client.works()
    source.write(short_sessions.create_token("User:bob"))
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
