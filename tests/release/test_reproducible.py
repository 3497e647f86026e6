"""Built again in another directory by somebody with another umask, a package is the same, byte for
byte: the library, the program, the wheel that has both, and the jar."""

import os
import shutil
import subprocess
import zipfile

import pytest

from harness.commands import environment, succeed
from harness.jvm.jar import VERSION
from harness.paths import ROOT

from .test_wheel import the_wheel

pytestmark = [pytest.mark.release, pytest.mark.timeout(3600)]

HERE = f"linux-{os.uname().machine}"


@pytest.fixture(scope="module")
def again(dist, tmp_path_factory):
    """A clone elsewhere, with this machine's platform built anew and the others as they were."""
    clone = tmp_path_factory.mktemp("elsewhere") / "a clone"
    succeed(["sh", "-c", 'umask 077; git clone --quiet "$0" "$1"', ROOT, clone])
    build = clone / "build"
    build.mkdir()
    shutil.copytree(ROOT / "build" / "venv", build / "venv", symlinks=True)
    for stamp in (".ready", ".dist-tools"):  # its tools are those of this checkout
        (build / "venv" / stamp).touch()
    for platform in (ROOT / "build" / "dist").glob("linux-*"):
        if platform.name != HERE:
            shutil.copytree(platform, build / "dist" / platform.name)
    (clone / "dist").mkdir()
    unwanted = ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "CARGO_TARGET_DIR", "SOURCE_DATE_EPOCH")
    script = f"""
        umask 077
        make PLATFORMS={HERE} dist-platforms
        make dist-bom dist-wheels dist-jar
    """
    done = subprocess.run(
        ["bash", "-euc", script],
        cwd=clone,
        env=environment(without=unwanted),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    return clone


@pytest.mark.parametrize("name", ["libscramtoken.so", "scramtoken"])
def test_what_was_built(again, name):
    path = f"build/dist/{HERE}/{name}"
    assert (again / path).read_bytes() == (ROOT / path).read_bytes()


def test_no_path_of_a_machine_is_in_it(again):
    for name in ("libscramtoken.so", "scramtoken"):
        contents = (again / "build" / "dist" / HERE / name).read_bytes()
        for path in (again, ROOT, os.environ.get("CARGO_HOME", os.path.expanduser("~/.cargo"))):
            assert os.fsencode(path) not in contents, path
        assert b"/registry/src/" not in contents  # whose directory is named after a mirror


@pytest.mark.parametrize("name", [the_wheel("manylinux"), f"scramtoken-kafka-{VERSION}.jar"])
def test_packages(again, dist, name):
    with zipfile.ZipFile(again / "dist" / name) as ours, zipfile.ZipFile(dist / name) as theirs:
        assert ours.namelist() == theirs.namelist()
        for member in ours.namelist():
            assert ours.read(member) == theirs.read(member), member
            ours_is, theirs_is = ours.getinfo(member), theirs.getinfo(member)
            assert ours_is.external_attr == theirs_is.external_attr, member
            assert ours_is.date_time == theirs_is.date_time, member
    assert (again / "dist" / name).read_bytes() == (dist / name).read_bytes()
