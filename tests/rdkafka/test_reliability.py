"""What must not happen in weeks of running: leaks, messages lost or doubled, sessions lost.

Each test takes a short cut in `make test`, or is left whole to `make test-long`.
"""

import contextlib
import itertools
import json
import os
import socket
import sys
import time

import pytest
from confluent_kafka import Producer

from harness.commands import succeed
from harness.compile import VALGRIND
from harness.kafka.properties import USERS
from harness.rdkafka.programs import EXAMPLE, compile_program
from harness.rdkafka.stock import config, consume, produce, topic
from harness.rdkafka.traffic import REAUTHENTICATION_MS, Group, Traffic

from .test_clients import EVENT_LOOP, descriptors, threads, wait_until

LISTENERS = pytest.mark.parametrize("listener", ["SASL_PLAINTEXT", "SASL_SSL"])
ONE_BROKER = pytest.mark.parametrize("broker", ["4.4.0"], indirect=True)
SOON = {"reconnect.backoff.ms": 10, "reconnect.backoff.max.ms": 100}


def long(*values):
    return pytest.param(*values, marks=[pytest.mark.long, pytest.mark.timeout(1200)])


def client_config(broker, source, listener, **properties):
    conf = config(broker.bootstrap(listener), source, **properties)
    if listener == "SASL_SSL":
        conf |= {"security.protocol": listener, "ssl.ca.location": str(broker.authority.pem)}
    return conf


# Delivered, by acks=0, is what has been sent; close(2) leaves that to the system.
UNACKNOWLEDGED = """
import json, sys
from confluent_kafka import Producer

conf, topic, count = json.loads(sys.argv[1]), sys.argv[2], int(sys.argv[3])
failed = []
producer = Producer(conf | {"acks": "0", "queue.buffering.max.messages": 1000000})
for number in range(count):
    producer.produce(topic, bytes(1000), on_delivery=lambda e, _: e and failed.append(e))
    producer.poll(0)
assert producer.flush(60) == 0 and not failed
del producer
"""


@ONE_BROKER
def test_what_was_sent_outlives_its_process(broker, source):
    conf = client_config(broker, source.write(broker.create_token("User:alice")), "SASL_SSL")
    del conf["logger"]
    name = topic()
    produce(conf, name, 1)
    succeed([sys.executable, "-c", UNACKNOWLEDGED, json.dumps(conf), name, "20000"])
    assert len(consume(conf, name, 20_001)) == 20_001


def cut_connections(port):
    """Breaks every connection of this process to that port: how many those were."""
    count = 0
    for name in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError):
            if os.readlink(f"/proc/self/fd/{name}").startswith("socket:"):
                with socket.socket(fileno=os.dup(int(name))) as connection:
                    if connection.family == socket.AF_INET and connection.getpeername()[1] == port:
                        connection.shutdown(socket.SHUT_RDWR)
                        count += 1
    return count


@ONE_BROKER
@LISTENERS
@pytest.mark.parametrize("wanted", [20, long(1000)])
def test_forced_disconnects(broker, source, listener, wanted):
    """Every message arrives once and in order, and the group never notices."""
    conf = client_config(broker, source.write(broker.create_token("User:alice")), listener)
    name = topic()
    produce(conf, name, 0)
    before = descriptors(), threads()
    cut = 0
    # Soon, and often enough a heartbeat must come through, or any client's group would be lost.
    hasty = conf | SOON | {"heartbeat.interval.ms": 500}
    with Group(hasty, name) as group:
        with Traffic(conf | SOON, name) as traffic:
            while not group.values:
                group.poll(0.2)
            for number in itertools.count(1):
                cut += cut_connections(broker.address(listener)[1])
                if cut >= wanted:
                    break
                group.poll(0.25 if number % 10 else 2)
        deadline = time.monotonic() + 120
        while len(group.values) < traffic.sent and time.monotonic() < deadline:
            group.poll(0.2)
        # Errors there are: librdkafka calls it _AUTHENTICATION, too, when a login is cut off.
        assert (traffic.failed, group.taken) == ([], 0)
        assert group.values == list(range(traffic.sent))
    del group, traffic
    wait_until(lambda: descriptors() <= before[0] + EVENT_LOOP and threads() <= before[1] + 1)


@ONE_BROKER
@LISTENERS
@pytest.mark.long
def test_many_clients_leave_nothing(broker, source, listener):
    conf = client_config(broker, source.write(broker.create_token("User:alice")), listener)
    before = descriptors(), threads()
    for _ in range(30):
        producers = [Producer(conf) for _ in range(10)]
        for producer in producers:
            assert producer.list_topics(timeout=20).brokers
        del producer, producers
    wait_until(lambda: descriptors() <= before[0] + EVENT_LOOP and threads() <= before[1] + 1)


@pytest.mark.long
@pytest.mark.timeout(600)
def test_a_thousand_reauthentications(special, clients, source, tmp_path):
    """Under load, beside clients without the plugin: none of ours loses a connection they keep."""
    source.write(special.create_token("User:alice"))
    user = {"sasl.username": "bob", "sasl.password": USERS["bob"]}
    tls = {
        "ssl.ca.location": str(special.authority.pem),
        "ssl.certificate.location": str(clients.server_pem),
        "ssl.key.location": str(clients.server_pem),
    }
    running = []
    with contextlib.ExitStack() as stack:
        for number in range(40):
            listener = ("SASL_PLAINTEXT", "SASL_SSL")[number % 2]
            ours = number % 4 < 2
            conf = config(special.bootstrap(listener), source)
            if not ours:
                conf = {"bootstrap.servers": special.bootstrap(listener)} | user
                conf["sasl.mechanism"] = "SCRAM-SHA-512"
            conf |= {"security.protocol": listener} | (tls if listener == "SASL_SSL" else {})
            counts = Counts()
            conf |= {"statistics.interval.ms": 500, "stats_cb": counts}
            traffic = stack.enter_context(Traffic(conf, topic(), pause=0.1))
            running.append((ours, counts, traffic))
        deadline = time.monotonic() + 400
        while sum(counts.handshakes for ours, counts, _ in running if ours) < 1000:
            assert time.monotonic() < deadline, [counts.handshakes for _, counts, _ in running]
            time.sleep(REAUTHENTICATION_MS / 1000)
    assert [traffic.failed for _, _, traffic in running] == [[]] * len(running)
    lost = {True: 0, False: 0}
    for ours, counts, _ in running:
        lost[ours] += counts.disconnects
    assert lost[True] <= lost[False]


class Counts:
    """What librdkafka's statistics say of all its connections."""

    handshakes = disconnects = 0

    def __call__(self, text):
        brokers = json.loads(text)["brokers"].values()
        self.handshakes = sum(broker["req"].get("SaslHandshake", 0) for broker in brokers)
        self.disconnects = sum(broker["disconnects"] for broker in brokers)


@ONE_BROKER
@LISTENERS
def test_no_byte_is_leaked(broker, source, listener):
    program = compile_program("consume", EXAMPLE, "-lrdkafka")
    conf = client_config(broker, source.write(broker.create_token("User:alice")), listener)
    name = topic()
    produce(conf, name, 20)
    del conf["logger"], conf["bootstrap.servers"]
    # The thread of the event loop runs until the process ends, and what it has is possibly lost.
    valgrind = [word.replace(",possible", "") for word in VALGRIND]
    if listener == "SASL_SSL":
        # It takes what ring's assembly writes for uninitialised; leaks and overruns it still sees.
        valgrind.append("--undef-value-errors=no")
    words = [f"{key}={value}" for key, value in conf.items()]
    values = succeed([*valgrind, program, broker.bootstrap(listener), name, 20, *words])
    assert values.split() == [str(number) for number in range(20)]
