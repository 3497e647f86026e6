"""A server that is not Kafka, on a store: examples/c/server.c, who makes tokens and logs in."""

import json
import tempfile
from dataclasses import dataclass
from pathlib import Path

from harness.example_server import ExampleServer
from harness.kafka.cli import scramtoken as program

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
        self._server = ExampleServer(self._uri())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._server.__exit__()
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
        return _told(self._server.log_in(token.id, token.hmac, mechanism))

    def log_in_by_kafkas_classes(self, token, mechanism):
        return _told(self._server.log_in_by_kafkas_classes(token.id, token.hmac, mechanism))

    def _tokens(self, *options, **run):
        keys = [word for key in self._keys for word in ("--secret-key-file", key)]
        where = ("--store", self._uri(), *keys, "--as", OWNER)
        return _done(program("delegation-tokens", *where, *options, **run)).stdout

    def _uri(self):
        return f"lmdb:{self._path / 'store'}"


def _done(process):
    assert process.returncode == 0, process.stderr
    return process


def _told(outcome):
    return (outcome, "") if outcome == "logged in" else ("refused", outcome)
