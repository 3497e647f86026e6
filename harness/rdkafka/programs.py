"""Compiles C programs against a librdkafka."""

import functools

from harness.commands import succeed
from harness.compile import WARNINGS
from harness.paths import BUILD, ROOT

EXAMPLE = ROOT / "examples" / "librdkafka" / "consume.c"


@functools.cache
def compile_program(name, source, *link):
    output = BUILD / "rdkafka" / name
    output.parent.mkdir(parents=True, exist_ok=True)
    succeed(["gcc", "-std=gnu11", "-O1", "-g", *WARNINGS, source, "-o", output, *link])
    return output


def linked_with(path):
    """Linker options for this very file of librdkafka's."""
    return (path, f"-Wl,-rpath,{path.parent}", "-Wl,--allow-shlib-undefined")
