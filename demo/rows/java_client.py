"""Kafka's Java client, whose token comes from a file and rotates."""

import tempfile
from pathlib import Path

from harness.jvm.clients import Clients
from harness.jvm.jar import jaas
from harness.kafka.properties import SCRAM_MECHANISMS
from harness.source_file import SourceFile

from . import Row


def rows(scene):
    for mechanism in SCRAM_MECHANISMS:

        def run(mechanism=mechanism):
            return _rotate(scene.broker, mechanism)

        yield Row("Java client, jar", mechanism, "token that rotates", "logged in", run)


def _rotate(broker, mechanism):
    """Logs in, has the token removed and replaced, and logs in again by the same line of JAAS."""
    with tempfile.TemporaryDirectory() as directory:
        directory = Path(directory)
        line = jaas(source=f"file:{directory / 'token.json'}")
        with Clients(broker, directory) as clients:
            for name in ("before", "after"):
                token = broker.create_token("User:alice")
                SourceFile(directory / "token.json").write(token)
                clients.open(name, line, mechanism)
                clients.ask(name)
                broker.expire_token(token)
    return "logged in", "before and after the rotation"
