"""Measures the library beside its peers, everybody in turn: `make bench-peers`."""

import argparse
import random
import time
from contextlib import ExitStack
from pathlib import Path

from benches.results import BENCH, write
from harness.process import say

from .build import commands
from .worker import Worker


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--milliseconds", type=int, default=60, help="of each thing in each round")
    parser.add_argument(
        "--warm-up", type=int, default=3000, help="milliseconds of each thing on a JVM before"
    )
    parser.add_argument(
        "--output", type=Path, default=BENCH / "peers.jsonl", help="where the JSON lines go"
    )
    options = parser.parse_args()

    say("Building the workers: half a minute the first time")
    lines = []
    with ExitStack() as stack:
        turns = []
        for argv, environment in commands():
            worker = Worker(argv, env=environment)
            stack.callback(worker.stop)
            is_jvm = any("Peers.java" in str(word) for word in argv)
            for number, thing in enumerate(worker.things()):
                turns.append((worker, number, thing))
                # A JVM compiles what has been hot for a while.
                worker.time(number, options.warm_up if is_jvm else options.milliseconds)
        say(f"{len(turns)} things, in {options.rounds} rounds")
        for current in range(options.rounds):
            began = time.monotonic()
            # In another order each time, so that nobody always comes after the same one.
            for worker, number, thing in random.sample(turns, len(turns)):
                value = worker.time(number, options.milliseconds)
                lines.append(thing | {"round": current, "value": value, "unit": "us"})
            say(f"round {current + 1}: {time.monotonic() - began:.1f} s")
    write(options.output, lines)


if __name__ == "__main__":
    main()
