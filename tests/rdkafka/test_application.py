"""C programs: with interceptors and callbacks of their own, and with librdkafka inside them."""

import os
import re
from pathlib import Path

import pytest

from harness.commands import run, succeed
from harness.paths import library
from harness.rdkafka import librdkafka
from harness.rdkafka.programs import EXAMPLE, compile_program, linked_with
from harness.rdkafka.stock import topic

HERE = Path(__file__).parent


LINKS = {
    "debian": lambda: ["-lrdkafka"],
    "wheel": lambda: linked_with(librdkafka.wheels_path()),
}


def properties(broker, source, listener):
    """Handed over, or relayed over TLS."""
    words = [f"plugin.library.paths={library()}", f"scramtoken.source={source.uri}"]
    if listener == "SASL_SSL":
        words += ["security.protocol=SASL_SSL", f"ssl.ca.location={broker.authority.pem}"]
    return words


ONE_BROKER = pytest.mark.parametrize("broker", ["4.4.0"], indirect=True)


@ONE_BROKER
@pytest.mark.parametrize("listener", ["SASL_PLAINTEXT", "SASL_SSL"])
@pytest.mark.parametrize("link", LINKS)
def test_an_applications_own_callbacks(broker, source, link, listener):
    program = compile_program(f"application-{link}", HERE / "application.c", *LINKS[link]())
    source.write(broker.create_token("User:alice"))
    printed = succeed(
        [program, broker.bootstrap(listener), topic(), *properties(broker, source, listener)]
    )
    counts = dict(line.split() for line in printed.splitlines())
    assert "0" not in counts.values(), counts
    assert counts["dr_msg_cb"] == counts["on_send"] == counts["on_acknowledgement"] == "1"


@pytest.fixture(scope="session")
def static():
    """Linker options for Debian's librdkafka.a and what it needs."""
    needed = succeed(["readelf", "-d", librdkafka.debians_path()])
    names = re.findall(r"\(NEEDED\).*\[(.*)\]", needed)
    return ["-l:librdkafka.a", *(f"-l:{name}" for name in names if not name.startswith("ld-"))]


@ONE_BROKER
@pytest.mark.parametrize("listener", ["SASL_PLAINTEXT", "SASL_SSL"])
def test_a_static_librdkafka_whose_functions_are_exported(broker, source, static, listener):
    program = compile_program("consume-exported", EXAMPLE, *static, "-rdynamic")
    name = topic()
    producer = compile_program("application-exported", HERE / "application.c", *static, "-rdynamic")
    source.write(broker.create_token("User:alice"))
    words = properties(broker, source, listener)
    succeed([producer, broker.bootstrap(listener), name, *words])
    assert succeed([program, broker.bootstrap(listener), name, 1, *words]) == "message\n"


def test_a_static_librdkafka_whose_functions_are_not(source, static):
    """Also where another librdkafka is in the process, whose functions are no use to this one."""
    program = compile_program("consume-static", EXAMPLE, *static)
    arguments = ["127.0.0.1:9", "t", 1, f"plugin.library.paths={library()}"]
    for preloaded in ({}, {"LD_PRELOAD": str(librdkafka.debians_path())}):
        done = run([program, *arguments], env={**os.environ, **preloaded})
        assert done.returncode == 2
        assert "must be linked with -rdynamic" in done.stderr
