"""Where the repository is, where tests may build, and which library is tested."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
# Each of pytest's processes builds what it needs for itself.
BUILD = ROOT / "build" / "tests" / os.environ.get("PYTEST_XDIST_WORKER", "alone")
# Everything that runs below finds the library by this variable.
os.environ.setdefault("SCRAMTOKEN_LIBRARY", str(ROOT / "target" / "release" / "libscramtoken.so"))


def library():
    """The library under test."""
    return Path(os.environ["SCRAMTOKEN_LIBRARY"]).resolve(strict=True)
