"""A broker of each supported version on libscramtoken, shared by all the tests of its version."""

import pytest

from tests.kafka.broker import KafkaBroker

from . import manual
from .jar import JAR, broker_jaas, on_listeners
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

NEWEST, MIDDLE, OLDEST = "4.4.0", "4.1.1", "3.9.2"
_long = pytest.mark.long
# The newest and the oldest; what lies between takes as long again.
VERSIONS = (NEWEST, pytest.param(MIDDLE, marks=_long), OLDEST)
# For tests that take long themselves.
NEWEST_FIRST = (NEWEST, pytest.param(MIDDLE, marks=_long), pytest.param(OLDEST, marks=_long))


@pytest.fixture(scope="session", params=VERSIONS)
def broker(request):
    with KafkaBroker(
        request.param,
        extra_properties={**LINES, **SHORT_SESSIONS},
        classpath_extra=[JAR],
        jvm_args=JVM_ARGS,
    ) as broker:
        yield broker


@pytest.fixture(scope="session")
def token(broker):
    return broker.create_token("User:alice")
