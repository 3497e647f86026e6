"""Compiles C programs against the header and the library."""

import functools
import os
from pathlib import Path

from .commands import succeed
from .paths import BUILD, ROOT, library

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
    f"--suppressions={Path(__file__).with_name('valgrind.supp')}",
)


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
