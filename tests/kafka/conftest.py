"""Brokers for the tests below: one at a time, shared by all the tests of its version."""

import pytest

from harness.kafka.access_tokens import Identities
from harness.kafka.broker import KafkaBroker
from harness.kafka.kdc import Kdc
from harness.kafka.primary_logins import broker_with, kerberos, oauthbearer


@pytest.fixture(scope="session", params=["4.4.0", "3.9.2"])
def broker(request):
    """A broker of the newest version and of the last with the old token code, one by one."""
    with KafkaBroker(request.param) as broker:
        yield broker


@pytest.fixture(scope="session")
def identities(tmp_path_factory):
    """Who signs the access tokens that `every_login` takes."""
    return Identities(tmp_path_factory.mktemp("identities"))


@pytest.fixture(scope="session")
def kdc():
    with Kdc() as kdc:
        kdc.add("alice")
        yield kdc


@pytest.fixture(scope="session")
def every_login(identities, kdc):
    """A broker that takes every primary login there is, side by side."""
    with broker_with(kerberos(kdc), oauthbearer(identities)) as broker:
        yield broker
