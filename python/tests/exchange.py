"""What several tests need: names, secrets, and both sides of a login talking to each other."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import scramtoken

ROOT = Path(__file__).resolve().parents[2]
MECHANISMS = ["SCRAM-SHA-256", "SCRAM-SHA-512"]
SALT = b"sixteen bytes !!"
ALICE = scramtoken.derive("SCRAM-SHA-512", "wonderland", SALT, 4096)
HMAC = "c2VjcmV0IGhtYWM="
TOKEN = scramtoken.derive("SCRAM-SHA-512", HMAC, SALT, 4096)


def lookup(mechanism: str, name: str, kind: scramtoken.Identity) -> scramtoken.lookup.Answer:
    """Knows, for SCRAM-SHA-512, the user alice and her token "token-1", which never expires."""
    if name == "alice" and kind != scramtoken.Identity.TOKEN:
        return scramtoken.User(ALICE)
    if name == "token-1" and kind != scramtoken.Identity.USER:
        return scramtoken.Token(TOKEN, "alice", None)
    return None


def alice(password: str = "wonderland", **options: object) -> scramtoken.Client:
    return scramtoken.Client("SCRAM-SHA-512", username="alice", password=password, **options)


def token(hmac: str = HMAC, **options: object) -> scramtoken.Client:
    return scramtoken.Client("SCRAM-SHA-512", token_id="token-1", hmac=hmac, **options)


def server(**options: object) -> scramtoken.Server:
    config = scramtoken.ServerConfig(**{"lookup": lookup, **options})
    return scramtoken.Server(config, "SCRAM-SHA-512")


def log_in(client: scramtoken.Client, server: scramtoken.Server) -> scramtoken.Verdict:
    """Lets both talk until the client has nothing more to say."""
    message = client.step()
    while message:
        message = client.step(server.step(message))
    return server.verdict


def run_python(code: str, *, library: str | None = None, status: int = 0, **options: object) -> str:
    """Runs code in a Python of its own, with that SCRAMTOKEN_LIBRARY; returns all it printed."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "python")}
    if library is not None:
        environment["SCRAMTOKEN_LIBRARY"] = library
    done = subprocess.run(
        [sys.executable, "-X", "faulthandler", "-W", "error", "-c", code],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
        **options,
    )
    assert done.returncode == status, done.stdout
    return done.stdout
