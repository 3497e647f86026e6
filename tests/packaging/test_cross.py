"""The library for other platforms: built by the lines of docs/platforms.md, and put to the unit
tests and the C tests there."""

import os
import re
import subprocess
from dataclasses import dataclass, field

import pytest

from harness import elf
from harness.commands import succeed
from harness.compile import WARNINGS
from harness.paths import ROOT

from .platforms import DOCUMENT, glibc_documented

pytestmark = [pytest.mark.builds, pytest.mark.timeout(1800)]

SOURCES = ROOT / "tests" / "c"
BUILD = ROOT / "build" / "cross"
PROGRAMS = sorted(path.stem for path in SOURCES.glob("test_*.c"))


@dataclass
class Target:
    name: str
    compiler: str
    runner: "list[str]" = field(default_factory=list)
    libraries: str = ""
    without: "set[str]" = field(default_factory=set)


TARGETS = [
    Target(
        "aarch64-unknown-linux-gnu",
        "aarch64-linux-gnu-gcc",
        # By its loader: where QEMU is told of a sysroot, a program that opens / gets that.
        runner=["qemu-aarch64", "/usr/aarch64-linux-gnu/lib/ld-linux-aarch64.so.1"],
        libraries="/usr/aarch64-linux-gnu/lib",
    ),
    Target(
        "x86_64-unknown-linux-musl",
        "musl-gcc",
        without={"test_boundary"},  # uses glibc's mallinfo2
    ),
]


def environment(target, **variables):
    upper = target.name.upper().replace("-", "_")
    if target.libraries:
        path = [variables.get("LD_LIBRARY_PATH"), target.libraries]
        # Of QEMU too, whose loader passes over libraries of another machine.
        variables["LD_LIBRARY_PATH"] = ":".join(filter(None, path))
    if target.runner:
        variables[f"CARGO_TARGET_{upper}_RUNNER"] = " ".join(target.runner)
    return {**os.environ, "CARGO_TARGET_DIR": str(BUILD), **variables}


def cargo(target, command=""):
    """Runs the document's lines for a target, and then a command in the same shell."""
    blocks = re.findall(r"^```sh\n(.*?)^```$", DOCUMENT, flags=re.MULTILINE | re.DOTALL)
    (lines,) = (block for block in blocks if block.startswith(f"target={target.name}\n"))
    script = f"set -euo pipefail\n{lines}\n{command}\n"
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=ROOT,
        env=environment(target),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


@pytest.fixture(scope="module", params=TARGETS, ids=lambda target: target.name)
def target(request):
    return request.param


@pytest.fixture(scope="module")
def library(target):
    """The library, where it also has the name that the loader looks for."""
    cargo(target)
    built = BUILD / target.name / "release" / "libscramtoken.so"
    soname = built.with_name("libscramtoken.so.0")
    soname.unlink(missing_ok=True)
    soname.symlink_to(built.name)
    return built


def test_needs_the_c_library_alone(target, library):
    dynamic = succeed(["readelf", "--dynamic", library])
    needed = set(re.findall(r"Shared library: \[(.*)\]", dynamic))
    if "musl" in target.name:
        assert needed == {"libc.so"}
    else:
        assert needed <= {"libc.so.6", "libgcc_s.so.1", "ld-linux-aarch64.so.1"}
        assert elf.glibc(library) <= glibc_documented(target.name)
    assert "Library soname: [libscramtoken.so.0]" in dynamic


def test_unit_tests(target):
    printed = cargo(target, "cargo test --lib --target $target")
    assert "a_panic_becomes_a_status ... ok" in printed


@pytest.mark.parametrize(
    ("target", "program"),
    [(target, name) for target in TARGETS for name in PROGRAMS if name not in target.without],
    indirect=["target"],
    ids=lambda value: getattr(value, "name", value),
)
def test_c_program(target, library, program):
    output = BUILD / target.name / program
    libraries = ["-L", library.parent, "-lscramtoken", "-ldl", "-lpthread"]
    flags = ["-std=c11", *WARNINGS, "-O1", "-g", "-I", ROOT / "include"]
    succeed([target.compiler, *flags, SOURCES / f"{program}.c", "-o", output, *libraries])
    variables = {"LD_LIBRARY_PATH": str(library.parent), "SCRAMTOKEN_LIBRARY": str(library)}
    succeed([*target.runner, output], env=environment(target, **variables))
