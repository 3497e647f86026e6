"""The source archives, as somebody uses them who builds without a network."""

import os
import subprocess
import tarfile

import pytest

from harness.commands import succeed
from harness.paths import ROOT

from .test_dist import NAME

pytestmark = [pytest.mark.release, pytest.mark.timeout(1200)]


@pytest.fixture(scope="module")
def unpacked(dist, tmp_path_factory):
    directory = tmp_path_factory.mktemp("source")
    for archive in (f"{NAME}.tar.gz", f"{NAME}-vendor.tar.xz"):
        with tarfile.open(dist / archive) as file:
            assert {name.split("/")[0] for name in file.getnames()} == {NAME}
            file.extractall(directory)
    return directory / NAME


def test_is_what_is_committed(unpacked):
    lines = succeed(["git", "ls-tree", "-r", "HEAD"], cwd=ROOT).splitlines()
    committed = {name: state.split()[2] for state, name in (line.split("\t") for line in lines)}
    found = {
        str(path.relative_to(unpacked))
        for path in unpacked.rglob("*")
        if path.is_file() or path.is_symlink()
    }
    found = {name for name in found if not name.startswith(("vendor/", ".cargo/"))}
    assert found == committed.keys()
    files = [name for name in sorted(found) if not (unpacked / name).is_symlink()]
    hashes = succeed(["git", "hash-object", "--no-filters", "--", *files], cwd=unpacked).split()
    assert hashes == [committed[name] for name in files]


def test_builds_offline(unpacked, tmp_path):
    """In a network namespace with nothing in it, and with a Cargo that has fetched nothing."""
    environment = os.environ | {"CARGO_HOME": str(tmp_path / "cargo")}
    environment.pop("CARGO_TARGET_DIR", None)
    command = ["unshare", "--net", "--map-root-user", "cargo", "build", "--frozen", "--lib"]
    done = subprocess.run(
        [*command, "--features", "capi,jni,rdkafka"],
        cwd=unpacked,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert (unpacked / "target" / "debug" / "libscramtoken.so").exists()
