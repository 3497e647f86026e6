"""The example programs that log in, run as a user runs them."""

import os
import subprocess
import sys
from dataclasses import dataclass

from harness.paths import ROOT, library

C = (ROOT / "build" / "examples" / "login",)
PYTHON = (sys.executable, ROOT / "examples" / "python" / "login.py")

_OUTCOMES = {0: "logged in", 1: "refused", 3: "expired"}  # by exit code; others are mishaps


@dataclass(frozen=True)
class Credential:
    """What a login presents: a user's name and password, or a token's id and HMAC."""

    name: str
    secret: str
    is_token: bool = False

    def __repr__(self):
        return f"Credential({self.name!r}, is_token={self.is_token})"


@dataclass(frozen=True)
class Login:
    """What came of it: an outcome in a word or two, and the program's own words."""

    outcome: str
    text: str


def log_in(program, address, mechanism, credential):
    """Runs a login program; the secret goes by its environment, as no one else can read that."""
    host, port = address
    identity = "--token-id" if credential.is_token else "--user"
    environment = {
        "PATH": os.environ.get("PATH", ""),
        "PYTHONPATH": str(ROOT / "python"),
        "SCRAMTOKEN_LIBRARY": str(library()),
        "SCRAMTOKEN_SECRET": credential.secret,
    }
    done = subprocess.run(
        [
            *program,
            f"--host={host}",
            f"--port={port}",
            f"--mechanism={mechanism}",
            f"{identity}={credential.name}",
        ],
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )
    outcome = _OUTCOMES.get(done.returncode, f"exit code {done.returncode}")
    return Login(outcome, (done.stdout + done.stderr).strip())
