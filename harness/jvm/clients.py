"""Java clients of one JVM, by Clients.java; each with a JAAS line of its own."""

import os
import subprocess

from harness import process
from harness.kafka import properties
from harness.kafka.admin import KafkaError

from .programs import java_program


class Clients:
    """A JVM like the broker's; its files are in `directory`."""

    def __init__(self, broker, directory, environment=None):
        self._broker = broker
        self._directory = directory
        self._log = open(directory / "clients.log", "w+")
        self._warnings = []
        self._process = process.start(
            java_program(
                "Clients", version=broker.version, java=broker.java, jvm_args=["-Xcheck:jni"]
            ),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
            env={**os.environ, **(environment or {})},
        )

    def open(self, name, jaas, mechanism="SCRAM-SHA-512", listener="SASL_PLAINTEXT"):
        """Makes a client, which may fail already; its first connection comes with `ask`."""
        config = {
            **properties.admin(self._broker.bootstrap(listener), self._broker.authority),
            "security.protocol": listener,
            "sasl.mechanism": mechanism,
            "sasl.jaas.config": jaas,
            "default.api.timeout.ms": 8000,
            "request.timeout.ms": 4000,
        }
        file = properties.write(self._directory / f"{name}.properties", config)
        self._request("open", name, file)

    def ask(self, name):
        """One request to the broker, or KafkaError."""
        self._request("ask", name)

    def remove_provider(self):
        """As an application that wants other security providers than there are."""
        self._request("remove")

    def put_provider_in_front(self):
        """One that takes every login, and fails it."""
        self._request("front")

    def close_all(self):
        """Closes all clients; the JVM stays for others."""
        self._request("close")

    def log(self):
        """What the clients logged, and what -Xcheck:jni had to say between the answers."""
        self._log.seek(0)
        return self._log.read() + "".join(self._warnings)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        process.stop(self._process)
        self._log.close()

    def _request(self, *fields):
        print(*fields, sep="\t", file=self._process.stdin, flush=True)
        while line := self._process.stdout.readline():
            status, *rest = line.rstrip("\n").split("\t")
            if status == "ok":
                return
            if status == "error":
                raise KafkaError(*rest)
            self._warnings.append(line)
        raise RuntimeError(f"the clients' JVM has ended\n{self.log()}")
