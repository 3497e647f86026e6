"""confluent-kafka-go, in the ways that it can be built: which of them take the plugin."""

import os
import subprocess

import pytest

from harness.commands import run, succeed
from harness.paths import BUILD, library

pytestmark = [
    pytest.mark.long,
    pytest.mark.timeout(900),  # what is built first takes a minute or two
    pytest.mark.parametrize("broker", ["4.4.0"], indirect=True),
    pytest.mark.parametrize("listener", ["SASL_PLAINTEXT", "SASL_SSL"]),
]
SOURCES = os.path.join(os.path.dirname(__file__), "go")


@pytest.fixture(scope="module")
def build():
    """build(name, ...) compiles main.go with these options."""
    built = {}

    def build(name, *options):
        if name not in built:
            built[name] = BUILD / "rdkafka" / f"go-{name}"
            argv = ["go", "build", "-p", "2", "-o", built[name], *options, "."]
            environment = {**os.environ, "CGO_ENABLED": "1"}
            subprocess.run(argv, cwd=SOURCES, env=environment, check=True)
        return built[name]

    return build


def arguments(broker, source, listener):
    source.write(broker.create_token("User:alice"))
    words = [f"plugin.library.paths={library()}", f"scramtoken.source={source.uri}"]
    if listener == "SASL_SSL":
        words += ["security.protocol=SASL_SSL", f"ssl.ca.location={broker.authority.pem}"]
    return [broker.bootstrap(listener), *words]


def test_the_librdkafka_that_comes_with_it(broker, source, listener, build):
    """It is in the program, whose functions are exported."""
    program = build("exported", "-ldflags=-linkmode=external -extldflags=-rdynamic")
    assert succeed([program, *arguments(broker, source, listener)]).startswith("2.11.1")


def test_debians_librdkafka(broker, source, listener, build):
    """A shared library; confluent-kafka-go wants its own version of it, or a newer one."""
    program = build("dynamic", "-modfile=debian.mod", "-tags=dynamic")
    assert succeed([program, *arguments(broker, source, listener)]).startswith("2.0.2")


def test_what_go_builds_by_itself_is_refused(broker, source, listener, build):
    done = run([build("default"), *arguments(broker, source, listener)])
    assert done.returncode == 1
    assert "must be linked with -rdynamic" in done.stderr
