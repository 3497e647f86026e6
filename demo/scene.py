"""What the rows of the table find: a broker, a user and credentials of every kind."""

import base64
import secrets
import time
from dataclasses import dataclass
from typing import Optional

from harness.kafka.broker import KafkaBroker
from harness.kafka.login_program import Credential
from harness.kafka.token_tool import create_token
from harness.process import say

USER = "dora"
_SHORT_LIFE_MS = 3000


@dataclass(frozen=True)
class Attempt:
    """A credential to log in with, and what must come of it."""

    what: str
    credential: Credential
    expected: str


@dataclass(frozen=True)
class Scene:
    broker: KafkaBroker
    attempts: tuple
    on_libscramtoken: "Optional[Scene]" = None  # the same on a broker of its own


def set_scene(broker):
    """Creates a user, and her tokens with Kafka's own tool; one of them has expired."""
    password = secrets.token_urlsafe(16)
    say(f"Creating the user {USER}")
    broker.add_user(USER, password)

    say("Creating her delegation tokens with Kafka's DelegationTokenCommand")
    # The broker sweeps expired tokens once an hour; until then it lets this one in.
    expired = _token(broker, password, _SHORT_LIFE_MS)
    end = time.monotonic() + _SHORT_LIFE_MS / 1000
    token = _token(broker, password, -1)
    time.sleep(max(0, end - time.monotonic()))

    wrong_hmac = base64.b64encode(secrets.token_bytes(64)).decode()
    attempts = (
        Attempt("password", Credential(USER, password), "logged in"),
        Attempt("token", token, "logged in"),
        Attempt("wrong HMAC", Credential(token.name, wrong_hmac, is_token=True), "refused"),
        Attempt("expired token", expired, "expired"),
    )
    return Scene(broker, attempts)


def _token(broker, password, lifetime_ms):
    token_id, hmac = create_token(broker, USER, password, lifetime_ms)
    broker.wait_for_login(token_id, hmac, token=True)
    return Credential(token_id, hmac, is_token=True)
