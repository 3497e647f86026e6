"""DelegationToken: what is known of a delegation token."""

from __future__ import annotations

from ctypes import c_void_p
from dataclasses import dataclass, field
from datetime import datetime

from ._arguments import Text
from ._library import library
from ._time import from_milliseconds


@dataclass(frozen=True)
class DelegationToken:
    """A delegation token (KIP-48). None: unknown. Times are in milliseconds since
    1970-01-01T00:00:00Z.

    Attributes:
        id: the user name of its logins.
        hmac: base64 text, the password of its logins: a secret.
        owner: the principal that its logins act as, such as "User:alice".
        requester: the principal that asked for it (KIP-373).
        renewers: the principals that may renew it besides those two, as far as is known.
        issue_ms: when it was made.
        expiry_ms: when it ends unless it is renewed.
        max_ms: when it ends for good.
    """

    id: Text
    hmac: Text | None = field(repr=False)
    owner: str | None = None
    requester: str | None = None
    renewers: tuple[str, ...] = ()
    issue_ms: int | None = None
    expiry_ms: int | None = None
    max_ms: int | None = None

    @property
    def issue(self) -> datetime | None:
        """issue_ms as an aware datetime in UTC."""
        return None if self.issue_ms is None else from_milliseconds(self.issue_ms)

    @property
    def expiry(self) -> datetime | None:
        """expiry_ms as an aware datetime in UTC, at most the end of the year 9999."""
        return None if self.expiry_ms is None else from_milliseconds(self.expiry_ms)

    @property
    def max(self) -> datetime | None:
        """max_ms as an aware datetime in UTC, at most the end of the year 9999."""
        return None if self.max_ms is None else from_milliseconds(self.max_ms)


def from_pointer(token: c_void_p | int) -> DelegationToken:
    """Copies a token of the C API."""
    return DelegationToken(
        id=_text(library.scramtoken_token_id(token)) or "",
        hmac=_text(library.scramtoken_token_hmac(token)),
        owner=_text(library.scramtoken_token_owner(token)),
        requester=_text(library.scramtoken_token_requester(token)),
        renewers=tuple(
            _text(library.scramtoken_token_renewer(token, index)) or ""
            for index in range(library.scramtoken_token_renewers_len(token))
        ),
        issue_ms=_time(library.scramtoken_token_issue_ms(token)),
        expiry_ms=_time(library.scramtoken_token_expiry_ms(token)),
        max_ms=_time(library.scramtoken_token_max_ms(token)),
    )


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode("utf-8")


def _time(milliseconds: int) -> int | None:
    return None if milliseconds == -1 else milliseconds
