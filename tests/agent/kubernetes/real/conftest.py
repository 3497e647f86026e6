"""One real API server for all tests, and a namespace for each of them."""

import pytest

from .apiserver import ApiServer

HERE = "tests/agent/kubernetes/real/"


def pytest_collection_modifyitems(items):
    for item in items:
        if HERE in item.path.as_posix():
            item.add_marker(pytest.mark.kubernetes)


@pytest.fixture(scope="session")
def server():
    with ApiServer() as server:
        yield server


@pytest.fixture
def cluster(server, believed):
    server.new_namespace()
    return server


@pytest.fixture(scope="session")
def believed(server, identities):
    """Brokers take what the API server signs."""
    identities.believe(server.jwks())
