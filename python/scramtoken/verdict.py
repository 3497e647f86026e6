"""Verdict: how a login at a server ended."""

from __future__ import annotations

from ctypes import string_at
from dataclasses import dataclass
from datetime import datetime

from ._library import VerdictStruct
from ._time import from_milliseconds
from .errors import known

_AUTHENTICATED, _REJECTED = 1, 2


@dataclass(frozen=True)
class Verdict:
    """How a login ended; true if and only if the peer is authenticated.

    Attributes:
        authenticated: whether the peer is who ``name`` says; False, too, while undecided.
        reason: the Status for which it was rejected, else None. For the server's log, not for
            the peer, which must not learn whether a name exists.
        name: whom to treat the peer as: the user, or a token's owner; "" unless authenticated.
        is_token: the peer logged in with a delegation token, and so may not manage tokens (KIP-48).
        token_id: that token's id, else None.
        expiry_ms: when the credential ends, in milliseconds since 1970 (UTC); None: never.
        doubled_nonce: a librdkafka older than 2.6.1, let in by ServerConfig(doubled_nonce=True).
    """

    authenticated: bool = False
    reason: int | None = None
    name: str = ""
    is_token: bool = False
    token_id: str | None = None
    expiry_ms: int | None = None
    doubled_nonce: bool = False

    def __bool__(self) -> bool:
        return self.authenticated

    @property
    def expiry(self) -> datetime | None:
        """expiry_ms as an aware datetime in UTC, at most the end of the year 9999."""
        return None if self.expiry_ms is None else from_milliseconds(self.expiry_ms)


def from_struct(verdict: VerdictStruct) -> Verdict:
    """Copies the C API's verdict, whose names are borrowed."""
    return Verdict(
        authenticated=verdict.outcome == _AUTHENTICATED,
        reason=known(verdict.reason) if verdict.outcome == _REJECTED else None,
        name=_text(verdict.name, verdict.name_len),
        is_token=verdict.is_token,
        token_id=_text(verdict.token_id, verdict.token_id_len) if verdict.is_token else None,
        expiry_ms=None if verdict.expiry_ms == -1 else verdict.expiry_ms,
        doubled_nonce=verdict.doubled_nonce,
    )


def _text(pointer: int | None, length: int) -> str:
    return string_at(pointer or 0, length).decode("utf-8") if length else ""
