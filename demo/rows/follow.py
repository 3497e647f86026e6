"""A C server that is not Kafka, on a store that follows the broker: its own tokens log in."""

import subprocess
import tempfile
import time
from contextlib import contextmanager

from harness.example_server import ExampleServer
from harness.kafka.cli import PROGRAM
from harness.kafka.properties import SCRAM_MECHANISMS
from harness.process import start, stop

from ..scene import USER
from . import Row

_SECONDS = 30
_MECHANISM = "SCRAM-SHA-512"


def rows(scene):
    token = next(attempt.credential for attempt in scene.attempts if attempt.what == "token")
    ways = {
        "followed store, Kafka's classes": ExampleServer.log_in_by_kafkas_classes,
        "followed store, Python": ExampleServer.log_in,
    }
    for way, log_in in ways.items():
        for mechanism in SCRAM_MECHANISMS:

            def followed(log_in=log_in, mechanism=mechanism):
                with _server(scene.broker) as server:
                    return _until("logged in", server, token.name, token.secret, log_in, mechanism)

            yield Row(way, mechanism, "token", "logged in", followed)
    way = "followed store, Python"
    yield Row(way, _MECHANISM, "token, then revoked", "refused", lambda: _revoked(scene.broker))
    yield Row(
        way, _MECHANISM, "no broker any more", "logged in", lambda: _alone(scene.broker, token)
    )


def _revoked(broker):
    with _server(broker) as server:
        token = broker.create_token(f"User:{USER}")
        outcome, text = _until("logged in", server, token.id, token.hmac)
        if outcome != "logged in":
            return "failed", text
        broker.expire_token(token)
        return _until("TOKEN_NOT_FOUND", server, token.id, token.hmac)


def _alone(broker, token):
    """The follower has ended, and the server has nobody to ask."""
    with _server(broker) as server:
        _until("logged in", server, token.name, token.secret)
        stop(server.follower)
        return _until("logged in", server, token.name, token.secret)


@contextmanager
def _server(broker):
    with tempfile.TemporaryDirectory() as directory:
        uri = f"lmdb:{directory}/store"
        where = ["--bootstrap-server", broker.bootstrap(), "--command-config", broker.admin_config]
        argv = [PROGRAM, "store", "follow", "--store", uri, *where, "--interval", "500ms"]
        quiet = {"stdin": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        follower = start([str(word) for word in argv], **quiet)
        try:
            with ExampleServer(uri) as server:
                server.follower = follower
                yield server
        finally:
            stop(follower)


def _until(wanted, server, name, secret, log_in=ExampleServer.log_in, mechanism=_MECHANISM):
    """Logs in until it comes to this, for as long as changes may take."""
    deadline = time.monotonic() + _SECONDS
    while (outcome := log_in(server, name, secret, mechanism)) != wanted:
        if time.monotonic() > deadline:
            break
        time.sleep(0.1)
    return (outcome, "") if outcome == "logged in" else ("refused", outcome)
