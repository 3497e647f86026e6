"""pytest settings for every test of the project that is not written in Rust."""

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent

os.environ.setdefault("SCRAMTOKEN_LIBRARY", str(ROOT / "target" / "release" / "libscramtoken.so"))
sys.path.insert(0, str(ROOT / "python"))
sys.path.insert(0, str(ROOT / "tests"))
