"""Kafka's own producer and consumer (Traffic.java), logged in by token while something happens."""

import subprocess
from pathlib import Path

from harness.jvm.programs import java_program
from harness.kafka import properties
from harness.process import start, stop

_SOURCES = Path(__file__).with_name("java")


class JavaTraffic:
    """For a `with` block; `figures` are there after `end`."""

    def __init__(self, cluster, token, topic, directory):
        line = properties.jaas("SCRAM-SHA-512", token.id, token.hmac)
        config = properties.admin(cluster.bootstrap(), cluster.authority) | {
            "sasl.jaas.config": f'{line[:-1]} tokenauth="true";'
        }
        file = properties.write(directory / "traffic.properties", config)
        self._log = directory / "traffic.log"
        program = java_program("Traffic", file, topic, sources=_SOURCES, version=cluster.version)
        with open(self._log, "wb") as log:
            pipe = subprocess.PIPE
            self._process = start(program, stdin=pipe, stdout=pipe, stderr=log, text=True)

    def __enter__(self):
        assert self._process.stdout.readline() == "running\n", self.log()
        return self

    def __exit__(self, *_):
        stop(self._process)

    def end(self):
        """Stops sending, waits for what is under way, and returns the figures by name."""
        print(file=self._process.stdin, flush=True)
        line = self._process.stdout.readline()
        assert line, self.log()
        return {name: int(number) for name, _, number in (w.partition("=") for w in line.split())}

    def log(self):
        return self._log.read_text(errors="replace")
