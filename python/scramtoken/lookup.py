"""Lookups: how a server finds the credential of whoever logs in."""

from __future__ import annotations

from ctypes import byref, string_at
from dataclasses import dataclass
from enum import IntEnum
from typing import Callable, Optional, Union

from . import _arguments, _callbacks
from ._arguments import Text
from ._library import LOOKUP, check, library
from .credential import Credential, struct


class Identity(IntEnum):
    """As what a name is to be looked up."""

    USER = 1
    TOKEN = 2
    #: Implicit tokens: as a user in any mechanism first, and only then as a token's id.
    EITHER = 3


@dataclass(frozen=True)
class User:
    """A lookup's answer: the name is a user's, and this is its credential for the mechanism."""

    credential: Credential


@dataclass(frozen=True)
class Token:
    """A lookup's answer: the name is a delegation token's id (KIP-48).

    Attributes:
        credential: derived from the token's HMAC, for the mechanism that was asked for.
        owner: the name to treat the peer as, without "User:".
        expiry_ms: when the token ends, in milliseconds since 1970-01-01T00:00:00Z; None: never.
    """

    credential: Credential
    owner: Text
    expiry_ms: int | None


Answer = Optional[Union[User, Token]]

#: Called with the mechanism, the name and as what to look it up; None: nobody of that name. May
#: be called from several threads at once. What it raises refuses the login: as the status of a
#: ScramTokenError, else as INTERNAL; Server.step then raises that status from it.
Lookup = Callable[[str, str, Identity], Answer]


@LOOKUP
def c_lookup(number, mechanism, name, name_length, kind, reply):  # type: ignore[no-untyped-def]
    """The lookup callback that the library knows; forwards to the Python one."""
    try:
        lookup: Lookup = _callbacks.registered(number)
        text = string_at(name, name_length).decode("utf-8")
        _reply(reply, lookup(mechanism.decode("utf-8"), text, Identity(kind)))
        return 0
    except BaseException as error:
        return _callbacks.raised(error)


def _reply(reply: int, answer: Answer) -> None:
    if answer is None:
        check(library.scramtoken_lookup_reply_unknown(reply))
    elif isinstance(answer, User):
        check(library.scramtoken_lookup_reply_user(reply, byref(struct(answer.credential))))
    elif isinstance(answer, Token):
        credential = struct(answer.credential)
        owner = _arguments.text(answer.owner, "owner")
        expiry = _arguments.expiry(answer.expiry_ms)
        check(
            library.scramtoken_lookup_reply_token(
                reply, byref(credential), owner, len(owner), expiry
            )
        )
    else:
        raise TypeError(f"a lookup must return User, Token or None, not {type(answer).__name__}")
