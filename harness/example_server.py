"""examples/c/server.c on a store, as a process of its own; logins to it by Python and by Kafka."""

import contextlib
import re
import socket
import struct
import subprocess
import threading

import scramtoken
from harness.compile import example
from harness.kafka.peer import PeerRefused, ScramPeer
from harness.process import start, stop


class ExampleServer:
    """A server that is not Kafka, which lets in whom a store knows; a context manager."""

    def __init__(self, uri):
        self._process = start(
            [example("server"), "--store", uri],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        listening = self._process.stdout.readline()
        assert listening.startswith("listening on "), listening
        self._port = int(listening.rpartition(":")[2])
        self._lines = []
        self._changed = threading.Condition()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.kill()
        self._reader.join(30)
        stop(self._process)

    def _read(self):
        for line in self._process.stdout:
            with self._changed:
                self._lines.append(line.rstrip("\n"))
                self._changed.notify_all()

    def verdicts(self):
        """What the logins so far came to, one line each."""
        with self._changed:
            return self._verdicts()

    def log_in(self, name, secret, mechanism="SCRAM-SHA-512", *, token=True):
        """By this library's client: "logged in", or why the server refused."""
        how = (
            {"token_id": name, "hmac": secret} if token else {"username": name, "password": secret}
        )
        client = scramtoken.Client(mechanism, **how)
        refusal = scramtoken.AuthenticationError
        return self.log_in_by(mechanism, client.step, lambda: client.authenticated, refusal)

    def log_in_by_kafkas_classes(self, token_id, hmac, mechanism="SCRAM-SHA-512", peer=None):
        """The same by Kafka's own ScramSaslClient."""
        if peer is None:
            with ScramPeer("4.4.0") as peer:
                return self.log_in_by_kafkas_classes(token_id, hmac, mechanism, peer)
        peer.client(mechanism, token_id, hmac, "true")
        complete = False

        def step(message=b""):
            nonlocal complete
            output, complete = peer.client_step(message)
            return output

        return self.log_in_by(mechanism, step, lambda: complete, PeerRefused)

    def log_in_by(self, mechanism, step, is_complete, refusal):
        """By anybody's client: `step` takes the server's message and gives the next one, or raises
        `refusal`. What is returned the server prints, which is more than it tells the client."""
        before = len(self.verdicts())
        connection = socket.create_connection(("127.0.0.1", self._port), timeout=30)
        with connection, connection.makefile("rwb") as stream:
            _send(stream, mechanism.encode())
            message = step()
            with contextlib.suppress(EOFError, ConnectionError, refusal):
                while not is_complete():
                    _send(stream, message)
                    message = step(_receive(stream))
        with self._changed:
            assert self._changed.wait_for(lambda: len(self._verdicts()) > before, 30), self._lines
            verdict = self._verdicts()[before]
        is_in = verdict.startswith("verdict: authenticated ")
        assert is_in == is_complete(), verdict
        return "logged in" if is_in else re.match(r"verdict: (?:rejected, )?(\w+)", verdict)[1]

    def _verdicts(self):
        return [line for line in self._lines if line.startswith("verdict: ")]


def _send(stream, content):
    stream.write(struct.pack(">I", len(content)) + content)
    stream.flush()


def _receive(stream):
    head = stream.read(4)
    if not head:
        raise EOFError("the server has closed the connection")
    (length,) = struct.unpack(">I", head)
    return stream.read(length)
