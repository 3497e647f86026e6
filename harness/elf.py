"""What an ELF file says of itself, whatever processor it is for."""

import re

from .commands import succeed

MACHINES = {"x86_64": "Advanced Micro Devices X86-64", "aarch64": "AArch64"}


def machine(path):
    said = succeed(["readelf", "--file-header", path])
    name = re.search(r"Machine: +(.*)", said).group(1)
    (found,) = (ours for ours, theirs in MACHINES.items() if theirs == name)
    return found


def is_position_independent(path):
    """Whether its code may lie anywhere in memory, as address space randomisation wants it."""
    return re.search(r"Type: +DYN ", succeed(["readelf", "--file-header", path])) is not None


def needed(path):
    """The shared libraries that a file asks the loader for."""
    said = succeed(["readelf", "--dynamic", path])
    return set(re.findall(r"\(NEEDED\) +Shared library: \[(.*)\]", said))


def interpreter(path):
    """The loader that a program asks the kernel for, or None where it is static."""
    said = succeed(["readelf", "--program-headers", path])
    found = re.search(r"program interpreter: (.*)\]", said)
    return found and found.group(1)


def glibc(path):
    """The newest version of glibc whose symbols are taken."""
    said = succeed(["readelf", "--version-info", path])
    versions = re.findall(r"\bGLIBC_(\d+)\.(\d+)\b", said)
    return max(tuple(map(int, version)) for version in versions)


def exports(path):
    """The functions of a library that others can link with."""
    table = succeed(["readelf", "--wide", "--dyn-syms", path])
    symbol = re.compile(r" FUNC +(?:GLOBAL|WEAK) +DEFAULT +(?!UND)\S+ (\S+)$", flags=re.MULTILINE)
    return set(symbol.findall(table))
