"""Prints what `make bench-logins` measured, from criterion's and the JVM's samples."""

import json
import statistics
import sys

from . import BENCH, machine

# Lines of the table: what, beside what; of those the fastest counts.
ROWS = [
    ("hashing/{}/scramtoken_derive", ["hashing/{}/OpenSSL", "hashing/{}/crate pbkdf2"]),
    ("hashing/{}/derive_many, each", ["hashing/{}/OpenSSL", "hashing/{}/crate pbkdf2"]),
    ("hashing/{}/derive_many, each", ["hashing/{}/scramtoken_derive"]),
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
    print(f"\n{machine.describe('rustc', 'openssl', 'java')}")


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


if __name__ == "__main__":
    sys.exit(main())
