"""Kafka's own ScramSaslClient and ScramSaslServer as the other side of a login.

`ScramPeer` drives one JVM (ScramPeer.java) over its standard input and output.
"""

import subprocess
from base64 import b64decode, b64encode
from pathlib import Path

from harness.kafka.jars import broker_classpath
from harness.process import java_command, start, stop

SOURCE = Path(__file__).with_name("ScramPeer.java")


class PeerRefused(Exception):
    """Kafka's class threw; `kind` is the exception's class."""

    def __init__(self, kind, message):
        super().__init__(f"{kind}: {message}")
        self.kind = kind


class ScramPeer:
    """One JVM with the SCRAM classes of a Kafka version; a context manager."""

    def __init__(self, version):
        self._process = start(
            [java_command(), "-cp", broker_classpath(version), SOURCE],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        stop(self._process)

    def derive(self, mechanism, password, iterations):
        """What a broker keeps for a password: (salt, stored key, server key)."""
        return tuple(map(b64decode, self._ask("derive", mechanism, _field(password), iterations)))

    def put_user(self, mechanism, name, password, iterations):
        self._ask("user", mechanism, _field(name), _field(password), iterations)

    def put_token(self, mechanism, token_id, hmac, owner, expiry_ms, iterations):
        fields = map(_field, (token_id, hmac, owner))
        self._ask("token", mechanism, *fields, expiry_ms, iterations)

    def client(self, mechanism, name, password, tokenauth=""):
        """Starts a client; `tokenauth` is the extension's value, empty: none is sent."""
        self._ask("client", mechanism, _field(name), _field(password), tokenauth)

    def client_step(self, message=b""):
        """(what it sends, whether it is complete)"""
        return self._step("client-step", message)

    def server(self, mechanism):
        """Starts a server."""
        self._ask("server", mechanism)

    def server_step(self, message):
        """(what it sends, whether it is complete)"""
        return self._step("server-step", message)

    def server_result(self, negotiated_property):
        """(authorization id, the negotiated property as Java prints it)"""
        name, value = self._ask("server-result", negotiated_property)
        return b64decode(name).decode(), value

    def _step(self, request, message):
        output, complete = self._ask(request, b64encode(message).decode())
        return b64decode(output), complete == "true"

    def _ask(self, *fields):
        print(*fields, sep="\t", file=self._process.stdin, flush=True)
        answer = self._process.stdout.readline().rstrip("\n").split("\t")
        if answer[0] == "ok":
            return answer[1:]
        if answer[0] == "error":
            raise PeerRefused(*answer[1:])
        raise RuntimeError(f"Kafka's JVM ended or answered {answer!r}")


def _field(text):
    return b64encode(text.encode()).decode()
