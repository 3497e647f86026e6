"""docs/platforms.md says what the library needs, and names what is tested."""

import re

from harness import elf
from harness.paths import ROOT, library

from . import platforms, test_cross

NATIVE = "x86_64-unknown-linux-gnu"


def test_glibc():
    assert elf.glibc(library()) <= platforms.glibc_documented(NATIVE)


def test_targets():
    tested = {name for name, text in platforms.TARGETS.items() if text != "untested"}
    assert tested == {NATIVE} | {target.name for target in test_cross.TARGETS}


def test_versions():
    cargo = (ROOT / "Cargo.toml").read_text()
    python = (ROOT / "python" / "pyproject.toml").read_text()
    (rust,) = re.findall(r'^rust-version = "(.*)"$', cargo, flags=re.MULTILINE)
    (oldest,) = re.findall(r'^requires-python = ">=(.*)"$', python, flags=re.MULTILINE)
    assert f"Rust is {rust} or newer" in platforms.DOCUMENT
    assert f"CPython {oldest}," in platforms.DOCUMENT
