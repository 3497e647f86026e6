"""Sessions that outlive a login: re-authentication, rotation, lost connections."""

import time

import pytest

from harness.kafka.broker import KafkaBroker
from harness.kafka.properties import USERS
from harness.rdkafka.stock import Client, config, consume, produce, topic
from harness.rdkafka.traffic import REAUTHENTICATION_MS, Group, Traffic


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
        texts = [e.str() for e in client.errors if "another owner" in e.str()]
    assert "the source now holds a credential of another owner" in texts[0]


def test_several_brokers_on_ipv6(cluster, source):
    conf = config(cluster.bootstrap(), source.write(cluster.create_token("User:alice")))
    name = topic()
    produce(conf, name, 300)
    assert len(consume(conf, name, 300)) == 300


LONG = [pytest.mark.long, pytest.mark.timeout(1500)]


@pytest.mark.parametrize("restarts", [2, pytest.param(20, marks=LONG)])
def test_brokers_that_are_restarted(cluster, source, restarts):
    """No message is lost or doubled; no group is lost that a client without the plugin keeps."""
    conf = config(cluster.bootstrap(), source.write(cluster.create_token("User:alice")))
    user = {
        "bootstrap.servers": cluster.bootstrap(),
        "security.protocol": "SASL_PLAINTEXT",
        "sasl.mechanism": "SCRAM-SHA-512",
        "sasl.username": "bob",
        "sasl.password": USERS["bob"],
    }
    name = topic()
    produce(conf, name, 0)
    with Group(conf, name) as ours, Group(user, name, group=f"{name}-direct") as direct:
        with Traffic(conf, name) as traffic:
            for number in range(restarts):
                node = number % 3 + 1
                cluster.stop_node(node)
                for group in (ours, direct):
                    group.poll(1)
                cluster.start_node(node)
                cluster.wait_until_ready()
                for group in (ours, direct):
                    group.poll(1)
        deadline = time.monotonic() + 60
        while len(ours.values) < traffic.sent and time.monotonic() < deadline:
            for group in (ours, direct):
                group.poll(0.5)
        assert traffic.failed == []
        assert ours.values == list(range(traffic.sent))
        assert ours.taken <= direct.taken
