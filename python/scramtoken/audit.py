"""AuditEvent: what servers and token managers tell their log of each decision."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Callable

from . import _callbacks
from ._library import AUDIT, library
from ._time import from_milliseconds
from .errors import known


@dataclass(frozen=True)
class AuditEvent:
    """One decision. No secret is in it; names are as the peer asked for them, with control
    characters escaped, invalid UTF-8 replaced, and cut at 256 bytes. None: does not apply.

    Attributes:
        time_ms: in milliseconds since 1970-01-01T00:00:00Z, by the clock of the config or manager.
        operation: "login", "token-create", "token-renew", "token-expire", "token-sweep" or
            "secret-key-remove".
        status: Status.OK, or why not; a plain int where this package does not know it.
        mechanism: "SCRAM-SHA-256" or "SCRAM-SHA-512".
        requester: of a login the name that was asked for, else the principal that asked.
        owner: a token's: of a login a name, else a principal.
        token_id: the delegation token's.
        doubled_nonce: a librdkafka older than 2.6.1, let in by ServerConfig(doubled_nonce=True).
    """

    time_ms: int
    operation: str
    status: int
    mechanism: str | None
    requester: str | None
    owner: str | None
    token_id: str | None
    doubled_nonce: bool

    @property
    def time(self) -> datetime:
        """time_ms as an aware datetime in UTC."""
        return from_milliseconds(self.time_ms)


#: Called once for each decision, perhaps from several threads at once. What it raises refuses a
#: login: nobody is let in without a trace. The call that it happened in raises INTERNAL from it.
Audit = Callable[[AuditEvent], None]


@AUDIT
def c_audit(number, event):  # type: ignore[no-untyped-def]
    """The audit callback that the library knows; forwards to the Python one."""
    try:
        audit: Audit = _callbacks.registered(number)
        audit(
            AuditEvent(
                time_ms=library.scramtoken_audit_time_ms(event),
                operation=_text(library.scramtoken_audit_operation(event)) or "",
                status=known(library.scramtoken_audit_status(event)),
                mechanism=_text(library.scramtoken_audit_mechanism(event)),
                requester=_text(library.scramtoken_audit_requester(event)),
                owner=_text(library.scramtoken_audit_owner(event)),
                token_id=_text(library.scramtoken_audit_token_id(event)),
                doubled_nonce=library.scramtoken_audit_doubled_nonce(event),
            )
        )
    except BaseException as error:
        _callbacks.raised(error)


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode("utf-8", "replace")
