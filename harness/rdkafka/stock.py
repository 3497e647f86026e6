"""Stock confluent-kafka clients, configured as an application would."""

import secrets
import time

from confluent_kafka import Consumer, KafkaException, Producer
from confluent_kafka.admin import AdminClient

from harness.paths import library


def config(bootstrap, source=None, **properties):
    """What an application sets; `properties` have underscores for dots."""
    conf = {
        "bootstrap.servers": bootstrap,
        "plugin.library.paths": str(library()),
        "logger": _silent,
    }
    if source is not None:
        conf["scramtoken.source"] = source.uri
    return conf | {name.replace("_", "."): value for name, value in properties.items()}


class _Silent:
    def log(self, *_):
        pass


_silent = _Silent()


class Client:
    """An admin client that keeps what its error_cb was told."""

    def __init__(self, conf):
        self.errors = []
        self.client = AdminClient(conf | {"error_cb": self.errors.append})

    def works(self, seconds=20):
        """Lists the cluster's topics."""
        return bool(self.client.list_topics(timeout=seconds).brokers)

    def refusal(self, seconds=20, name="_AUTHENTICATION"):
        """The text of the first error of this name."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            try:
                self.client.list_topics(timeout=0.5)
                raise AssertionError("logged in, and should not have been")
            except KafkaException:
                self.client.poll(0)
            for error in self.errors:
                if error.name() == name:
                    return error.str()
        raise AssertionError(f"no refusal, but {[error.str() for error in self.errors]}")


def produce(conf, topic, count, **properties):
    """Produces `count` messages, every one acknowledged."""
    failed = []
    producer = Producer(conf | properties)
    for number in range(count):
        producer.produce(topic, b"%d" % number, on_delivery=lambda e, _: e and failed.append(e))
    assert producer.flush(60) == 0
    assert not failed
    return producer


def consume(conf, topic, count, seconds=60):
    """The first `count` messages, by a group that commits and leaves."""
    group = {"group.id": secrets.token_hex(4), "auto.offset.reset": "earliest"}
    consumer = Consumer(conf | group)
    consumer.subscribe([topic])
    values = []
    deadline = time.monotonic() + seconds
    while len(values) < count and time.monotonic() < deadline:
        message = consumer.poll(0.5)
        if message is not None and not message.error():
            values.append(message.value())
    consumer.commit(asynchronous=False)
    consumer.close()
    return values


def topic():
    return f"t-{secrets.token_hex(4)}"
