"""A broker with short sessions, and token files of which something is to come."""

import time

import pytest

from harness.kafka.broker import KafkaBroker

REAUTHENTICATION_MS = 3000


@pytest.fixture(scope="session")
def broker():
    properties = {"connections.max.reauth.ms": str(REAUTHENTICATION_MS)}
    with KafkaBroker("4.4.0", extra_properties=properties) as broker:
        yield broker


@pytest.fixture
def rotated(broker, source):
    """Replaces the source's token by another one, and ends the first for good."""
    first = broker.create_token("User:alice")
    second = broker.create_token("User:alice")
    source.write(first)

    def rotate():
        source.write(second)
        broker.expire_token(first)

    return rotate


@pytest.fixture
def expired(broker, source):
    """The source holds a token past its end, which the broker lets in until it is swept."""
    token = broker.create_token("User:alice", max_lifetime_ms=1500)
    time.sleep(max(0, token.expiry_ms / 1000 - time.time()) + 0.1)
    return source.write(token)
