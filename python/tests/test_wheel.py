"""The wheel, built and installed as a user does: with pip, in a clean virtual environment."""

import os
import subprocess
import venv
import zipfile

import pytest
from exchange import ROOT

LOGIN = """
import os, scramtoken
from scramtoken import _library
assert "SCRAMTOKEN_LIBRARY" not in os.environ
credential = scramtoken.derive("SCRAM-SHA-256", "pencil", b"salt", 4096)
config = scramtoken.ServerConfig(lookup=lambda *_: scramtoken.User(credential))
server = scramtoken.Server(config, "SCRAM-SHA-256")
with scramtoken.Client("SCRAM-SHA-256", username="user", password="pencil") as client:
    message = client.step()
    while message:
        message = client.step(server.step(message))
assert server.verdict
print(scramtoken.__file__)
"""


@pytest.fixture(scope="module")
def clean(tmp_path_factory):
    """A virtual environment's python, and an environment without the checkout's settings."""
    directory = tmp_path_factory.mktemp("venv")
    venv.create(directory, with_pip=True)
    environment = dict(os.environ)
    for name in ("SCRAMTOKEN_LIBRARY", "PYTHONPATH"):
        environment.pop(name, None)

    def run(*arguments):
        done = subprocess.run(
            [directory / "bin" / "python", *arguments],
            cwd=directory,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert done.returncode == 0, done.stdout
        return done.stdout

    return run


@pytest.fixture(scope="module")
def wheel(clean, tmp_path_factory):
    directory = tmp_path_factory.mktemp("wheel")
    clean("-m", "pip", "--quiet", "wheel", "--no-deps", "-w", directory, ROOT / "python")
    (path,) = directory.iterdir()
    return path


@pytest.mark.timeout(900)  # from scratch, cargo takes minutes
def test_wheel_is_for_any_python_3_of_the_platform(wheel):
    name, version, python, abi, platform = wheel.stem.split("-")
    assert (name, python, abi) == ("scramtoken", "py3", "none")
    assert platform == f"linux_{os.uname().machine}"


def test_wheel_holds_library_types_and_licences(wheel):
    archive = zipfile.ZipFile(wheel)
    names = archive.namelist()
    assert "scramtoken/_native/libscramtoken.so" in names
    assert "scramtoken/py.typed" in names
    for licence in ("LICENSE-MIT", "LICENSE-APACHE", "LICENSE-LMDB", "THIRD-PARTY"):
        (name,) = (name for name in names if name.endswith(f".dist-info/licenses/{licence}"))
        assert archive.read(name) == (ROOT / licence).read_bytes()
    assert not [name for name in names if "test" in name or "__pycache__" in name]
    sources = {path.name for path in (ROOT / "python" / "scramtoken").glob("*.py")}
    assert {name.split("/")[1] for name in names if name.endswith(".py")} == sources


def test_installed_wheel_logs_in(clean, wheel):
    clean("-m", "pip", "--quiet", "install", "--no-deps", wheel)
    assert "site-packages" in clean("-W", "error", "-c", LOGIN)


def test_auditwheel_finds_nothing_foreign(clean, wheel):
    clean("-m", "pip", "--quiet", "install", "auditwheel")
    shown = clean("-m", "auditwheel", "show", wheel)
    shown = " ".join(shown.split())
    assert 'is consistent with the following platform tag: "manylinux_2_' in shown, shown
