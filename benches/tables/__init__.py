"""Tables of the benchmarks, from the raw numbers that they leave below build/bench."""

from pathlib import Path

BENCH = Path(__file__).resolve().parents[2] / "build" / "bench"
