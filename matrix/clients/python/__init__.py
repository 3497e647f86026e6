"""Clients for Python: confluent-kafka with the plugin, kafka-python and aiokafka with adapters."""

import sys
from importlib import metadata
from pathlib import Path

from harness.rdkafka import librdkafka

from ...cells import IMPLICIT, LIBRARY, PASSWORD
from .. import Client

_HERE = Path(__file__).parent


def clients():
    yield _client("confluent-kafka", lambda: f" (librdkafka {librdkafka.wheels().version})")
    yield _client("kafka-python")
    yield _client("aiokafka")


def _client(name, also=lambda: ""):
    return Client(
        name,
        lambda: f"{name} {metadata.version(name)}{also()}",
        (PASSWORD, LIBRARY, IMPLICIT),
        lambda: [sys.executable, _HERE / f"on_{name.replace('-', '_')}.py"],
    )
