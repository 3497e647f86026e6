"""A C server that is not Kafka on a store, with tokens that the program makes in it."""

import time

from harness.kafka.properties import SCRAM_MECHANISMS

from ..token_authority import TokenAuthority
from . import Row

_SHORT_LIFE_MS = 1000


def rows(_scene):
    ways = {
        "store, Kafka's classes": TokenAuthority.log_in_by_kafkas_classes,
        "store, Python": TokenAuthority.log_in,
    }
    for way, log_in in ways.items():
        for mechanism in SCRAM_MECHANISMS:

            def fresh(log_in=log_in, mechanism=mechanism):
                with TokenAuthority() as authority:
                    return log_in(authority, authority.create(), mechanism)

            yield Row(way, mechanism, "token", "logged in", fresh)
    for what, run, expected in [
        ("expired token", _expired, "refused"),
        ("token, then revoked", _revoked, "refused"),
        ("secret key rotates", _rotated, "logged in"),
        ("removed secret key", _removed_key, "refused"),
    ]:
        yield Row("store, Python", _MECHANISM, what, expected, run)


_MECHANISM = "SCRAM-SHA-512"


def _expired():
    with TokenAuthority() as authority:
        token = authority.create(_SHORT_LIFE_MS)
        time.sleep(_SHORT_LIFE_MS / 1000 + 0.1)
        return authority.log_in(token, _MECHANISM)


def _revoked():
    """Right after a login that succeeded: the server reads the store at each."""
    with TokenAuthority() as authority:
        token = authority.create()
        outcome, text = authority.log_in(token, _MECHANISM)
        if outcome != "logged in":
            return "failed", text
        authority.remove(token)
        return authority.log_in(token, _MECHANISM)


def _rotated():
    """Tokens of the old key and of the new one log in side by side, then the new one's alone."""
    with TokenAuthority() as authority:
        old = authority.create()
        authority.add_key()
        new = authority.create()
        for token in (old, new):
            outcome, text = authority.log_in(token, _MECHANISM)
            if outcome != "logged in":
                return "failed", text
        authority.remove_oldest_key()
        return authority.log_in(new, _MECHANISM)


def _removed_key():
    with TokenAuthority() as authority:
        token = authority.create()
        authority.add_key()
        authority.create()
        authority.remove_oldest_key()
        return authority.log_in(token, _MECHANISM)
