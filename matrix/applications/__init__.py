"""What stands on Kafka's Java client: Streams, Connect and MirrorMaker 2, each once by token."""

import os
import secrets
import subprocess
import time
from contextlib import contextmanager
from dataclasses import dataclass

from confluent_kafka import Consumer

from harness import process
from harness.jvm.jar import JAR, jaas
from harness.kafka import properties
from harness.kafka.jars import CACHE, TOOLS, classpath
from harness.kafka.properties import USERS
from harness.paths import ROOT
from harness.rdkafka import stock

from ..brokers import OWNER, USER

BROKER = "4.4.0"
VERSION = TOOLS[BROKER]  # there are no connect-file and connect-mirror 4.4.0
RECORDS = [b"%d" % number for number in range(100)]
SECONDS = 300
_MECHANISM = "SCRAM-SHA-512"
_SOURCES = ROOT / "matrix" / "applications" / "java"
_ARTIFACTS = ("kafka-streams", "connect-runtime", "connect-file", "connect-mirror")


@dataclass(frozen=True)
class Application:
    name: str
    brokers: str
    how: str
    error: str


def run_all(brokers, logs):
    """The applications, each after it has run; `brokers` are those of BROKER, by kind."""
    from . import connect, mirror, streams

    for module in (streams, connect, mirror):
        process.say(f"{module.NAME}: starting")
        try:
            error = module.run(brokers, logs) or ""
        except Exception as failure:  # one that cannot run has not worked
            error = f"{type(failure).__name__}: {failure}"
        process.say(f"{module.NAME}: {error or 'ok'}")
        yield Application(f"{module.NAME} {VERSION}", module.BROKERS, module.HOW, error)


def jars():
    artifacts = [("org.apache.kafka", name, VERSION, True) for name in _ARTIFACTS]
    directory = CACHE / BROKER / "applications"
    return classpath(directory, artifacts, f"Kafka {VERSION} (Streams, Connect, MirrorMaker)")


def by_token(broker, prefix=""):
    """A client's properties: its login reads the token from a file."""
    return login(broker, jaas(source=broker.source.uri), prefix)


def by_password(broker, prefix=""):
    return login(broker, properties.jaas(_MECHANISM, USER, USERS[USER]), prefix)


def login(broker, line, prefix):
    return {
        f"{prefix}{name}": value
        for name, value in {
            "security.protocol": "SASL_SSL",
            "ssl.truststore.type": "PEM",
            "ssl.truststore.location": broker.kafka.authority.pem,
            "sasl.mechanism": _MECHANISM,
            "sasl.jaas.config": line,
        }.items()
    }


@contextmanager
def running(main, *arguments, log, classes=None):
    """A JVM for the length of a `with` block; gives a function that waits for a condition."""
    path = os.pathsep.join(str(part) for part in (JAR, classes, jars()) if part)
    quiet = "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"
    argv = [process.java_command(), "-Xmx512m", "-XX:TieredStopAtLevel=1", quiet, "-cp", path]
    with open(log, "wb") as output:
        jvm = process.start(
            [*argv, main, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )

    def wait(condition):
        deadline = time.monotonic() + SECONDS
        while not condition():
            if jvm.poll() is not None:
                raise RuntimeError(f"it ended with {jvm.returncode}: {log.read_text()[-500:]}")
            if time.monotonic() > deadline:
                raise TimeoutError(f"not done after {SECONDS} s: {log.read_text()[-500:]}")
            time.sleep(0.5)

    try:
        yield wait
    finally:
        process.stop(jvm)


def compiled(name):
    """The directory of a program's classes."""
    classes = ROOT / "build" / "matrix" / "applications"
    javac = [process.java_command("javac"), "-nowarn", "-cp", jars(), "-d", classes]
    subprocess.run([*javac, _SOURCES / f"{name}.java"], check=True)
    return classes


def conf(broker):
    """confluent-kafka's, to fill topics and look into them."""
    return {
        "client.id": "matrix",
        "bootstrap.servers": broker.kafka.bootstrap(),
        "security.protocol": "SASL_PLAINTEXT",
        "sasl.mechanism": _MECHANISM,
        "sasl.username": USER,
        "sasl.password": USERS[USER],
    }


def produce(broker, topic):
    broker.create_topics([topic])
    stock.produce(conf(broker), topic, len(RECORDS))


def arrived(broker, topic):
    """Whether all records are there, in any order."""
    group = {"group.id": secrets.token_hex(4), "auto.offset.reset": "earliest"}
    consumer = Consumer(conf(broker) | group)
    consumer.subscribe([topic])
    values = []
    deadline = time.monotonic() + 10
    while len(values) < len(RECORDS) and time.monotonic() < deadline:
        message = consumer.poll(0.5)
        if message is not None and not message.error():
            values.append(message.value())
    consumer.close()
    return sorted(values) == sorted(RECORDS)


def wrong_principal(broker, belongs, requests, expected=OWNER):
    """What is wrong with whom the broker took these client ids for, in requests of these kinds."""
    ids = [name for name in broker.client_ids() if name and belongs(name)]
    for request in requests:
        sent = set().union(*(broker.sent(name, request) for name in ids))
        if sent != {f"User:{expected}"}:
            return f"{request} was sent by {sorted(sent)}, with the client ids {sorted(ids)}"
    return ""
