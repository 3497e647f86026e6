"""Brokers for the tests below: one at a time, shared by all the tests of its version."""

import pytest

from harness.kafka.broker import KafkaBroker


@pytest.fixture(scope="session", params=["4.4.0", "3.9.2"])
def broker(request):
    """A broker of the newest version and of the last with the old token code, one by one."""
    with KafkaBroker(request.param) as broker:
        yield broker
