"""Prints what `make bench-java` measured: logins on a JVM beside Kafka's own classes."""

import json
import statistics
import sys

from . import BENCH, machine

PARTIES = ["KAFKA", "SCRAMTOKEN"]
MECHANISMS = ["SCRAM-SHA-256", "SCRAM-SHA-512"]
CLIENTS_SHARE, SEARCH = "ServerLogin.clientShare", "ProviderSearch.createSaslServer"
# Lines of the table: what, and what of it is somebody else's.
ROWS = [
    ("server", "ServerLogin.login", [CLIENTS_SHARE]),
    ("server, less the JDK's search", "ServerLogin.login", [CLIENTS_SHARE, SEARCH]),
    ("client, cold", "ClientLogin.cold", []),
    ("client, warm", "ClientLogin.warm", []),
]


def main():
    results = read()
    print("| login | Kafka, us | bytes | scramtoken, us | bytes | ours is |")
    print("|---|--:|--:|--:|--:|--:|")
    for mechanism in MECHANISMS:
        for what, benchmark, shares in ROWS:
            cells, times = [f"{what}, {mechanism}"], []
            for party in PARTIES:
                time, size = results[benchmark, party, mechanism]
                for share in shares:
                    its = results.get((share, party, mechanism)) or results[share, None, None]
                    time, size = time - its[0], size - its[1]
                cells += [f"{time:.1f}", f"{size:.0f}"]
                times.append(time)
            kafkas, ours = times
            print("| " + " | ".join([*cells, f"{kafkas / ours:.1f} times as fast"]) + " |")
    print(f"\n{machine.describe('java')}")


def read():
    """{(benchmark, party, mechanism): (microseconds, bytes)}, medians of the iterations."""
    results = {}
    for result in json.loads((BENCH / "java.json").read_text()):
        name = ".".join(result["benchmark"].split(".")[-2:])
        params = result.get("params", {})
        metrics = result["primaryMetric"], result["secondaryMetrics"]["gc.alloc.rate.norm"]
        results[name, params.get("party"), params.get("mechanism")] = tuple(
            statistics.median(score for fork in metric["rawData"] for score in fork)
            for metric in metrics
        )
    return results


if __name__ == "__main__":
    sys.exit(main())
