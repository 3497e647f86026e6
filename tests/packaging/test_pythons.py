"""The wheel on other Pythons than the one that runs the tests: the package's own tests and the
login example, with the package and the library that pip installed."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from harness.commands import environment
from harness.kafka.stand_in import StandInBroker, honest
from harness.paths import ROOT

pytestmark = [pytest.mark.long, pytest.mark.timeout(1800)]

TESTS = ROOT / "python" / "tests"
LOGIN = ROOT / "examples" / "python" / "login.py"
OLDEST = (3, 9)
REQUIREMENTS = re.findall(
    r"^pytest\S*==\S+$", (ROOT / "tests" / "requirements.txt").read_text(), flags=re.MULTILINE
)


def run(argv, **options):
    argv = [str(word) for word in argv]
    done = subprocess.run(
        argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def other_pythons():
    """Interpreters by version: what PATH has, and what pyenv has built."""
    found = [shutil.which(f"python3.{minor}") for minor in range(OLDEST[1], 20)]
    if shutil.which("pyenv"):
        versions = Path(run(["pyenv", "root"]).strip(), "versions")
        found += [*versions.glob("*/bin/python3")]
    pythons = {}
    for path in filter(None, found):
        tell = "import sys; print(sys.implementation.name, *sys.version_info[:2])"
        done = subprocess.run([path, "-c", tell], capture_output=True, text=True)
        name, *version = done.stdout.split() or [""]
        version = tuple(map(int, version))
        if name == "cpython" and OLDEST <= version != sys.version_info[:2]:
            pythons.setdefault(version, path)
    return pythons


def clean_environment(**variables):
    unwanted = ("SCRAMTOKEN_LIBRARY", "PYTHONPATH", "VIRTUAL_ENV")
    return environment(without=unwanted, **variables)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    directory = tmp_path_factory.mktemp("wheel")
    run([sys.executable, "-m", "pip", "wheel", "--no-deps", "-w", directory, ROOT / "python"])
    (path,) = directory.iterdir()
    return path


def test_the_packages_tests_on_every_other_python(wheel, tmp_path):
    pythons = other_pythons()
    assert pythons, "no CPython from 3.9 on but the one that runs the tests: install some by pyenv"
    for version, interpreter in sorted(pythons.items()):
        venv = tmp_path / "{}.{}".format(*version)
        run([interpreter, "-m", "venv", venv])
        python = venv / "bin" / "python"
        quiet = ["--quiet", "--disable-pip-version-check"]
        run([python, "-m", "pip", "install", *quiet, wheel, *REQUIREMENTS])
        where = "import scramtoken; print(scramtoken.__path__[0])"
        installed = Path(run([python, "-c", where], env=clean_environment(), cwd=venv).strip())
        library = installed / "_native" / "libscramtoken.so"
        assert venv in installed.parents and library.exists()
        # Not this tree's configuration, which would put its python/ before what was installed.
        options = ["-c", os.devnull, "--rootdir", TESTS, "--confcutdir", TESTS]
        options += ["-p", "no:cacheprovider", "-W", "error", "--timeout", "120"]
        options += ["--ignore", TESTS / "test_wheel.py"]  # about building it
        clean = clean_environment(SCRAMTOKEN_LIBRARY=str(library))
        printed = run([python, "-m", "pytest", "-q", *options, TESTS], env=clean, cwd=venv)
        print("{}.{}:".format(*version), printed.splitlines()[-1])
        assert re.search(r"\d{3,} passed in", printed), printed
        assert "skipped" not in printed, printed
        with StandInBroker(honest("wonderland")) as broker:
            login = [python, LOGIN, "--host=127.0.0.1", f"--port={broker.port}", "--user=alice"]
            printed = run(login, env=clean | {"SCRAMTOKEN_SECRET": "wonderland"}, cwd=venv)
        assert "logged in as alice" in printed, printed
