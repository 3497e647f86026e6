"""Compiles and runs C programs against the header and the library."""

import functools
import os
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ROOT / "tests" / "c"
# Each of pytest's processes builds what it needs for itself.
BUILD = ROOT / "build" / "tests" / os.environ.get("PYTEST_XDIST_WORKER", "alone")

C11 = ("gcc", "-x", "c", "-std=c11")
CXX17 = ("g++", "-x", "c++", "-std=c++17")
LANGUAGES = {"c11": C11, "c++17": CXX17}
WARNINGS = ("-Wall", "-Wextra", "-Werror", "-pedantic")

VALGRIND = (
    "valgrind",
    "--quiet",
    "--error-exitcode=99",
    "--leak-check=full",
    "--errors-for-leak-kinds=definite,indirect,possible",
    "--fair-sched=yes",
    f"--suppressions={SOURCES / 'valgrind.supp'}",
)


def library():
    """The library under test."""
    return Path(os.environ["SCRAMTOKEN_LIBRARY"]).resolve(strict=True)


def run(argv, **options):
    """Runs a program to its end, with nothing to read unless there is an `input`."""
    argv = [str(word) for word in argv]
    if "input" not in options:
        options["stdin"] = subprocess.DEVNULL
    return subprocess.run(argv, capture_output=True, text=True, timeout=300, **options)


def succeed(argv, **options):
    """Runs a program that must end well, and returns what it printed."""
    done = run(argv, **options)
    assert done.returncode == 0, f"exit code {done.returncode}:\n{done.stdout}{done.stderr}"
    return done.stdout


def check_syntax(language, text):
    """Compiles a program's text and throws the result away."""
    succeed([*language, *WARNINGS, "-I", ROOT / "include", "-fsyntax-only", "-"], input=text)


@functools.cache
def compile_program(source, output, language=C11, linked=True):
    """Compiles a source file; the program finds the library without LD_LIBRARY_PATH."""
    output.parent.mkdir(parents=True, exist_ok=True)
    libraries = ["-ldl", "-lpthread"]
    if linked:
        libraries += ["-L", _link_directory(), "-lscramtoken", "-Wl,-rpath,$ORIGIN/../lib"]
    include = ["-I", ROOT / "include"]
    succeed([*language, *WARNINGS, "-O1", "-g", *include, source, "-o", output, *libraries])
    return output


def example(name):
    """A program of examples/c, compiled as strictly as the tests are."""
    source = ROOT / "examples" / "c" / f"{name}.c"
    return compile_program(source, BUILD / "c" / name, linked=name != "login")


@functools.cache
def _link_directory():
    """Has the library under the names that the linker and the loader look for."""
    directory = BUILD / "lib"
    directory.mkdir(parents=True, exist_ok=True)
    for name in ("libscramtoken.so", "libscramtoken.so.0"):
        (directory / name).unlink(missing_ok=True)
        (directory / name).symlink_to(os.path.relpath(library(), directory))
    return directory
