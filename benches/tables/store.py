"""Prints what `make bench-store` measured, beside what was aimed at."""

import statistics
import sys

from . import BENCH, machine

SIZES = ["1000", "10000", "100000", "1000000"]


def main():
    samples = read()

    def median(name):
        return statistics.median(samples[name])

    print("| tokens in the store | lookup, p50 | p99 | opening it |")
    print("|--:|--:|--:|--:|")
    for size in SIZES:
        p50, p99 = percentiles(samples[f"lookup/{size}"])
        opened = median(f"open/{size}")
        print(f"| {int(size):,} | {p50:.2f} us | {p99:.2f} us | {opened:.2f} ms |")

    lookup = median("lookup/1000000")
    handshake = median("handshake/store") / median("handshake/supplied")
    parts = median("create/derivations") + median("create/commit")
    created = median("create/token")
    (swept,) = samples["sweep/100000"]
    alone, beside = (percentiles(samples[f"reader/{when}"]) for when in ("alone", "sweep"))
    print()
    print("| what | measured | aim |")
    print("|---|--:|--:|")
    for what, measured, aim in [
        ("lookup among a million", f"{lookup:.2f} us", "2 us"),
        ("the same to that among a thousand", f"{lookup / median('lookup/1000'):.1f}", "8"),
        ("opening a million", f"{median('open/1000000'):.2f} ms", "10 ms"),
        ("a server's login by the store, to one whose credential is supplied",
         f"{handshake:.2f}", "1.25"),
        ("a token made, to its derivations and one durable commit",
         f"{created / parts:.2f}", "1.10"),
        ("sweep of 100,000 among a million", f"{swept:.2f} s", "2 s"),
        ("lookups during the sweep, to those before: p50", f"{beside[0] / alone[0]:.2f}", ""),
        ("and p99", f"{beside[1] / alone[1]:.2f}", ""),
    ]:  # fmt: skip
        print(f"| {what} | {measured} | {aim} |")
    print(
        f"\nA token takes {created / 1000:.2f} ms, its derivations "
        f"{median('create/derivations') / 1000:.2f} and a commit {median('create/commit') / 1000:.2f}."
        f" A login takes {median('handshake/store'):.2f} us by the store, "
        f"{median('handshake/supplied'):.2f} supplied."
    )
    print(f"\n{machine.describe('rustc')}")


def percentiles(values):
    """p50 and p99."""
    cuts = statistics.quantiles(values, n=100)
    return cuts[49], cuts[98]


def read():
    """{name: samples}, each in its unit."""
    samples = {}
    for line in (BENCH / "store.tsv").read_text().splitlines():
        name, _unit, *values = line.split("\t")
        samples[name] = [float(value) for value in values]
    return samples


if __name__ == "__main__":
    sys.exit(main())
