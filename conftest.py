"""Where tests that are not written in Rust find the library: the one that was built here."""

import os
from pathlib import Path

os.environ.setdefault(
    "SCRAMTOKEN_LIBRARY",
    str(Path(__file__).resolve().parent / "target" / "release" / "libscramtoken.so"),
)
