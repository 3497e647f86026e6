"""A cluster whose brokers all run on libscramtoken, and log in to each other by it."""

import time

import pytest
from confluent_kafka.admin import AdminClient, NewTopic

from harness.jvm.jar import JAR, jaas, on_listeners
from harness.kafka.broker import KafkaBroker

from .conftest import JVM_ARGS
from .raw import SECRET, challenge
from .test_logs import audit_lines

MECHANISM = "SCRAM-SHA-512"
NODES = (1, 2)


@pytest.mark.long
def test_two_brokers():
    """Each is the others' client in the JVM in which it is a server."""
    line = jaas(
        username="bob",
        password="bob-secret",
        implicitTokens="true",
        audit="true",
        mockSecret=SECRET,
    )
    with KafkaBroker(
        nodes=len(NODES),
        extra_properties=on_listeners(line),
        classpath_extra=[JAR],
        jvm_args=JVM_ARGS,
    ) as cluster:
        token = cluster.create_token("User:alice")
        for node in NODES:
            cluster.login(token.id, token.hmac, mechanism=MECHANISM, node=node)
        replicate_a_topic(cluster, token)
        deadline = time.monotonic() + 30
        while "bob" not in logged_in(cluster):  # nobody else is bob
            assert time.monotonic() < deadline, logged_in(cluster)
            time.sleep(0.2)
        # One secret, one challenge: strangers look alike on every broker.
        assert len({challenge(cluster, MECHANISM, "mallory", node=node) for node in NODES}) == 1
        assert len({challenge(cluster, MECHANISM, "alice", node=node) for node in NODES}) == 1


def replicate_a_topic(cluster, token):
    """What makes one broker a client of the other."""
    config = {
        "bootstrap.servers": cluster.bootstrap(),
        "security.protocol": "SASL_PLAINTEXT",
        "sasl.mechanism": MECHANISM,
        "sasl.username": token.id,
        "sasl.password": token.hmac,
    }
    topic = NewTopic("replicated", num_partitions=2, replication_factor=len(NODES))
    admin = AdminClient(config)
    [created] = admin.create_topics([topic]).values()
    created.result(30)


def logged_in(cluster):
    return {event["requester"] for event in audit_lines(cluster) if event["status"] == "OK"}
