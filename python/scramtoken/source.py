"""Source: where clients find their current credential at each login."""

from __future__ import annotations

from ctypes import byref, c_void_p
from dataclasses import dataclass, field
from typing import Any, Callable, Union

from . import _arguments, _callbacks
from ._arguments import Text
from ._handle import Handle, Owner
from ._library import SOURCE, check, library
from .delegation_token import DelegationToken, from_pointer


@dataclass(frozen=True)
class Password:
    """A source's answer: a SCRAM user and its password."""

    username: Text
    password: Text = field(repr=False)


#: Gives the current credential; of a DelegationToken id, hmac and expiry_ms count. May be called
#: from several threads at once. What it raises fails the login: as the status of a ScramTokenError,
#: else as INTERNAL; Client.step then raises that status from it.
Ask = Callable[[], Union[DelegationToken, Password]]


class Source(Owner):
    """Where clients find their current credential, read anew at each login: a rotated token is
    used from the next login on. For any number of clients and threads, which share its cache of
    derived keys; may be closed while clients use it::

        with scramtoken.Source.open("file:/run/secrets/token.json") as source:
            client = scramtoken.Client("SCRAM-SHA-512", source=source)

    While a file or directory is missing or damaged, logins use what it last gave: a password, or a
    token until its expiry. The first of them logs a warning to the logger "scramtoken".
    """

    def __init__(self) -> None:
        raise TypeError("make a Source by Source.open or Source.from_callback")

    @classmethod
    def open(cls, uri: str) -> Source:
        """A source by its URI; nothing is read yet.

        Args:
            uri: "file:/path" (JSON with token_id and hmac, or username and password; or a Kafka
                client's properties file), "dir:/path" (the files token-id and token-hmac, or
                username and password, as in a Kubernetes Secret's mount) or "env:"
                (KAFKA_TOKEN_ID and KAFKA_TOKEN_HMAC). scramtoken_source_open in scramtoken.h says
                what is demanded of files.

        Raises:
            InvalidArgumentError: another URI, or a path that is not absolute.
        """
        name = _arguments.c_string(uri, "uri")
        source = c_void_p()
        check(library.scramtoken_source_open(name, byref(source)))
        return cls._of(source)

    @classmethod
    def from_callback(cls, ask: Ask) -> Source:
        """A source that calls ``ask`` at each login; it lives until the source is closed and the
        last of its clients freed."""
        if not callable(ask):
            raise TypeError(f"ask must be callable, not {type(ask).__name__}")
        source = c_void_p()
        _callbacks.install(_from_callback, byref(source), c_ask, ask)
        return cls._of(source)

    @classmethod
    def _of(cls, pointer: c_void_p) -> Source:
        source = cls.__new__(cls)
        source._handle = Handle(pointer.value or 0, library.scramtoken_source_free, "Source")
        return source

    def token(self) -> DelegationToken:
        """The current token, expired or not, read as for a login.

        Raises:
            ScramTokenError: with the status TOKEN_NOT_FOUND where the source holds a password; IO,
                CORRUPT or PERMISSIONS; or what the callback came to, raised from its own exception.
        """
        token = c_void_p()
        with self._handle.shared() as source, _callbacks.Call() as call:
            call.check(library.scramtoken_source_token(source, byref(token)))
        try:
            return from_pointer(token)
        finally:
            library.scramtoken_token_free(token)


def _from_callback(out: Any, *callback: object) -> int:
    """Takes its arguments in the order of the setters of a config."""
    status: int = library.scramtoken_source_from_callback(*callback, out)
    return status


@SOURCE
def c_ask(number, reply):  # type: ignore[no-untyped-def]
    """The source callback that the library knows; forwards to the Python one."""
    try:
        ask: Ask = _callbacks.registered(number)
        _reply(reply, ask())
        return 0
    except BaseException as error:
        return _callbacks.raised(error)


def _reply(reply: int, answer: DelegationToken | Password) -> None:
    if isinstance(answer, DelegationToken):
        token_id = _arguments.text(answer.id, "id")
        hmac = _arguments.text(b"" if answer.hmac is None else answer.hmac, "hmac")
        expiry = _arguments.expiry(answer.expiry_ms)
        check(
            library.scramtoken_source_reply_token(
                reply, token_id, len(token_id), hmac, len(hmac), expiry
            )
        )
    elif isinstance(answer, Password):
        name = _arguments.text(answer.username, "username")
        secret = _arguments.text(answer.password, "password")
        check(library.scramtoken_source_reply_password(reply, name, len(name), secret, len(secret)))
    else:
        raise TypeError(
            f"a source must return DelegationToken or Password, not {type(answer).__name__}"
        )
