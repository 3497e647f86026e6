"""Prints what `make bench-store` measured, beside what was aimed at."""

import statistics
import sys

from . import BENCH, machine

MECHANISMS = ["SCRAM-SHA-256", "SCRAM-SHA-512"]
SIZES = ["1000", "10000", "100000", "1000000"]


def main():
    samples = read()
    print("| tokens in the store | lookup, p50 | p99 | opening it |")
    print("|--:|--:|--:|--:|")
    for size in SIZES:
        p50, p99 = percentiles(samples[f"lookup/{size}"])
        (opened, _) = percentiles(samples[f"open/{size}"])
        print(f"| {int(size):,} | {p50:.2f} us | {p99:.2f} us | {opened:.2f} ms |")
    print()
    print("| what | measured | aim |")
    print("|---|--:|--:|")
    for what, measured, aim in rows(samples):
        print(f"| {what} | {measured} | {aim} |")
    print(f"\n{machine.describe('rustc')}")


def rows(samples):
    """What was aimed at: what, how it was measured to be, and how it was to be."""
    median = {name: statistics.median(values) for name, values in samples.items()}

    lookup, opened = median["lookup/1000000"], median["open/1000000"]
    yield "lookup among a million", f"{lookup:.2f} us", "2 us"
    yield "to that among a thousand", f"{lookup / median['lookup/1000']:.1f}", "8"
    yield "opening a million", f"{opened:.2f} ms", "10 ms"

    for name in MECHANISMS:
        store, supplied = (median[f"handshake/{name}/{by}"] for by in ("store", "supplied"))
        what = f"a server's login by {name} with the store, {store:.2f} us, to one with a supplied"
        yield f"{what} credential", f"{store / supplied:.2f}", "1.25"

    token, derivations, commit = (
        median[f"create/{part}"] / 1000 for part in ("token", "derivations", "commit")
    )
    what = f"a token made, {token:.2f} ms, to its derivations, {derivations:.2f}"
    yield f"{what}, and a commit, {commit:.2f}", f"{token / (derivations + commit):.2f}", "1.10"

    busy = f"{median['sweep/processor']:.2f} s of it on a processor"
    what = f"sweep of 100,000 among a million, {busy}"
    yield what, f"{median['sweep/100000']:.2f} s", "2 s"
    alone, beside = (percentiles(samples[f"reader/{when}"]) for when in ("alone", "sweep"))
    for name, before, during in zip(("p50", "p99"), alone, beside):
        yield f"lookups meanwhile, {name} to before", f"{during / before:.2f}", ""


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
