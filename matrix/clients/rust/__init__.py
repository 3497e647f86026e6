"""rust-rdkafka, with a librdkafka of its own inside."""

import os
import re
import subprocess
from pathlib import Path

from harness.paths import ROOT

from ...cells import IMPLICIT, LIBRARY, PASSWORD
from .. import Client

_HERE = Path(__file__).parent
_TARGET = ROOT / "build" / "matrix" / "rust"


def clients():
    yield Client("rust-rdkafka", _version, (PASSWORD, LIBRARY, IMPLICIT), _command)


def _version():
    lock = (_HERE / "Cargo.lock").read_text()
    crate = re.search(r'name = "rdkafka"\nversion = "(.*)"', lock)[1]
    inside = re.search(r'name = "rdkafka-sys"\nversion = ".*\+(.*)"', lock)[1]
    return f"rust-rdkafka {crate} (librdkafka {inside})"


def _command():
    """Two minutes the first time, most of them for librdkafka."""
    argv = [os.environ.get("CARGO", "cargo"), "build", "--locked", "--quiet", "--jobs", "2"]
    subprocess.run([*argv, "--target-dir", _TARGET], cwd=_HERE, check=True)
    return [_TARGET / "debug" / "scramtoken-matrix"]
