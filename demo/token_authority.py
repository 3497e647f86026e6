"""A server that is not Kafka, on a store: examples/c/server.c, who makes tokens and logs in."""

import json
import socket
import struct
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import scramtoken
from harness.kafka.cli import scramtoken as program
from harness.kafka.peer import PeerRefused, ScramPeer
from harness.paths import ROOT
from harness.process import start, stop

SERVER = ROOT / "build" / "examples" / "server"
OWNER = "User:dora"


@dataclass(frozen=True)
class Token:
    id: str
    hmac: str


class TokenAuthority:
    """The running server, and the program that makes tokens in its store; a context manager."""

    def __init__(self):
        self._directory = tempfile.TemporaryDirectory()
        self._path = Path(self._directory.name)
        self._keys = []
        self.add_key()
        self._server = start(
            [SERVER, "--store", self._uri()], stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        listening = self._server.stdout.readline().decode()
        assert listening.startswith("listening on "), listening
        self._port = int(listening.rpartition(":")[2])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        stop(self._server)
        self._directory.cleanup()

    def add_key(self):
        """A new secret key, which signs from now on."""
        key = self._path / f"key-{len(self._keys) + 1}"
        _done(program("secret-key", "generate", "--out", key))
        self._keys.insert(0, key)

    def remove_oldest_key(self):
        _done(program("secret-key", "remove", "--store", self._uri(), self._keys.pop().name))

    def create(self, max_lifetime_ms=-1):
        lifetime = ("--max-life-time-period", str(max_lifetime_ms))
        made = json.loads(self._tokens("--create", *lifetime, "--output", "json"))
        return Token(made["token_id"], made["hmac"])

    def remove(self, token):
        """Expires the token at once."""
        self._tokens("--expire", "--expiry-time-period", "-1", "--hmac-file", "-", stdin=token.hmac)

    def log_in(self, token, mechanism):
        """By this library's client."""
        client = scramtoken.Client(mechanism, token_id=token.id, hmac=token.hmac)
        try:
            self._converse(mechanism, client.step, lambda: client.authenticated)
        except scramtoken.AuthenticationError as error:
            return "refused", str(error)
        return "logged in", ""

    def log_in_by_kafkas_classes(self, token, mechanism):
        with ScramPeer("4.4.0") as peer:
            peer.client(mechanism, token.id, token.hmac, "true")
            complete = False

            def step(message=b""):
                nonlocal complete
                output, complete = peer.client_step(message)
                return output

            try:
                self._converse(mechanism, step, lambda: complete)
            except PeerRefused as error:
                return "refused", str(error)
        return "logged in", ""

    def _converse(self, mechanism, step, is_complete):
        with socket.create_connection(("127.0.0.1", self._port), timeout=30) as connection:
            stream = connection.makefile("rwb")
            _send(stream, mechanism.encode())
            message = step()
            while not is_complete():
                _send(stream, message)
                message = step(_receive(stream))

    def _tokens(self, *options, **run):
        keys = [word for key in self._keys for word in ("--secret-key-file", key)]
        where = ("--store", self._uri(), *keys, "--as", OWNER)
        return _done(program("delegation-tokens", *where, *options, **run)).stdout

    def _uri(self):
        return f"lmdb:{self._path / 'store'}"


def _done(process):
    assert process.returncode == 0, process.stderr
    return process


def _send(stream, content):
    stream.write(struct.pack(">I", len(content)) + content)
    stream.flush()


def _receive(stream):
    (length,) = struct.unpack(">I", stream.read(4))
    return stream.read(length)
