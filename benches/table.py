"""Prints what `make bench` measured as a table, from criterion's and the JVM's samples."""

import json
import statistics
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BENCH = ROOT / "build" / "bench"
# Lines of the table: what, beside what; of those the fastest counts.
ROWS = [
    ("hashing/{}/scramtoken_derive", ["hashing/{}/OpenSSL", "hashing/{}/crate pbkdf2"]),
    ("client/{}/cold", ["hashing/{}/OpenSSL", "hashing/{}/crate pbkdf2"]),
    ("client/{}/cold", ["client/{}/cold, Kafka"]),
    ("client/{}/warm", []),
    ("server/{}/user, suspended", ["server/{}/user, Kafka"]),
    ("server/{}/user, callback", ["server/{}/user, Kafka"]),
    ("server/{}/token, suspended", ["server/{}/token, Kafka"]),
    ("server/{}/token, callback", ["server/{}/token, Kafka"]),
]
MECHANISMS = ["SCRAM-SHA-256", "SCRAM-SHA-512"]


def main():
    samples = criterion_samples() | kafka_samples()
    print("| benchmark | median | spread | peer | its median | its spread | ours is |")
    print("|---|--:|--:|---|--:|--:|--:|")
    for mechanism in MECHANISMS:
        for ours, peers in ROWS:
            print_row(samples, ours.format(mechanism), [peer.format(mechanism) for peer in peers])
    print(f"\n{machine()}")


def print_row(samples, ours, peers):
    cells = [ours, *summary(samples[ours])]
    if peers:
        peer = min(peers, key=lambda name: statistics.median(samples[name]))
        ratio = statistics.median(samples[peer]) / statistics.median(samples[ours])
        cells += [peer.split("/", 2)[2], *summary(samples[peer]), f"{ratio:.2f} times as fast"]
    else:
        cells += [""] * 4
    print("| " + " | ".join(cells) + " |")


def summary(values):
    """Median, and what the middle 80 % of samples lie between, in microseconds."""
    deciles = statistics.quantiles(values, n=10)
    return f"{statistics.median(values):.2f}", f"{deciles[0]:.2f} to {deciles[-1]:.2f}"


def criterion_samples():
    samples = {}
    for path in (BENCH / "criterion").rglob("new/sample.json"):
        name = json.loads(path.with_name("benchmark.json").read_text())["full_id"]
        sample = json.loads(path.read_text())
        samples[name] = [
            nanoseconds / 1000 / number
            for nanoseconds, number in zip(sample["times"], sample["iters"])
        ]
    return samples


def kafka_samples():
    samples = {}
    for line in (BENCH / "kafka.tsv").read_text().splitlines():
        name, values = line.split("\t")
        samples[f"{name}, Kafka"] = [float(value) for value in values.split()]
    return samples


def machine():
    """What the figures depend on, and nothing else of the machine."""
    info = Path("/proc/cpuinfo").read_text().splitlines()
    fields = dict(line.split(":", 1) for line in info if ":" in line)
    fields = {key.strip(): value.strip() for key, value in fields.items()}
    known = ["sha_ni", "avx2", "avx512f", "vaes"]
    features = [name for name in known if name in fields.get("flags", "").split()]
    first_line = lambda *argv: subprocess.run(  # noqa: E731
        argv, capture_output=True, text=True, check=True
    ).stdout.splitlines()[0]
    return "; ".join(
        [
            f"{fields.get('model name', 'unknown processor')} with {', '.join(features)}",
            first_line("rustc", "--version"),
            first_line("openssl", "version").split(" (")[0],
            first_line("java", "--version"),
        ]
    )


if __name__ == "__main__":
    sys.exit(main())
