"""The wheels: what is in each, and one in a fresh virtual environment, as after pip install."""

import os
import re
import subprocess
import venv
import zipfile

import pytest

from harness import elf
from harness.commands import environment, succeed
from harness.compile import WARNINGS
from harness.kafka.cli import client_config
from harness.kafka.properties import USERS
from harness.paths import ROOT

from .conftest import write_token
from .test_dist import FILES, NAME

pytestmark = [pytest.mark.release, pytest.mark.timeout(600)]

WHEELS = sorted(name for name in FILES if name.endswith(".whl"))
NATIVE = "scramtoken/_native/libscramtoken.so"
SCRIPT = f"{NAME}.data/scripts/scramtoken"
INFORMATION = f"{NAME}.dist-info"
MEGABYTE = 1 << 20


def architecture(name):
    return "aarch64" if "aarch64" in name else "x86_64"


def the_wheel(libc):
    (name,) = (name for name in WHEELS if libc in name and architecture(name) == os.uname().machine)
    return name


@pytest.fixture
def unpacked(dist, tmp_path):
    def unpack(name):
        with zipfile.ZipFile(dist / name) as wheel:
            wheel.extractall(tmp_path)
        return tmp_path

    return unpack


@pytest.mark.parametrize("name", WHEELS)
def test_what_is_in_it(dist, unpacked, name):
    directory = unpacked(name)
    library, program = directory / NATIVE, directory / SCRIPT
    assert elf.machine(library) == elf.machine(program) == architecture(name)
    if "musl" in name:
        assert elf.needed(library) == {f"libc.musl-{architecture(name)}.so.1"}
        assert elf.needed(program) == set() and elf.interpreter(program) is None
    else:
        libc = {"libc.so.6", "libm.so.6", "libdl.so.2", "libpthread.so.0", "librt.so.1"}
        loader = {"ld-linux-x86-64.so.2", "ld-linux-aarch64.so.1"}
        for path in (library, program):
            assert elf.needed(path) <= libc | loader, path
            assert elf.glibc(path) <= (2, 17), path
    for licence in ("LICENSE-MIT", "LICENSE-APACHE", "LICENSE-LMDB", "THIRD-PARTY"):
        text = (directory / INFORMATION / "licenses" / licence).read_bytes()
        assert text == (ROOT / licence).read_bytes()
    for what in ("library", "program"):
        bom = f"{NAME}-{what}.cdx.json"
        assert (directory / INFORMATION / "sboms" / bom).read_bytes() == (dist / bom).read_bytes()
    assert (dist / name).stat().st_size < 8 * MEGABYTE
    with zipfile.ZipFile(dist / name) as wheel:
        assert wheel.getinfo(SCRIPT).external_attr >> 16 & 0o777 == 0o755
        sources = {name for name in wheel.namelist() if name.endswith(".py")}
    package = ROOT / "python" / "scramtoken"
    assert sources == {f"scramtoken/{path.name}" for path in package.glob("*.py")}


# ---- installed ----

BY_PLUGIN = """
import sys
from confluent_kafka.admin import AdminClient
from scramtoken import confluent_config

bootstrap, source = sys.argv[1:]
client = AdminClient(confluent_config(
    {"bootstrap.servers": bootstrap, "security.protocol": "SASL_PLAINTEXT"}, source
))
print(len(client.list_topics(timeout=30).brokers), "broker")
"""


@pytest.fixture(scope="module")
def installed(dist, tmp_path_factory):
    """Runs a program of a virtual environment that has the wheel and confluent-kafka."""
    directory = tmp_path_factory.mktemp("venv")
    venv.create(directory, with_pip=True)
    unwanted = ("SCRAMTOKEN_LIBRARY", "PYTHONPATH", "VIRTUAL_ENV")

    def run(program, *arguments, **variables):
        done = subprocess.run(
            [directory / "bin" / program, *map(str, arguments)],
            cwd=directory,
            env=environment(without=unwanted, **variables),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert done.returncode == 0, done.stdout
        return done.stdout

    requirements = (ROOT / "tests" / "requirements.txt").read_text().split()
    confluent = [line for line in requirements if line.startswith("confluent-kafka")]
    run("pip", "--quiet", "install", dist / the_wheel("manylinux"), *confluent)
    return run


def test_pip_knows_the_version(installed):
    shown = installed("pip", "show", "scramtoken")
    assert f"Version: {NAME.removeprefix('scramtoken-')}\n" in shown
    installed("pip", "check")


def test_the_program_logs_in(installed, broker, tmp_path):
    assert installed("scramtoken", "--version") == f"{NAME.replace('-', ' ')}\n"
    config = client_config(tmp_path / "alice", "alice", USERS["alice"])
    options = ["--bootstrap-server", broker.bootstrap(), "--command-config", config]
    assert 'logged in as the user "alice"' in installed("scramtoken", "login", *options)


def test_a_client_logs_in(installed, broker, token):
    host, port = broker.address("SASL_PLAINTEXT")
    example = ROOT / "examples" / "python" / "login.py"
    options = ["--host", host, "--port", port, "--mechanism", "SCRAM-SHA-512"]
    said = installed(
        "python", example, *options, "--token-id", token.id, SCRAMTOKEN_SECRET=token.hmac
    )
    assert re.fullmatch(r"logged in.*\n", said), said


def test_the_plugin_logs_in(installed, broker, token, tmp_path):
    source = write_token(tmp_path / "token.json", token)
    said = installed("python", "-c", BY_PLUGIN, broker.bootstrap(), f"file:{source}")
    assert said == "1 broker\n"


# ---- musl ----


def test_the_library_for_musl_logs_in(unpacked, broker, token, tmp_path):
    """No Python for musl is to be had here: a C program linked with musl opens the library."""
    library = unpacked(the_wheel("musllinux")) / NATIVE
    program = tmp_path / "login"
    flags = ["-std=c11", *WARNINGS, "-O1", "-I", ROOT / "include"]
    succeed(["musl-gcc", *flags, ROOT / "examples" / "c" / "login.c", "-o", program, "-ldl"])
    host, port = broker.address("SASL_PLAINTEXT")
    options = ["--library", library, "--host", host, "--port", port]
    options += ["--mechanism", "SCRAM-SHA-512", f"--token-id={token.id}"]
    said = succeed([program, *options], env=os.environ | {"SCRAMTOKEN_SECRET": token.hmac})
    assert "logged in" in said
