"""Prints what `make bench-java` measured: logins on a JVM beside Kafka's own classes."""

import json
import sys

from . import BENCH, machine

PARTIES = ["KAFKA", "SCRAMTOKEN"]
ALLOCATED = "gc.alloc.rate.norm"


def main():
    results = read()
    print("| login | Kafka, us | bytes | scramtoken, us | bytes | ours is |")
    print("|---|--:|--:|--:|--:|--:|")
    for mechanism in ["SCRAM-SHA-256", "SCRAM-SHA-512"]:
        for what, benchmark, share in [
            ("server", "ServerLogin.login", "ServerLogin.clientShare"),
            ("client, cold", "ClientLogin.cold", None),
            ("client, warm", "ClientLogin.warm", None),
        ]:
            cells = [f"{what}, {mechanism}"]
            figures = [own(results, party, mechanism, benchmark, share) for party in PARTIES]
            for microseconds, octets in figures:
                cells += [f"{microseconds:.1f}", f"{octets:.0f}"]
            (kafkas, _), (ours, _) = figures
            print("| " + " | ".join([*cells, f"{kafkas / ours:.1f} times as fast"]) + " |")
    microseconds, octets = results["ProviderSearch.createSaslServer", None, None]
    print(f"\nOf a server's, the JDK's search for a provider: {microseconds:.1f} us, {octets:.0f} bytes")
    print(f"\n{machine.describe('java')}")


def own(results, party, mechanism, benchmark, share):
    """Microseconds and bytes of a party's own part."""
    microseconds, octets = results[benchmark, party, mechanism]
    if share:
        shared = results[share, party, mechanism]
        return microseconds - shared[0], octets - shared[1]
    return microseconds, octets


def read():
    """{(benchmark, party, mechanism): (microseconds, bytes)}"""
    results = {}
    for result in json.loads((BENCH / "java.json").read_text()):
        name = ".".join(result["benchmark"].split(".")[-2:])
        params = result.get("params", {})
        results[name, params.get("party"), params.get("mechanism")] = (
            result["primaryMetric"]["score"],
            result["secondaryMetrics"][ALLOCATED]["score"],
        )
    return results


if __name__ == "__main__":
    sys.exit(main())
