"""Prints what `make bench-java` measured: logins on a JVM beside Kafka's own classes."""

import json
import statistics
import sys

from . import BENCH, machine

PARTIES = ["KAFKA", "SCRAMTOKEN"]
MECHANISMS = ["SCRAM-SHA-256", "SCRAM-SHA-512"]
# Lines of the table: what, by which benchmark, and what of it is the other side's.
ROWS = [
    ("server", "ServerLogin.login", "ServerLogin.clientShare"),
    ("server, without the search", "ServerLogin.loginByFactory", "ServerLogin.clientShare"),
    ("client, cold", "ClientLogin.cold", None),
    ("client, warm", "ClientLogin.warm", None),
    ("client, warm, without the search", "ClientLogin.warmByFactory", None),
]


def main():
    results = read()
    print("| login | Kafka, us | bytes | scramtoken, us | bytes | ours is |")
    print("|---|--:|--:|--:|--:|--:|")
    for mechanism in MECHANISMS:
        for what, benchmark, share in ROWS:
            cells, times = [f"{what}, {mechanism}"], []
            for party in PARTIES:
                time, size = results[benchmark, party, mechanism]
                if share:
                    its_time, its_size = results[share, party, mechanism]
                    time, size = time - its_time, size - its_size
                cells += [f"{time:.1f}", f"{size:.0f}"]
                times.append(time)
            kafkas, ours = times
            print("| " + " | ".join([*cells, f"{kafkas / ours:.1f} times as fast"]) + " |")
    time, size = results["ProviderSearch.createSaslServer", None, None]
    print(f"\nThe JDK's search for a provider: {time:.1f} us, {size:.0f} bytes")
    print(f"\n{machine.describe('java')}")


def read():
    """{(benchmark, party, mechanism): (microseconds of processor time, bytes)}, medians."""
    results = {}
    for result in json.loads((BENCH / "java.json").read_text()):
        name = ".".join(result["benchmark"].split(".")[-2:])
        params = result.get("params", {})
        metrics = [result["secondaryMetrics"][metric] for metric in ("cpu", "gc.alloc.rate.norm")]
        results[name, params.get("party"), params.get("mechanism")] = tuple(
            statistics.median(score for fork in metric["rawData"] for score in fork)
            for metric in metrics
        )
    return results


if __name__ == "__main__":
    sys.exit(main())
