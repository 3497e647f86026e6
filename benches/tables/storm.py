"""Prints what `make storm` measured.

usage: python -m benches.tables.storm [FILE]
"""

import json
import statistics
import sys
from pathlib import Path

STORM = Path(__file__).resolve().parents[2] / "build" / "storm" / "storm.jsonl"
PARTIES = {"kafka": "Kafka's", "scramtoken": "ours"}
LISTENERS = {"SASL_PLAINTEXT": "plaintext", "SASL_SSL": "TLS"}


def main():
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else STORM
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    (run,) = (line for line in lines if line["kind"] == "run")
    rounds = [line for line in lines if line["kind"] == "round"]
    print("| login | SaslServer | logins a second | spread | broker's CPU | spread | p50 | p99 |")
    print("|---|---|--:|--:|--:|--:|--:|--:|")
    for listener, credential in kinds(rounds):
        for party in PARTIES:
            own = of(rounds, party, listener, credential)
            rates = [line["logins"] / line["seconds"] for line in own]
            cells = [f"{credential}, {LISTENERS[listener]}", PARTIES[party]]
            cells += summary(rates, "{:,.0f}")
            cells += summary([line["brokers_cpu_us"] for line in own], "{:.0f}", " us")
            for name in ("p50_us", "p99_us"):
                cells.append(f"{statistics.median(line[name] for line in own) / 1000:.1f} ms")
            print("| " + " | ".join(cells) + " |")
    print("\n| broker's CPU, ours beside Kafka's | each round | median |\n|---|--:|--:|")
    for listener, credential in kinds(rounds):
        kafkas, ours = (
            [line["brokers_cpu_us"] for line in of(rounds, party, listener, credential)]
            for party in PARTIES
        )
        ratios = [our / kafkas for our, kafkas in zip(ours, kafkas)]
        spread = " ".join(f"x{ratio:.2f}" for ratio in ratios)
        median = f"x{statistics.median(ratios):.2f}"
        print(f"| {credential}, {LISTENERS[listener]} | {spread} | {median} |")
    warm_up(lines)
    print(
        f"\n{run['rounds']} rounds of {run['logins']:,} logins by {run['mechanism']}, "
        f"{run['at_once']} at a time; Kafka {run['kafka']}, scramtoken {run['scramtoken']}; "
        f"{run['machine']}"
    )


def warm_up(lines):
    """What a JVM needs that has not compiled yet, in the order in which logins came."""
    print("\n| a broker's CPU while it warms up | Kafka's | ours |\n|---|--:|--:|")
    starts, idle = (
        {line["party"]: line for line in lines if line["kind"] == kind}
        for kind in ("start", "idle")
    )
    for name, unit in (("seconds", "until it takes logins"), ("cpu_s", "of CPU until then")):
        cells = [f"{starts[party][name]:.1f} s" for party in PARTIES]
        print(f"| start: {unit} | {' | '.join(cells)} |")
    steps = [line for line in lines if line["kind"] == "warm-up"]
    for step in steps:
        if step["party"] == "kafka":
            same = ("number", "listener", "credential")
            beside = [other for other in steps if all(other[key] == step[key] for key in same)]
            cpu = {line["party"]: f"{line['brokers_cpu_us']:.0f} us" for line in beside}
            what = f"{step['credential']}, {LISTENERS[step['listener']]}"
            first, last = step["number"] + 1, step["number"] + step["logins"]
            cells = " | ".join(cpu[party] for party in PARTIES)
            print(f"| {what}, logins {first:,} to {last:,} | {cells} |")
    cells = [f"{idle[party]['cpu'] * 100:.1f} %" for party in PARTIES]
    print(f"| afterwards, without logins | {' | '.join(cells)} |")


def kinds(lines):
    return dict.fromkeys((line["listener"], line["credential"]) for line in lines)


def of(lines, party, listener, credential):
    wanted = {"party": party, "listener": listener, "credential": credential}
    return [line for line in lines if wanted.items() <= line.items()]


def summary(values, form, unit=""):
    """The median, and the least and the most."""
    median, least, most = map(form.format, (statistics.median(values), min(values), max(values)))
    return [f"{median}{unit}", f"{least} to {most}{unit}"]


if __name__ == "__main__":
    sys.exit(main())
