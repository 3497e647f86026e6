"""The jar of a release: four platforms' libraries, and brokers that work with this machine's."""

import zipfile

import pytest

from harness import elf
from harness.commands import succeed
from harness.jvm.jar import VERSION, broker_jaas, on_listeners
from harness.kafka.broker import KafkaBroker
from harness.kafka.cli import client_config
from harness.paths import ROOT

from .conftest import write_token
from .test_program import HERE, unpack

pytestmark = [pytest.mark.release, pytest.mark.timeout(600)]

PLATFORMS = ["linux-x86_64", "linux-aarch64", "linux-x86_64-musl", "linux-aarch64-musl"]


@pytest.fixture(scope="module")
def jar(dist):
    return dist / f"scramtoken-kafka-{VERSION}.jar"


def test_what_is_in_it(jar, dist, tmp_path):
    libraries = {f"META-INF/native/{platform}/libscramtoken.so": platform for platform in PLATFORMS}
    with zipfile.ZipFile(jar) as file:
        names = {name for name in file.namelist() if not name.endswith("/")}
        native = {name for name in names if name.startswith("META-INF/native/")}
        assert native == {*libraries, "META-INF/native/version"}
        for name, platform in libraries.items():
            library = tmp_path / platform
            library.write_bytes(file.read(name))
            assert elf.machine(library) == platform.split("-")[1]
            musl = [name for name in elf.needed(library) if name.startswith("libc.musl-")]
            assert bool(musl) == platform.endswith("-musl")
        bom = f"scramtoken-{VERSION}-library.cdx.json"
        assert file.read(f"META-INF/sbom/{bom}") == (dist / bom).read_bytes()
        for licence in ("LICENSE-MIT", "LICENSE-APACHE", "LICENSE-LMDB", "THIRD-PARTY"):
            assert file.read(f"META-INF/{licence}") == (ROOT / licence).read_bytes()
    for kind in ("sources", "javadoc"):
        with zipfile.ZipFile(jar.with_name(f"{jar.stem}-{kind}.jar")) as file:
            assert not [name for name in file.namelist() if name.endswith((".so", ".cdx.json"))]


@pytest.mark.parametrize("version", ["4.4.0", "3.9.2"])
def test_a_broker(dist, jar, version, tmp_path):
    """Its own login, a user's and a token's, by the jar alone on its class path."""
    line = broker_jaas(audit="true")
    with KafkaBroker(version, extra_properties=on_listeners(line), classpath_extra=[jar]) as broker:
        token = broker.create_token("User:alice")
        source = write_token(tmp_path / "token.json", token)
        config = client_config(tmp_path / "nobody", "nobody", "x")
        where = ["--bootstrap-server", broker.bootstrap(), "--command-config", config]
        program = unpack(dist, HERE, tmp_path) / "scramtoken"
        succeed([program, "login", *where, "--source", f"file:{source}"])
        assert f'"token_id":"{token.id}"' in broker.log()
