"""Brokers for the tests here, one version at a time."""

import pytest

from harness.jvm.jar import JAR, broker_jaas, on_listeners
from harness.kafka.broker import KafkaBroker
from harness.kafka.ca import CertificateAuthority, client_auth_required
from harness.rdkafka.traffic import REAUTHENTICATION_MS

# The newest and the oldest; what lies between takes as long again.
VERSIONS = ("4.4.0", pytest.param("4.1.1", marks=pytest.mark.long), "3.9.2")


@pytest.fixture(scope="session", params=VERSIONS)
def broker(request):
    """A stock broker with tokens."""
    with KafkaBroker(request.param) as broker:
        yield broker


@pytest.fixture(scope="session")
def clients(tmp_path_factory):
    """The authority of the clients' certificates, and such a certificate."""
    return CertificateAuthority(tmp_path_factory.mktemp("clients"))


@pytest.fixture(scope="session")
def special(clients):
    """A broker with short sessions, which wants certificates on SASL_SSL.

    Where SASL_PLAINTEXT is, libscramtoken takes tokens without tokenauth=true by SCRAM-SHA-256; by
    SCRAM-SHA-512 it is a stock broker.
    """
    implicit = broker_jaas(implicitTokens="true")
    properties = {
        "connections.max.reauth.ms": REAUTHENTICATION_MS,
        **client_auth_required(clients),
        **on_listeners(implicit, ["SASL_PLAINTEXT"], ["SCRAM-SHA-256"]),
    }
    with KafkaBroker(extra_properties=properties, classpath_extra=[JAR]) as broker:
        yield broker
