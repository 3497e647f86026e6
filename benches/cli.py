"""The program beside kafka-delegation-tokens.sh: create and describe, as whole processes.

usage: python -m benches.cli [--runs N] [--version KAFKA]

Needs `make program`. Prints medians of wall time and peak memory, and how many times less
the program takes; exits with 1 where both actions together take it more than a 20th of the time,
or either of them more than a 10th of the memory. (Most of a create is the broker's own time.)
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from harness import process
from harness.kafka import jars
from harness.kafka.broker import KafkaBroker
from harness.kafka.cli import PROGRAM, client_config
from harness.kafka.properties import USERS

WANTED_TIME, WANTED_MEMORY = 20, 10
# What kafka-run-class.sh starts the tool with.
JVM_ARGS = (
    "-Xmx256M -server -XX:+UseG1GC -XX:MaxGCPauseMillis=20 -XX:InitiatingHeapOccupancyPercent=35 "
    "-XX:+ExplicitGCInvokesConcurrent -XX:MaxInlineLevel=15 -Djava.awt.headless=true "
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=error"
).split()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=15)
    parser.add_argument("--version", default="4.4.0")
    arguments = parser.parse_args()

    classpath = jars.tools_classpath(arguments.version)
    tools = {
        "scramtoken": [PROGRAM, "delegation-tokens"],
        "kafka": [process.java_command(), *JVM_ARGS, "-cp", classpath]
        + ["org.apache.kafka.tools.DelegationTokenCommand"],
    }
    smallest, ours_both_s, kafkas_both_s = float("inf"), 0, 0
    with KafkaBroker(arguments.version) as broker, tempfile.TemporaryDirectory() as directory:
        peak = Path(directory) / "peak"
        source = Path(__file__).with_name("peak.c")
        subprocess.run([os.environ.get("CC", "cc"), "-O2", "-o", peak, source], check=True)
        config = client_config(Path(directory) / "alice.properties", "alice", USERS["alice"])
        where = ["--bootstrap-server", broker.bootstrap(), "--command-config", config]
        print(f"Kafka {arguments.version}, medians of {arguments.runs} runs\n")
        print(f"{'':10} {'scramtoken':>24} {'kafka':>24} {'times less':>18}")
        for action, options in {
            "create": ["--create", "--max-life-time-period", "-1"],
            "describe": ["--describe", "--owner-principal", "User:alice"],
        }.items():
            samples = {name: [] for name in tools}
            for run in range(arguments.runs + 1):
                for name, argv in tools.items():  # in turns, so that both see the same machine
                    sample = measure(peak, [*argv, *where, *options])
                    if run:  # the first only warms the caches
                        samples[name].append(sample)
            (ours_s, ours_kb), (kafkas_s, kafkas_kb) = map(medians, samples.values())
            smaller = kafkas_kb / ours_kb
            smallest = min(smallest, smaller)
            ours_both_s, kafkas_both_s = ours_both_s + ours_s, kafkas_both_s + kafkas_s
            print(
                f"{action:10} {ours_s * 1000:11.1f} ms {ours_kb / 1024:6.1f} MB"
                f" {kafkas_s * 1000:11.1f} ms {kafkas_kb / 1024:6.1f} MB"
                f" {kafkas_s / ours_s:8.1f} {smaller:9.1f}"
            )
    faster = kafkas_both_s / ours_both_s
    print(
        f"{'both':10} {ours_both_s * 1000:11.1f} ms {'':9}"
        f" {kafkas_both_s * 1000:11.1f} ms {'':9} {faster:8.1f}"
    )
    return 0 if faster >= WANTED_TIME and smallest >= WANTED_MEMORY else 1


def measure(peak, argv):
    """Seconds of wall time and KB of peak memory of one process, which must succeed."""
    result = peak.with_suffix(".txt")
    argv = [peak, result, *argv]
    subprocess.run(
        [str(word) for word in argv],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        check=True,
        timeout=60,
    )
    microseconds, kilobytes = result.read_text().split()
    return int(microseconds) / 1e6, int(kilobytes)


def medians(samples):
    return [statistics.median(values) for values in zip(*samples)]


if __name__ == "__main__":
    sys.exit(main())
