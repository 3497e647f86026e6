"""A broker of each supported version on libscramtoken, shared by all the tests of its version."""

import pytest

from tests.kafka.broker import KafkaBroker

from .jar import JAR, broker_jaas, on_listeners
from .raw import SECRET

# Three lines of JAAS with three sets of options: these two, and Kafka's own on SASL_SSL.
GENEROUS = {"implicitTokens": "true", "doubledNonce": "true", "audit": "true", "mockSecret": SECRET}
STRICT = {"mockSecret": SECRET, "mockIterations": "8192"}
LINES = {
    **on_listeners(broker_jaas(**GENEROUS), ["SASL_PLAINTEXT"], ["SCRAM-SHA-512"]),
    **on_listeners(broker_jaas(**STRICT), ["SASL_PLAINTEXT"], ["SCRAM-SHA-256"]),
}
JVM_ARGS = ("-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xcheck:jni")


# The newest and the oldest; what lies between takes as long again.
VERSIONS = ("4.4.0", pytest.param("4.1.1", marks=pytest.mark.long), "3.9.2")


@pytest.fixture(scope="session", params=VERSIONS)
def broker(request):
    with KafkaBroker(
        request.param, extra_properties=LINES, classpath_extra=[JAR], jvm_args=JVM_ARGS
    ) as broker:
        yield broker


@pytest.fixture(scope="session")
def token(broker):
    return broker.create_token("User:alice")
