"""`scramtoken doctor` on a cluster whose brokers have different secret keys."""

import tempfile
from pathlib import Path

from harness.kafka.broker import KafkaBroker
from harness.kafka.cli import client_config, scramtoken
from harness.kafka.properties import ADMIN, USERS

from . import Row

_CAUSE = "delegation.token.secret.key differs"


def rows(scene):
    yield Row("doctor", "SCRAM-SHA-512", "two secret keys", "names the cause", _diagnose)


def _diagnose():
    """A second broker that cannot honour the tokens of the first."""
    other_key = {2: {"delegation.token.secret.key": "another"}}
    with (
        KafkaBroker("4.4.0", nodes=2, node_properties=other_key) as broken,
        tempfile.TemporaryDirectory() as directory,
    ):
        config = client_config(Path(directory) / "admin.properties", ADMIN, USERS[ADMIN])
        where = ["--bootstrap-server", broken.bootstrap(), "--command-config", config]
        done = scramtoken("doctor", *where)
        first = done.stdout.splitlines()[0] if done.stdout else done.stderr
        return "names the cause" if done.returncode == 4 and _CAUSE in first else "does not", first
