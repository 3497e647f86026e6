"""The C tests under AddressSanitizer, LeakSanitizer and UBSan: with the library
as it is shipped, and with one that has AddressSanitizer's instructions in it."""

import os
import subprocess

import pytest

from harness.commands import run, succeed
from harness.compile import C11, WARNINGS
from harness.paths import ROOT, library

from . import SOURCES

# test_wipe looks for secrets in freed memory, which AddressSanitizer keeps; test_dlopen loads what
# is installed by itself.
PROGRAMS = sorted(
    path.stem for path in SOURCES.glob("test_*.c") if path.stem not in {"test_wipe", "test_dlopen"}
)
SANITIZERS = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-O1", "-g")
DIRECTORY = ROOT / "build" / "sanitize"
# It gives up root's rights in a child process, which LeakSanitizer then may not inspect.
WITHOUT_LEAKS = {"test_source"}
# With an argument, its password is shorter than it says.
TOO_LONG = """
#include <stdlib.h>
#include <string.h>
#include <scramtoken.h>
int main(int argc, char **argv) {
  scramtoken_client *client;
  uint8_t *name = (uint8_t *)malloc(5);
  (void)argv;
  memcpy(name, "alice", 5);
  if (scramtoken_client_new("SCRAM-SHA-256", &client) != SCRAMTOKEN_OK) return 1;
  scramtoken_client_set_password(client, name, 5, name, argc > 1 ? 64 : 5);
  scramtoken_client_free(client);
  free(name);
  return 0;
}
"""
OVERFLOW = """
#include <limits.h>
int main(int argc, char **argv) {
  (void)argv;
  return INT_MAX + argc == 0;
}
"""


@pytest.fixture(
    scope="module", params=["shipped", pytest.param("instrumented", marks=pytest.mark.builds)]
)
def linked(request):
    """What links a program with the library, found again at run time."""
    if request.param == "shipped":
        target = library()
    else:
        subprocess.run(["make", "--no-print-directory", "sanitized-library"], cwd=ROOT, check=True)
        (target,) = DIRECTORY.glob("*/release/libscramtoken.so")
    directory = DIRECTORY / request.param
    directory.mkdir(parents=True, exist_ok=True)
    for name in ("libscramtoken.so", "libscramtoken.so.0"):
        (directory / name).unlink(missing_ok=True)
        (directory / name).symlink_to(target)
    return ["-L", directory, "-lscramtoken", "-ldl", "-lpthread", f"-Wl,-rpath,{directory}"]


def program(name, source, linked=()):
    output = DIRECTORY / name
    include = ["-I", ROOT / "include", "-I", SOURCES]
    succeed([*C11, *WARNINGS, *SANITIZERS, *include, "-", "-o", output, *linked], input=source)
    return output


@pytest.mark.timeout(900)  # the first time, the library is compiled
@pytest.mark.parametrize("name", PROGRAMS)
def test_clean(name, linked):
    environment = dict(os.environ)
    if name in WITHOUT_LEAKS:
        environment["ASAN_OPTIONS"] = "detect_leaks=0"
    succeed([program(name, f'#include "{SOURCES / name}.c"\n', linked)], env=environment)


def test_address_sanitizer_looks_into_the_library(linked):
    """A read past the caller's buffer, by the library."""
    reader = program("too_long", TOO_LONG, linked)
    succeed([reader])
    done = run([reader, "too long"])
    assert done.returncode != 0
    assert "heap-buffer-overflow" in done.stderr


def test_undefined_behaviour_sanitizer_looks():
    done = run([program("overflow", OVERFLOW)])
    assert done.returncode != 0
    assert "signed integer overflow" in done.stderr
