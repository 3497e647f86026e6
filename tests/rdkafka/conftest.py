"""Brokers for the tests here, one version at a time, and token files."""

import json
import os

import pytest

from tests.kafka.broker import KafkaBroker

# The newest and the oldest; what lies between takes as long again.
VERSIONS = ("4.4.0", pytest.param("4.1.1", marks=pytest.mark.long), "3.9.2")


@pytest.fixture(scope="session", params=VERSIONS)
def broker(request):
    """A stock broker with tokens."""
    with KafkaBroker(request.param) as broker:
        yield broker


@pytest.fixture
def source(tmp_path):
    """A token file: source.write(token) makes or replaces it, source.uri names it."""
    return SourceFile(tmp_path / "token.json")


class SourceFile:
    def __init__(self, path):
        self.path = path
        self.uri = f"file:{path}"

    def write(self, token):
        return self.write_fields(token_id=token.id, hmac=token.hmac)

    def write_fields(self, **fields):
        fresh = self.path.with_suffix(".new")
        with open(os.open(fresh, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "w") as file:
            json.dump(fields, file)
        fresh.rename(self.path)
        return self
