"""Our server of the C API on a store that has users for whoever comes."""

import pytest

import scramtoken
from harness.example_server import ExampleServer


@pytest.fixture(scope="module")
def uri(tmp_path_factory):
    return f"lmdb:{tmp_path_factory.mktemp('peers') / 'store'}"


@pytest.fixture(scope="module")
def store(uri):
    with scramtoken.Store.open(uri) as store:
        yield store


@pytest.fixture(scope="module")
def server(uri, store):
    with ExampleServer(uri) as server:
        yield server
