"""Stock librdkafka with the plugin beside itself without: handed over, and relayed over TLS.

usage: python -m benches.rdkafka [--rounds N] [--messages N]

All ways take turns in one run. Prints a table; the raw numbers stay in build/bench/rdkafka.tsv.
"""

import argparse
import statistics
import sys
import tempfile
from pathlib import Path

from benches.tables import BENCH, machine
from harness.commands import succeed
from harness.kafka.broker import KafkaBroker
from harness.kafka.properties import USERS
from harness.paths import library
from harness.rdkafka import librdkafka
from harness.rdkafka.programs import compile_program, linked_with
from harness.rdkafka.stock import topic
from harness.source_file import SourceFile

PAIRS = {"handover": "direct", "relay, TLS": "direct, TLS"}
WHATS = ("produce", "consume", "connect")
CONNECTIONS = 30
# A JVM that has compiled what it does often, or the broker would be what is measured.
JVM_ARGS = ("-Xms1g", "-Xmx1g", "-XX:+UseParallelGC")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--messages", type=int, default=300_000)
    arguments = parser.parse_args()
    consumed = 4 * arguments.messages  # consumers are faster
    arguments.counts = {"produce": arguments.messages, "consume": consumed, "connect": CONNECTIONS}

    wheels = librdkafka.wheels_path()
    program = compile_program("bench", Path(__file__).with_name("client.c"), *linked_with(wheels))
    with KafkaBroker(jvm_args=JVM_ARGS) as broker, tempfile.TemporaryDirectory() as directory:
        source = SourceFile(Path(directory) / "token.json")
        source.write(broker.create_token("User:alice"))
        samples = measure(program, ways(broker, source), arguments)
    BENCH.mkdir(parents=True, exist_ok=True)
    with open(BENCH / "rdkafka.tsv", "w") as file:
        for (way, what), pairs in samples.items():
            for seconds, cpu in pairs:
                print(way, what, seconds, cpu, sep="\t", file=file)
    print_table(samples, arguments)


def ways(broker, source):
    """{name: (bootstrap, properties)}; the password is hashed as often as the token is not."""
    login = {"sasl.mechanism": "SCRAM-SHA-512"}
    user = login | {"sasl.username": "alice", "sasl.password": USERS["alice"]}
    plugin = {"plugin.library.paths": library(), "scramtoken.source": source.uri} | login
    plain = {"security.protocol": "SASL_PLAINTEXT"}
    tls = {"security.protocol": "SASL_SSL", "ssl.ca.location": broker.authority.pem}
    return {
        "direct": (broker.bootstrap(), user | plain),
        "handover": (broker.bootstrap(), plugin | plain),
        "direct, TLS": (broker.bootstrap("SASL_SSL"), user | tls),
        "relay, TLS": (broker.bootstrap("SASL_SSL"), plugin | tls),
    }


def measure(program, ways, arguments):
    """{(way, what): [(seconds, CPU seconds), ...]}"""
    samples = {(way, what): [] for way in ways for what in WHATS}
    filled = topic()
    bootstrap, properties = ways["direct"]
    run(program, "produce", bootstrap, filled, arguments.counts["consume"], properties)
    for number in range(-1, arguments.rounds):  # the first round only warms the broker
        empty = topic()
        # Whoever goes first pays for what the machine does just then: take turns.
        order = list(ways.items())
        shift = number % len(order)
        for way, (bootstrap, properties) in order[shift:] + order[:shift]:
            for what in WHATS:
                name = empty if what == "produce" else filled
                sample = run(program, what, bootstrap, name, arguments.counts[what], properties)
                if number >= 0:
                    samples[way, what].append(sample)
        print(f"round {number + 1} of {arguments.rounds}", file=sys.stderr, flush=True)
    return samples


def run(program, what, bootstrap, name, count, properties):
    """Seconds, and CPU seconds of the whole process."""
    words = [f"{key}={value}" for key, value in properties.items()]
    return tuple(map(float, succeed([program, what, bootstrap, name, count, *words]).split()))


def print_table(samples, arguments):
    print("| what | way | median | spread | beside direct | CPU | spread | beside direct |")
    print("|---|---|--:|--:|--:|--:|--:|--:|")
    for way, direct in PAIRS.items():
        for what in WHATS:
            for name in (direct, way):
                seconds, cpu = zip(*samples[name, what])
                direct_seconds, direct_cpu = zip(*samples[direct, what])
                if what == "connect":
                    cells = summary([s * 1000 for s in seconds], "{:.1f} ms")
                    cells += [
                        f"x{statistics.median(seconds) / statistics.median(direct_seconds):.2f}"
                    ]
                    cells += summary([s * 1000 for s in cpu], "{:.2f} ms")
                else:
                    rates = [arguments.counts[what] / s / 1000 for s in seconds]
                    cells = summary(rates, "{:.0f} k/s")
                    cells += [
                        f"x{statistics.median(direct_seconds) / statistics.median(seconds):.2f}"
                    ]
                    cells += summary(cpu, "{:.2f} s")
                cells += [f"x{statistics.median(cpu) / statistics.median(direct_cpu):.2f}"]
                print(f"| {what} | {name} | " + " | ".join(cells) + " |")
    print(
        f"\n{arguments.messages} messages of 1 KB; {arguments.rounds} rounds; {machine.describe()}"
    )


def summary(values, form):
    """The median, and the least and the most."""
    least, most = min(values), max(values)
    return [form.format(statistics.median(values)), f"{form.format(least)} to {form.format(most)}"]


if __name__ == "__main__":
    main()
