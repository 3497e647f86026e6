"""Kafka's admin client as a child process (AdminLoop.java) that stays up between requests."""

import subprocess
from pathlib import Path

from harness import process

_SOURCE = Path(__file__).with_name("AdminLoop.java")
_JVM_ARGS = ["-Xmx128m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"]


class KafkaError(Exception):
    """What Kafka's client said: `name` is its exception's class."""

    def __init__(self, name, message):
        super().__init__(f"{name}: {message}")
        self.name = name


class AdminClient:
    """One request at a time; an answer may take as long as Kafka's client keeps trying."""

    def __init__(self, classpath, config, log):
        argv = [process.java_command(), *_JVM_ARGS, "-cp", classpath, _SOURCE, config]
        self._log = Path(log)
        with open(log, "wb") as stderr:
            self._process = process.start(
                argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=stderr
            )

    def send(self, *fields):
        """Sends a request; `receive` gets its answer."""
        line = "\t".join(str(field) for field in fields) + "\n"
        self._process.stdin.write(line.encode())
        self._process.stdin.flush()

    def receive(self):
        """The fields of the answer, or KafkaError."""
        line = self._process.stdout.readline().decode()
        if not line:
            log = self._log.read_text(errors="replace")
            raise RuntimeError(f"Kafka's admin client ended:\n{log}")
        status, *fields = line.rstrip("\n").split("\t")
        if status != "ok":
            raise KafkaError(*fields)
        return fields

    def request(self, *fields):
        self.send(*fields)
        return self.receive()

    def fileno(self):
        """For select(): readable when an answer is there."""
        return self._process.stdout.fileno()

    def stop(self):
        process.stop(self._process)
