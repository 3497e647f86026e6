"""The program `scramtoken`, in plain text and over TLS."""

import tempfile
from pathlib import Path

from harness.kafka.cli import client_config, scramtoken
from harness.kafka.properties import ADMIN, LISTENERS, USERS

from . import Row

_OUTCOMES = {0: "logged in", 4: "refused", 5: "expired"}  # the rest are mishaps
_MECHANISM = "SCRAM-SHA-512"


def rows(scene):
    for listener in LISTENERS:
        way = f"scramtoken, {listener}"
        for attempt in scene.attempts:

            def login(attempt=attempt, listener=listener):
                credential = attempt.credential
                name, secret, token = credential.name, credential.secret, credential.is_token
                done = _run(scene.broker, listener, name, secret, token, "login")
                return _OUTCOMES.get(done.returncode, "failed"), done.stdout + done.stderr

            yield Row(way, _MECHANISM, attempt.what, attempt.expected, login)

        def manage(listener=listener):
            return _create_and_describe(scene.broker, listener)

        yield Row(way, _MECHANISM, "create, describe", "described", manage)


def _create_and_describe(broker, listener):
    admin = (broker, listener, ADMIN, USERS[ADMIN], False, "delegation-tokens")
    owner = ("--owner-principal", "User:bob")
    created = _run(*admin, "--create", "--max-life-time-period", "-1", *owner)
    token_id = created.stdout.partition("tokenId : ")[2].split("\n")[0]
    if created.returncode != 0:
        return "failed", created.stderr
    broker.wait_for_login(token_id, _hmac(created.stdout, token_id), token=True)
    described = _run(*admin, "--describe", *owner)
    outcome = "described" if token_id in described.stdout else "failed"
    return outcome, described.stdout + described.stderr


def _hmac(table, token_id):
    """The column after the id."""
    line = next(line for line in table.splitlines() if line.startswith(token_id))
    return line.split()[1]


def _run(broker, listener, name, secret, token, command, *options):
    with tempfile.TemporaryDirectory() as directory:
        config = client_config(
            Path(directory) / "client.properties", name, secret,
            token=token, mechanism=_MECHANISM, security_protocol=listener,
            ssl_truststore_location=broker.authority.pem,
        )  # fmt: skip
        where = ["--bootstrap-server", broker.bootstrap(listener), "--command-config", config]
        return scramtoken(command, *where, *options)
