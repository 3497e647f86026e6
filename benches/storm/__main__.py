"""A connect storm: many logins on one broker, with Kafka's own SaslServer and with ours.

usage: python -m benches.storm [--logins N] [--rounds N] [--warm-up N] [--at-once N]
                               [--mechanism M] [--version KAFKA] [--out FILE]

Needs `make jar storm-program`. Two brokers are up, one with each SaslServer; rounds take turns on
them. Each line of FILE, build/storm/storm.jsonl unless set, is a JSON object;
`python -m benches.tables.storm FILE` makes tables of them.
"""

import argparse
import contextlib
import itertools
import json
import os
import resource
import secrets
import subprocess
import time
from pathlib import Path

from benches.tables import machine
from harness.jvm.jar import JAR, VERSION, broker_jaas, on_listeners
from harness.kafka.broker import KafkaBroker
from harness.kafka.properties import LISTENERS, USERS
from harness.paths import ROOT
from harness.process import say

STORM = ROOT / "build" / "storm"
PROGRAM = STORM / "target" / "release" / "storm"
# What kafka-server-start.sh starts a broker with.
JVM_ARGS = (
    "-Xms1G -Xmx1G -server -XX:+UseG1GC -XX:MaxGCPauseMillis=20 "
    "-XX:InitiatingHeapOccupancyPercent=35 -XX:+ExplicitGCInvokesConcurrent -XX:MaxInlineLevel=15 "
    "-Djava.awt.headless=true"
).split()
CREDENTIALS = ("password", "token")
WARM_UP_STEP = 1000
SETTLE_S = 0.2  # a broker closes connections after their clients
IDLE_S = 5
LONGEST_S = 600
TICK = os.sysconf("SC_CLK_TCK")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--logins", type=int, default=5000, help="of each round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--warm-up", type=int, default=3000, help="logins before, of each kind")
    parser.add_argument("--at-once", type=int, default=64, help="connections")
    parser.add_argument("--mechanism", default="SCRAM-SHA-512")
    parser.add_argument("--version", default="4.4.0")
    parser.add_argument("--out", type=Path, default=STORM / "storm.jsonl")
    arguments = parser.parse_args()
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    with open(arguments.out, "w") as out, contextlib.ExitStack() as stack:
        brokers = [
            stack.enter_context(MeasuredBroker(party, arguments.version))
            for party in ("kafka", "scramtoken")
        ]
        for broker in brokers:
            broker.check()
        Storm(arguments, brokers, out).run()


class MeasuredBroker(KafkaBroker):
    """A broker whose listeners all have Kafka's SaslServer, or all ours."""

    def __init__(self, party, version):
        ours = party == "scramtoken"
        line = broker_jaas(mockSecret=secrets.token_urlsafe(32))
        super().__init__(
            version,
            extra_properties=on_listeners(line) if ours else {},
            classpath_extra=[JAR] if ours else [],
            jvm_args=JVM_ARGS,
        )
        self.party = party

    def __enter__(self):
        super().__enter__()
        self.start_s = time.monotonic() - self._started
        (node,) = self._processes.values()
        self._pid = node.pid
        self.start_cpu_s = self.cpu_s()
        return self

    def check(self):
        """It has the SaslServer that it should have, and a token."""
        loaded = "libscramtoken" in Path(f"/proc/{self._pid}/maps").read_text()
        assert loaded == (self.party == "scramtoken"), "the wrong SaslServer"
        self.token = self.create_token("User:alice")

    def start_node(self, number=1):
        self._started = time.monotonic()
        super().start_node(number)

    def cpu_s(self):
        """User and system time of all of its threads, up to now."""
        fields = Path(f"/proc/{self._pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICK


class Storm:
    def __init__(self, arguments, brokers, out):
        self._arguments, self._brokers, self._out = arguments, brokers, out

    def run(self):
        arguments = self._arguments
        self._write(
            kind="run",
            kafka=arguments.version,
            scramtoken=VERSION,
            machine=f"{os.cpu_count()} processors, {machine.describe('java')}",
            mechanism=arguments.mechanism,
            logins=arguments.logins,
            rounds=arguments.rounds,
            at_once=arguments.at_once,
        )
        for broker in self._brokers:
            start = {"seconds": broker.start_s, "cpu_s": broker.start_cpu_s}
            self._write(kind="start", party=broker.party, **start)
        kinds = list(itertools.product(LISTENERS, CREDENTIALS))
        for listener, credential in kinds:
            for begun in range(0, arguments.warm_up, WARM_UP_STEP):
                logins = min(WARM_UP_STEP, arguments.warm_up - begun)
                for broker in self._brokers:
                    self._measure(broker, listener, credential, logins, "warm-up", begun)
        self._idle()
        for number in range(arguments.rounds):
            # Whoever goes first pays for what the machine does just then: take turns.
            order = self._brokers[:: -1 if number % 2 else 1]
            for listener, credential in kinds:
                for broker in order:
                    self._measure(broker, listener, credential, arguments.logins, "round", number)
            say(f"round {number + 1} of {arguments.rounds}")

    def _measure(self, broker, listener, credential, logins, kind, number):
        options = {
            "address": "{}:{}".format(*broker.address(listener)),
            "ca": str(broker.authority.pem) if listener == "SASL_SSL" else None,
            "mechanism": self._arguments.mechanism,
            "name": broker.token.id if credential == "token" else "alice",
            "secret": broker.token.hmac if credential == "token" else USERS["alice"],
            "is_token": credential == "token",
            "logins": logins,
            "at_once": min(logins, self._arguments.at_once),
        }
        brokers_s, clients_s = broker.cpu_s(), clients_cpu_s()
        done = subprocess.run(
            [PROGRAM],
            input=json.dumps(options),
            stdout=subprocess.PIPE,
            text=True,
            check=True,
            timeout=LONGEST_S,
        )
        clients_s = clients_cpu_s() - clients_s
        time.sleep(SETTLE_S)
        brokers_s = broker.cpu_s() - brokers_s
        result = json.loads(done.stdout)
        assert result["logins"] == logins, result
        self._write(
            kind=kind,
            number=number,
            party=broker.party,
            listener=listener,
            credential=credential,
            brokers_cpu_us=brokers_s / logins * 1e6,
            clients_cpu_us=clients_s / logins * 1e6,
            **result,
        )

    def _idle(self):
        """What a broker spends on nothing, which is in what it spends on logins."""
        before = [broker.cpu_s() for broker in self._brokers]
        time.sleep(IDLE_S)
        for broker, was in zip(self._brokers, before):
            self._write(kind="idle", party=broker.party, cpu=(broker.cpu_s() - was) / IDLE_S)

    def _write(self, **fields):
        print(json.dumps(fields), file=self._out, flush=True)


def clients_cpu_s():
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


if __name__ == "__main__":
    main()
