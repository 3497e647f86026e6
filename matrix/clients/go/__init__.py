"""Clients in Go: franz-go and sarama with the recipes of examples/go, and kafka-go."""

import functools
import os
import re
import subprocess
from pathlib import Path

from harness.paths import ROOT

from ...cells import EXTENSION, IMPLICIT, PASSWORD
from .. import Client

_HERE = Path(__file__).parent


def clients():
    yield _client("franz-go", "github.com/twmb/franz-go", EXTENSION)
    yield _client("sarama", "github.com/IBM/sarama", EXTENSION)
    yield _client("kafka-go", "github.com/segmentio/kafka-go", IMPLICIT)


def _client(name, module, token):
    pinned = re.search(rf"{module} (v\S+)", (_HERE / "go.mod").read_text())[1]
    return Client(
        name,
        lambda: f"{name} {pinned}",
        (PASSWORD, token),
        lambda: [_built() / name],
    )


@functools.cache
def _built():
    """The directory of the programs."""
    directory = ROOT / "build" / "matrix" / "go"
    directory.mkdir(parents=True, exist_ok=True)
    argv = ["go", "build", "-p", "2", "-o", directory, "./franz-go", "./sarama", "./kafka-go"]
    subprocess.run(argv, cwd=_HERE, env=os.environ | {"CGO_ENABLED": "0"}, check=True)
    return directory
