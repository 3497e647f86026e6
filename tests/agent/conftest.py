"""One broker whose tokens live for seconds, for the tests that need no more."""

import pytest

from harness.kafka.access_tokens import Identities
from harness.kafka.primary_logins import broker_with, oauthbearer


def lifetimes(expiry_s, max_s):
    """A broker's properties. Kafka sweeps hourly, as everywhere."""
    return {
        "delegation.token.expiry.time.ms": 1000 * expiry_s,
        "delegation.token.max.lifetime.ms": 1000 * max_s,
    }


@pytest.fixture(scope="session")
def identities(tmp_path_factory):
    """Who signs the access tokens that `broker` takes."""
    return Identities(tmp_path_factory.mktemp("identities"))


@pytest.fixture(scope="session")
def broker(identities):
    """Expiry 10 s, maximum 30 s; logins by OAUTHBEARER, too."""
    with broker_with(
        oauthbearer(identities), host="127.0.0.1", extra_properties=lifetimes(10, 30)
    ) as broker:
        yield broker
