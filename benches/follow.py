"""A store that follows a cluster of many tokens: first fill, a look, a change, what they cost.

usage: python -m benches.follow [--tokens N] [--version KAFKA]

Needs `make lib program`. The tokens are among the records that the cluster begins with; the broker
derives their credentials while it starts. Prints a line for each figure.
"""

import argparse
import contextlib
import os
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

import scramtoken
from harness import process
from harness.forwarder import Forwarder
from harness.kafka import jars
from harness.kafka.broker import JVM_ARGS, KafkaBroker
from harness.kafka.cli import PROGRAM

BROKER_JVM = [*JVM_ARGS[:1], "-Xmx2g", "-XX:+UseG1GC"]
CHANGES = 10
STEADY_SECONDS = 30
TICK = os.sysconf("SC_CLK_TCK")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tokens", type=int, default=100_000)
    parser.add_argument("--version", default="4.4.0")
    arguments = parser.parse_args()
    begun = time.monotonic()
    with BrokerWithTokens(arguments.tokens, arguments.version) as broker:
        say("tokens", arguments.tokens)
        say("the broker's start, s", time.monotonic() - begun)
        with tempfile.TemporaryDirectory(dir="/dev/shm") as directory:
            Bench(broker, f"lmdb:{directory}/store").run()


class BrokerWithTokens(KafkaBroker):
    ready_seconds = 3600  # it derives one token after the other

    def __init__(self, tokens, version):
        super().__init__(version, jvm_args=BROKER_JVM)
        self._tokens = tokens

    def _format(self):
        super()._format()
        source = Path(__file__).with_name("MakeTokens.java")
        records = next(self.directory.rglob("*.checkpoint"))
        classpath = jars.broker_classpath(self.version)
        argv = [process.java_command(), "-cp", classpath, source, records, self._tokens]
        subprocess.run([str(word) for word in argv], check=True)


class Bench:
    def __init__(self, broker, uri):
        self.broker, self.uri = broker, uri
        self.pid = next(iter(broker._processes.values())).pid

    def run(self):
        for what in ("first fill", "a look, nothing new"):
            self.once(what)
        say("bytes of a look", self.bytes_of_a_look())
        with self.following() as follower:
            self.changes()
            before = cpu_s(follower.pid), cpu_s(self.pid)
            time.sleep(STEADY_SECONDS)
            after = cpu_s(follower.pid), cpu_s(self.pid)
            for whose, was, now in zip(("follower's", "broker's"), before, after):
                say(f"{whose} CPU at a look each 2 s, %", (now - was) / STEADY_SECONDS * 100)
            say("follower's memory at its peak, MB", peak_mb(follower.pid))

    def follow(self, *options, bootstrap=None):
        where = ["--bootstrap-server", bootstrap or self.broker.bootstrap()]
        where += ["--command-config", self.broker.admin_config]
        return [str(w) for w in [PROGRAM, "store", "follow", "--store", self.uri, *where, *options]]

    def once(self, what):
        brokers_s, begun = cpu_s(self.pid), time.monotonic()
        child = subprocess.Popen(self.follow("--once"), stdout=subprocess.PIPE, text=True)
        printed = child.stdout.read()
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        assert child.returncode == 0, printed
        say(f"{what}, s", time.monotonic() - begun)
        say(f"{what}: follower's CPU, s", usage.ru_utime + usage.ru_stime)
        say(f"{what}: follower's memory, MB", usage.ru_maxrss / 1024)
        say(f"{what}: broker's CPU, s", cpu_s(self.pid) - brokers_s)

    def bytes_of_a_look(self):
        with Forwarder(self.broker.address()) as way:
            command = self.follow("--once", bootstrap=way.address)
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            return way.bytes_from_target

    @contextlib.contextmanager
    def following(self):
        follower = process.start(self.follow("--interval", "2s"), stderr=subprocess.DEVNULL)
        try:
            yield follower
        finally:
            process.stop(follower)

    def changes(self):
        """From the answer to a request to the first login that shows it."""
        made, ended = [], []
        with scramtoken.Store.open(self.uri, read_only=True) as store:
            config = scramtoken.ServerConfig(store=store)
            for _ in range(CHANGES):
                fields = self.broker._admin.request("create-token", "User:alice", -1, "User:admin")
                token_id, hmac = fields[:2]
                made.append(wait_for(True, config, token_id, hmac))
                self.broker._admin.request("expire-token", hmac, -1)
                ended.append(wait_for(False, config, token_id, hmac))
        for what, samples in (
            ("a new token logs in after, s", made),
            ("an ended one is refused after, s", ended),
        ):
            say(f"{what} (median)", statistics.median(samples))
            say(f"{what} (most)", max(samples))


def say(what, value):
    text = f"{value:.2f}" if isinstance(value, float) else f"{value:,}"
    print(f"{what:60} {text:>14}", flush=True)


def wait_for(wanted, config, token_id, hmac):
    begun = time.monotonic()
    while logs_in(config, token_id, hmac) != wanted:
        time.sleep(0.02)
    return time.monotonic() - begun


def logs_in(config, token_id, hmac):
    server = scramtoken.Server(config, "SCRAM-SHA-256")
    client = scramtoken.Client("SCRAM-SHA-256", token_id=token_id, hmac=hmac)
    message = client.step()
    try:
        while message:
            message = client.step(server.step(message))
    except scramtoken.ScramTokenError:
        return False
    return True


def cpu_s(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def peak_mb(pid):
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


if __name__ == "__main__":
    main()
