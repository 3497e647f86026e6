"""A broker on libscramtoken of each Kafka and Java, shared by the tests of a file."""

from dataclasses import dataclass
from typing import Optional

import pytest

from harness.jvm.jar import JAR, broker_jaas, on_listeners
from harness.kafka.broker import KafkaBroker

from . import jre, manual
from .raw import SECRET

GENEROUS = {"implicitTokens": "true", "doubledNonce": "true", "audit": "true", "mockSecret": SECRET}
STRICT = {"mockSecret": SECRET, "mockIterations": "8192"}
[MANUALS_LINE] = manual.broker_properties().values()
# Four lines with options of their own: these three, and Kafka's own for SASL_SSL by SCRAM-SHA-512.
LINES = {
    **on_listeners(broker_jaas(**GENEROUS), ["SASL_PLAINTEXT"], ["SCRAM-SHA-512"]),
    **on_listeners(broker_jaas(**STRICT), ["SASL_PLAINTEXT"], ["SCRAM-SHA-256"]),
    **on_listeners(MANUALS_LINE, ["SASL_SSL"], ["SCRAM-SHA-256"]),
}
# Sessions there end within this time, or are renewed (KIP-368).
REAUTH_S = 3
SHORT_SESSIONS = {"listener.name.sasl_ssl.connections.max.reauth.ms": REAUTH_S * 1000}
JVM_ARGS = ("-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xcheck:jni")


@dataclass(frozen=True)
class Place:
    """A version of Kafka, and one of Java; None is the machine's JDK."""

    kafka: str
    java_version: Optional[str] = None

    def __str__(self):
        return self.kafka + (f"-java{self.java_version}" if self.java_version else "")

    @property
    def java(self):
        """The path of its `java`, or None."""
        return self.java_version and jre.java(self.java_version)


NEWEST, OLDEST = Place("4.4.0"), Place("3.9.2")
# Each takes as long again. Kafka 4 brokers need Java 17.
MORE = (Place("4.1.1"), Place("3.9.2", "11"), Place("4.4.0", "21"), Place("4.4.0", "25"))


def places(*quick):
    """Parameters: these, and for `make test-long` all the others."""
    return [
        pytest.param(place, id=str(place), marks=[] if place in quick else [pytest.mark.long])
        for place in (NEWEST, OLDEST, *MORE)
    ]


@pytest.fixture(scope="session", params=places(NEWEST))
def broker(request):
    place = request.param
    with KafkaBroker(
        place.kafka,
        extra_properties={**LINES, **SHORT_SESSIONS},
        classpath_extra=[JAR],
        jvm_args=JVM_ARGS,
        java=place.java,
    ) as broker:
        yield broker


@pytest.fixture(scope="session")
def token(broker):
    return broker.create_token("User:alice")
