"""The packages that `make dist` has made, and one broker for all who install them."""

import json
from pathlib import Path

import pytest

from harness.commands import succeed
from harness.kafka.broker import KafkaBroker
from harness.paths import ROOT

DIST = ROOT / "dist"


@pytest.fixture(scope="session")
def dist():
    """The directory with the packages."""
    assert (DIST / "SHA256SUMS").exists(), "run `make dist` first"
    built = (ROOT / "build" / "dist" / "commit").read_text()
    assert built == succeed(["git", "rev-parse", "HEAD"], cwd=ROOT), "dist/ is of another commit"
    return DIST


@pytest.fixture(scope="session")
def broker():
    with KafkaBroker() as broker:
        yield broker


@pytest.fixture
def token(broker):
    return broker.create_token("User:alice")


def write_token(path, token):
    """A token file, for its owner alone."""
    path = Path(path)
    path.touch(0o600)
    path.write_text(json.dumps({"token_id": token.id, "hmac": token.hmac}))
    return path
