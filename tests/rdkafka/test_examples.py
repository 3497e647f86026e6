"""The C and C++ examples, compiled against Debian's librdkafka and run as a user runs them."""

import os

import pytest

from harness.commands import run, succeed
from harness.compile import WARNINGS
from harness.paths import BUILD, ROOT
from harness.rdkafka.stock import topic

SOURCES = ROOT / "examples" / "librdkafka"


@pytest.fixture(scope="session")
def programs():
    directory = BUILD / "examples"
    directory.mkdir(parents=True, exist_ok=True)
    consume, produce = directory / "consume", directory / "produce"
    succeed(["gcc", "-std=c11", *WARNINGS, SOURCES / "consume.c", "-o", consume, "-lrdkafka"])
    cpp = ["g++", "-std=c++17", *WARNINGS, SOURCES / "produce.cpp", "-o", produce]
    succeed([*cpp, "-lrdkafka++", "-lrdkafka"])
    return consume, produce


def plugin(source):
    path = os.environ["SCRAMTOKEN_LIBRARY"]
    return f"plugin.library.paths={path}", f"scramtoken.source={source.uri}"


def test_produce_and_consume(broker, source, programs):
    consume, produce = programs
    source.write(broker.create_token("User:alice"))
    name = topic()
    succeed([produce, broker.bootstrap(), name, 50, *plugin(source)])
    values = succeed([consume, broker.bootstrap(), name, 50, *plugin(source)])
    assert values.split() == [str(number) for number in range(50)]


def test_a_refusal_is_told(broker, source, programs):
    for program in programs:
        done = run([program, broker.bootstrap(), topic(), 1, *plugin(source)])
        assert done.returncode == 1, done.stderr
        assert "No such file" in done.stderr
