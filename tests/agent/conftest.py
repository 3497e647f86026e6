"""One broker whose tokens live for seconds, for the tests that need no more."""

import pytest

from harness.kafka.broker import KafkaBroker


def lifetimes(expiry_s, max_s):
    """A broker's properties. Kafka sweeps hourly, as everywhere."""
    return {
        "delegation.token.expiry.time.ms": 1000 * expiry_s,
        "delegation.token.max.lifetime.ms": 1000 * max_s,
    }


@pytest.fixture(scope="session")
def broker():
    """Expiry 10 s, maximum 30 s."""
    with KafkaBroker("4.4.0", extra_properties=lifetimes(10, 30)) as broker:
        yield broker
