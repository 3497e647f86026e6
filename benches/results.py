"""Raw results: JSON lines below build/bench, one for each value that was measured."""

import json
from pathlib import Path

BENCH = Path(__file__).resolve().parents[1] / "build" / "bench"
FIELDS = ("benchmark", "subject", "mechanism", "round", "value", "unit", "version")


def write(path, lines):
    """Replaces a file by these lines; those of an older run are gone only when they are there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    partial.write_text("".join(json.dumps(line) + "\n" for line in lines))
    partial.rename(path)


def read(path):
    """The lines of a file; none where the benchmark has not been run."""
    if not path.exists():
        return []
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    for line in lines:
        if missing := [field for field in FIELDS if field not in line]:
            raise ValueError(f"{path}: a line without {', '.join(missing)}: {line}")
    return lines
