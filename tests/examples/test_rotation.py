"""The examples for clients that can say tokenauth=true, whose token is replaced while they run."""

import os
import subprocess
import time

import pytest

from harness.jvm.jar import JAR
from harness.kafka.broker import KafkaBroker
from harness.kafka.jars import broker_classpath
from harness.paths import BUILD, ROOT
from harness.process import java_command, start, stop
from harness.rdkafka.stock import topic

EXAMPLES = ROOT / "examples"
SESSION_MS = 2000
COUNT = 150  # one each 100 ms: several sessions long, also after a token was removed

pytestmark = [pytest.mark.long, pytest.mark.timeout(900)]  # what is built first takes a minute


@pytest.fixture(scope="module")
def broker():
    with KafkaBroker(extra_properties={"connections.max.reauth.ms": SESSION_MS}) as broker:
        yield broker


def go(name):
    """usage(broker, listener, topic, token file) of an example in Go, which is built first."""

    def usage(broker, listener, topic, file):
        program = BUILD / "examples" / name
        subprocess.run(
            ["go", "build", "-p", "2", "-o", program, "."],
            cwd=EXAMPLES / "go" / name,
            env=os.environ | {"CGO_ENABLED": "0"},
            check=True,
        )
        tls = ["-ca", broker.authority.pem] if listener == "SASL_SSL" else []
        return [program, *tls, broker.bootstrap(listener), topic, str(COUNT), file]

    return usage


def java(broker, listener, topic, file):
    text = (EXAMPLES / "java" / "token-file.properties").read_text()
    return java_program(broker, listener, topic, text.replace("/run/kafka/token.json", str(file)))


def java_program(broker, listener, topic, properties, count=COUNT):
    """The example, with properties in which the places are this broker's."""
    for ours, theirs in (
        ("broker:9093", broker.bootstrap(listener)),
        ("protocol=SASL_SSL", f"protocol={listener}"),
        ("ca.pem", str(broker.authority.pem)),
    ):
        assert ours in properties
        properties = properties.replace(ours, theirs)
    file = broker.directory / f"{topic}.properties"
    file.touch(mode=0o600)
    file.write_text(properties)
    classpath = os.pathsep.join([str(JAR), broker_classpath(broker.version)])
    quiet = "-Dorg.slf4j.simpleLogger.defaultLogLevel=error"
    source = EXAMPLES / "java" / "ProduceAndConsume.java"
    return [java_command(), quiet, "-cp", classpath, source, file, topic, str(count)]


@pytest.mark.parametrize("listener", ["SASL_PLAINTEXT", "SASL_SSL"])
@pytest.mark.parametrize(
    "usage", [go("franz-go"), go("sarama"), java], ids=["franz", "sarama", "java"]
)
def test_goes_on_with_a_token_that_has_been_replaced(broker, source, listener, usage):
    first, second = broker.create_token(), broker.create_token()
    source.write(first)
    program = start(
        usage(broker, listener, topic(), source.path),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert program.stdout.readline() == "0\n", program.stderr.read()
        source.write(second)
        broker.expire_token(first)
        gone = time.monotonic()
        rest = program.stdout.read()
        assert program.wait(30) == 0, program.stderr.read()
        assert rest.split() == [str(number) for number in range(1, COUNT)]
        # No session of the first token's is that long.
        assert time.monotonic() - gone > 2 * SESSION_MS / 1000
    finally:
        stop(program)


def test_a_token_in_the_line_of_kafkas_own_module(broker):
    token = broker.create_token()
    text = (EXAMPLES / "java" / "token.properties").read_text()
    text = text.replace("TOKEN-ID", token.id).replace("HMAC", token.hmac)
    program = java_program(broker, "SASL_SSL", topic(), text, count=5)
    done = subprocess.run(program, capture_output=True, text=True, timeout=120)
    assert done.stdout.split() == [str(number) for number in range(5)], done.stderr
