"""A short run of every fuzz target, from the seeds in the tree; `make fuzz` runs for longer."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TARGETS = sorted(path.stem for path in (ROOT / "fuzz" / "fuzz_targets").glob("*.rs"))
SECONDS = 5


@pytest.mark.builds
@pytest.mark.timeout(900)  # the first time, the targets are compiled
def test_no_target_finds_anything():
    done = subprocess.run(
        ["make", "--no-print-directory", "fuzz", f"FUZZ_SECONDS={SECONDS}"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    assert done.returncode == 0, done.stdout[-20_000:]
    ran = re.findall(r"^== (\w+): \d+ s$", done.stdout, re.MULTILINE)
    assert sorted(ran) == TARGETS
    runs = [int(number) for number in re.findall(r"^Done (\d+) runs", done.stdout, re.MULTILINE)]
    assert len(runs) == len(TARGETS)
    assert min(runs) > 1000, runs
