"""What is started for each cell: Kafka's own tools, kcat, and C and C++ on Debian's librdkafka."""

import functools
import os
import re
import sys

from harness.commands import run, succeed
from harness.compile import WARNINGS
from harness.kafka.jars import CACHE, TOOLS, VERSIONS, broker_classpath, classpath
from harness.paths import ROOT
from harness.rdkafka import librdkafka

from ..cells import EXTENSION, IMPLICIT, LIBRARY, PASSWORD
from . import Client

_WORKER = ROOT / "matrix" / "clients" / "python" / "on_commands.py"
_EXAMPLES = ROOT / "examples" / "librdkafka"
_ON_LIBRDKAFKA = (PASSWORD, LIBRARY, IMPLICIT)


def clients():
    for version in reversed(sorted(VERSIONS)):
        yield Client(
            f"Kafka's tools {TOOLS[version]}",
            lambda version=version: f"kafka-tools {TOOLS[version]}",
            (PASSWORD, EXTENSION),
            lambda version=version: _tools(version),
        )
    yield Client("kcat", _kcat_version, _ON_LIBRDKAFKA, lambda: _worker("kcat"))
    yield Client(
        "C and C++, librdkafka 2.0.2",
        lambda: f"librdkafka {librdkafka.debians().version} (Debian)",
        _ON_LIBRDKAFKA,
        lambda: _worker("examples", *_examples()),
    )


def _worker(*arguments):
    return [sys.executable, _WORKER, *arguments]


def _tools(version):
    """kafka-console-producer.sh and kafka-console-consumer.sh."""
    artifacts = [
        ("org.apache.kafka", "kafka-tools", TOOLS[version], False),
        ("org.apache.kafka", "kafka-tools-api", TOOLS[version], True),
        ("org.apache.kafka", "kafka-server-common", TOOLS[version], True),
    ]
    title = f"Kafka {TOOLS[version]} (console tools)"
    jars = classpath(CACHE / version / "console", artifacts, title)
    producer = "org.apache.kafka.tools.ConsoleProducer"
    if version.startswith("3."):  # where the producer is in the broker's jar still
        jars = os.pathsep.join((jars, broker_classpath(version)))
        producer = "kafka.tools.ConsoleProducer"
    options = ("--producer.config", "--consumer.config")
    if version == "4.4.0":  # Kafka 4.2 gave all tools the same one, and warns of these
        options = ("--command-config", "--command-config")
    return _worker("tools", jars, producer, *options)


def _kcat_version():
    told = run(["kcat", "-V"]).stdout
    return "kcat {} (librdkafka {})".format(
        re.search(r"Version (\S+)", told)[1], re.search(r"librdkafka (\S+)", told)[1]
    )


@functools.cache
def _examples():
    """The programs of examples/librdkafka."""
    directory = ROOT / "build" / "matrix"
    directory.mkdir(parents=True, exist_ok=True)
    produce, consume = directory / "produce", directory / "consume"
    gcc = ["gcc", "-std=c11", *WARNINGS, _EXAMPLES / "consume.c", "-o", consume]
    succeed([*gcc, "-lrdkafka"])
    cpp = ["g++", "-std=c++17", *WARNINGS, _EXAMPLES / "produce.cpp", "-o", produce]
    succeed([*cpp, "-lrdkafka++", "-lrdkafka"])
    return produce, consume
