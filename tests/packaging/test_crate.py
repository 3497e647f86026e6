"""The crate: which Rust compiles it, and what `cargo package` would give to others."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from harness.commands import succeed
from harness.paths import ROOT

from .test_install import VERSION

HERE = Path(__file__).parent
CARGO = os.environ.get("CARGO", "cargo")
BUILD = ROOT / "build" / "crate"

CARGO_TOML = """
[package]
name = "crate-user"
edition = "2024"

[dependencies]
scramtoken = {{ path = "{path}" }}

[profile.dev]
debug = false
"""


def cargo(*arguments, **options):
    return succeed([CARGO, *arguments], **options)


@pytest.mark.builds
@pytest.mark.timeout(1800)
def test_the_oldest_rust_compiles_it():
    manifest = (ROOT / "Cargo.toml").read_text()
    (oldest,) = re.findall(r'^rust-version = "(.*)"$', manifest, flags=re.MULTILINE)
    check = ["cargo", "check", "--lib", "--bins", "--all-features", "--locked"]
    check += ["--target-dir", BUILD / "oldest"]
    done = subprocess.run(["rustup", "run", oldest, *check], cwd=ROOT, stderr=subprocess.PIPE)
    assert done.returncode == 0, done.stderr.decode()


@pytest.fixture(scope="module")
def package():
    """What would be published, unpacked."""
    cargo("package", "--no-verify", "--allow-dirty", "--locked", "--target-dir", BUILD, cwd=ROOT)
    directory = BUILD / f"scramtoken-{VERSION}"
    shutil.rmtree(directory, ignore_errors=True)
    succeed(["tar", "-xzf", BUILD / "package" / f"{directory.name}.crate", "-C", BUILD])
    return directory


def test_package_holds_sources_header_and_licences(package):
    files = {str(path.relative_to(package)) for path in package.rglob("*") if path.is_file()}
    # Texts that sources include are sources, too.
    paths = [path for path in (ROOT / "src").rglob("*") if path.suffix in {".rs", ".txt"}]
    sources = {str(path.relative_to(ROOT)) for path in paths}
    assert {name for name in files if name.startswith("src/")} == sources
    assert files >= {"include/scramtoken.h", "build.rs", "README.md", "CHANGELOG.md"}
    for licence in ("LICENSE-MIT", "LICENSE-APACHE"):
        assert (package / licence).read_bytes() == (ROOT / licence).read_bytes()
    assert not [name for name in files if name.startswith(("tests", "java", "python", "build/"))]


@pytest.fixture
def program(package, tmp_path):
    """A program of someone else's that depends on the package, as after `cargo add`."""
    (tmp_path / "Cargo.toml").write_text(CARGO_TOML.format(path=package))
    (tmp_path / "src").mkdir()
    shutil.copyfile(HERE / "crate_user.rs", tmp_path / "src" / "main.rs")
    shutil.copyfile(ROOT / "Cargo.lock", tmp_path / "Cargo.lock")  # the versions that are tested
    return tmp_path


def test_a_program_depends_on_the_package(program):
    printed = cargo("run", "--quiet", "--target-dir", BUILD, cwd=program)
    assert printed == "alice by token-1\n"


def test_the_package_brings_no_c_no_tls_and_no_jvm(program):
    tree = cargo("tree", "--edges", "normal,build", "--prefix", "none", cwd=program)
    crates = {line.split()[0] for line in tree.splitlines()}
    assert crates >= {"scramtoken", "sha2", "rustix", "serde_json"}
    compilers = {"bindgen", "cc", "cmake", "pkg-config", "vcpkg"}
    assert not crates & {*compilers, "clap", "heed", "jni", "kafka-protocol", "ring", "rustls"}


def test_every_recipe_builds_the_same_library():
    """A library without a door's feature would load, and then lack what that door exports."""
    (doors,) = re.findall(r"^DOORS := (.*)$", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)
    setup = (ROOT / "python" / "setup.py").read_text()
    assert re.findall(r'"--features",\s*"(.*?)"', setup) == [doors, "cli"]  # and the program
    named = re.findall(r"cdylib --features (\S+)", (ROOT / "docs" / "platforms.md").read_text())
    assert named and set(named) == {doors}
