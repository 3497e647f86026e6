"""The table of misuse that all doors share, through the Python package."""

from __future__ import annotations

import re

import pytest
from exchange import ROOT

import scramtoken
from scramtoken import Client, Server, ServerConfig, Status

MECHANISM = "SCRAM-SHA-512"
SALT = b"0123456789abcdef"
HMAC = "aG1hYw=="
USER = scramtoken.derive(MECHANISM, "pencil", SALT, 4096)
TOKEN = scramtoken.derive(MECHANISM, HMAC, SALT, 4096)

TABLE = (ROOT / "tests" / "misuse" / "table.txt").read_text()
CASES = [case.partition("\n")[::2] for case in TABLE.split("\ncase ")[1:]]


def lines(text):
    return [line.split() for line in text.splitlines() if line and not line.startswith("#")]


def status_of(call, done=None):
    """The name of the status that a call comes to."""
    try:
        result = call()
    except scramtoken.ScramTokenError as error:
        return Status(error.status).name
    return done(result) if done else "OK"


def cases(side):
    chosen = [case for case in CASES if case[0].startswith(side)]
    return pytest.mark.parametrize("title, text", chosen, ids=[title for title, _ in chosen])


@cases("server")
def test_server(title, text):
    within = [line[1:] for line in lines(text) if line[0] == "within"]
    peer = Peer()

    def lookup(mechanism, name, kind):
        for call, expected in within:
            assert Peer(peer.server).call(call) == expected, f"{title}: within {call}"
            peer.calls_within += 1
        return scramtoken.User(USER)

    config = ServerConfig(lookup=lookup if within else None)
    peer.server = Server(config, MECHANISM)
    for call, expected in [line for line in lines(text) if line[0] != "within"]:
        assert peer.call(call) == expected, f"{title}: {call}"
    assert peer.calls_within == len(within)


class Peer:
    """Calls a server's methods, with a client's messages where they are wanted."""

    def __init__(self, server=None):
        self.server = server
        self.client = None
        self.calls_within = 0

    def call(self, call):
        return getattr(self, call.replace("-", "_"))()

    def first(self, **credential):
        client = Client(MECHANISM, **(credential or {"username": "user", "password": "pencil"}))
        name = self.step(client.step())
        if name in ("NEED_CREDENTIAL", "CONTINUE"):
            self.client = client
        return name

    def first_token(self):
        return self.first(token_id="token-id", hmac=HMAC)

    def rubbish(self):
        return self.step(b"rubbish")

    def resume(self):
        return self.step(b"")

    def final(self):
        return self.step(self.client.step(self.output))

    def user(self):
        return status_of(lambda: self.server.supply_user(USER))

    def token(self):
        return status_of(lambda: self.server.supply_token(TOKEN, "alice", None))

    def nobody(self):
        return status_of(self.server.supply_unknown)

    def verdict(self):
        # Python tells who is in the midst of a step that the server is in use.
        try:
            verdict = self.server.verdict
        except scramtoken.InvalidStateError:
            return "UNDECIDED"
        if verdict.authenticated:
            return "AUTHENTICATED"
        return "UNDECIDED" if verdict.reason is None else "REJECTED"

    def step(self, message):
        def done(output):
            self.output = output or getattr(self, "output", b"")
            if self.server.need_credential:
                return "NEED_CREDENTIAL"
            return "OK" if self.server.verdict.authenticated else "CONTINUE"

        return status_of(lambda: self.server.step(message), done)


@cases("client")
def test_client(title, text):
    """Python's client has its credential and settings from the beginning."""
    client = Client(MECHANISM, username="user", password="pencil")
    first = b""
    for call, expected in lines(text):
        if call in ("credential", "nonce", "limits"):
            continue
        if call == "start":
            if expected == "INVALID_STATE" and not first and "no credential" in title:
                continue
            got, first = step(client, b"", first)
        elif call in ("rubbish", "message"):
            got, _ = step(client, b"rubbish", first)
        elif call == "challenge":
            nonce = re.search(rb",r=(.*)", first).group(1)
            challenge = b"r=" + nonce + b"theirs,s=MDEyMzQ1Njc4OWFiY2RlZg==,i=4096"
            got, _ = step(client, challenge, first)
        else:
            got = status_of(client.cancel)
        assert got == expected, f"{title}: {call}"


def step(client, message, before):
    output = []
    status = status_of(lambda: output.append(client.step(message)), lambda _: "CONTINUE")
    return status, output[0] if output else before
