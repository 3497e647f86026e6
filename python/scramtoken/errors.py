"""What a call can come to (Status), and the exceptions for those that fail."""

from __future__ import annotations

from enum import IntEnum
from typing import Any


class Status(IntEnum):
    """A status of the C API (scramtoken.h): below zero is an error.

    Those of -1000 and less are Kafka's own error codes, negated and moved by 1000.
    """

    OK = 0
    CONTINUE = 1
    NEED_CREDENTIAL = 2

    #: An argument is invalid: NULL, a wrong length, an empty name.
    INVALID_ARGUMENT = -1
    #: Not now: a step after the end, a supply nobody asked for, a setting after the first step, a
    #: lookup that did not answer once, a step whose callback freed its own object; a signing key
    #: that another manager removed; a store that is for reading only, follows a cluster, was opened
    #: before a fork, or is open in a process of the same id.
    INVALID_STATE = -2
    #: A fault of the library's own.
    INTERNAL = -3
    #: The login was cancelled by its owner.
    CANCELLED = -4
    #: The system gives no random numbers, a source or store cannot be read or written, or a
    #: callback said so.
    IO = -5
    #: A source's file, or a store, fails its own checks.
    CORRUPT = -6
    #: A secret or store that others can read.
    PERMISSIONS = -7
    #: Neither SCRAM-SHA-256 nor SCRAM-SHA-512.
    UNSUPPORTED_MECHANISM = -8

    #: The peer's message breaks the grammar of RFC 5802.
    MALFORMED = -20
    #: A message over 4096 bytes.
    TOO_LONG = -21
    #: Not exactly the nonce that was agreed.
    NONCE = -22
    #: The client wants channel binding, or its c= is not what it promised.
    CHANNEL_BINDING = -23
    #: An iteration count outside the accepted range.
    ITERATIONS = -24
    #: A mandatory extension (m=), or one given twice.
    EXTENSION = -25
    #: The client may not act as the identity it asked for.
    AUTHZID = -26
    #: Wrong password or HMAC.
    INVALID_PROOF = -27
    #: The server does not know the credential.
    SERVER_SIGNATURE = -28
    #: The server sent e=.
    SERVER_REFUSED = -29
    #: The name that the client gave is no user's.
    UNKNOWN_USER = -30
    #: A store that follows a cluster has not heard of it for longer than its tokens are good for.
    TOKENS_STALE = -31

    #: The server does not do tokens.
    TOKEN_AUTH_DISABLED = -1061
    #: No such token.
    TOKEN_NOT_FOUND = -1062
    #: Neither its owner nor a renewer.
    TOKEN_OWNER_MISMATCH = -1063
    #: The requester itself logged in with a token.
    TOKEN_REQUEST_NOT_ALLOWED = -1064
    #: The requester may not do this for that owner.
    TOKEN_AUTHORIZATION_FAILED = -1065
    #: The token has ended.
    TOKEN_EXPIRED = -1066
    #: A principal of another type than User.
    INVALID_PRINCIPAL_TYPE = -1067
    #: No such SCRAM user.
    USER_NOT_FOUND = -1091


def known(status: int) -> int:
    """The Status of that value, or the value itself when this version does not know it."""
    try:
        return Status(status)
    except ValueError:
        return status


class ScramTokenError(Exception):
    """A call of the library failed; the text says what is wrong and never holds a secret.

    A lookup may raise one itself, to refuse a login with that status.

    Attributes:
        status: a Status, or a plain int that this version of the package does not know.
        name: the status's name, such as "TOKEN_EXPIRED"; "UNKNOWN" for an unknown one.
        output: from Server.step, the "e=" message that is still to be sent to the client
            (RFC 5802, section 7); b"" where there is none.
    """

    def __init__(self, status: int, text: str = "", output: bytes = b"") -> None:
        self.status = known(status)
        self.name = self.status.name if isinstance(self.status, Status) else "UNKNOWN"
        self.output = output
        super().__init__(text or self.name)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.status, str(self), self.output)


class InvalidArgumentError(ScramTokenError, ValueError):
    """The caller passed something that cannot be."""


class InvalidStateError(ScramTokenError, RuntimeError):
    """Not now: a step after the end, a closed object, one that another thread is using."""


class CancelledError(ScramTokenError):
    """The login was cancelled by Client.cancel."""


class UnsupportedMechanismError(ScramTokenError, ValueError):
    """The mechanism is neither SCRAM-SHA-256 nor SCRAM-SHA-512."""


class ProtocolError(ScramTokenError):
    """The peer's message is not what RFC 5802 demands; the login is over."""


class AuthenticationError(ScramTokenError):
    """The peer's credential, or ours with the peer, is not good; the login is over."""


class UnknownUserError(AuthenticationError):
    """A login to our server by a name that is no user's. The client is not told."""


class TokenNotFoundError(AuthenticationError):
    """There is no such delegation token: it was removed, or never made."""


class TokenExpiredError(AuthenticationError):
    """The delegation token was good once, and has expired (KIP-48)."""


_CLASSES: dict[int, type[ScramTokenError]] = {
    Status.INVALID_ARGUMENT: InvalidArgumentError,
    Status.INVALID_STATE: InvalidStateError,
    Status.CANCELLED: CancelledError,
    Status.UNSUPPORTED_MECHANISM: UnsupportedMechanismError,
    Status.MALFORMED: ProtocolError,
    Status.TOO_LONG: ProtocolError,
    Status.NONCE: ProtocolError,
    Status.CHANNEL_BINDING: ProtocolError,
    Status.ITERATIONS: ProtocolError,
    Status.EXTENSION: ProtocolError,
    Status.AUTHZID: AuthenticationError,
    Status.INVALID_PROOF: AuthenticationError,
    Status.SERVER_SIGNATURE: AuthenticationError,
    Status.SERVER_REFUSED: AuthenticationError,
    Status.UNKNOWN_USER: UnknownUserError,
    Status.TOKENS_STALE: AuthenticationError,
    Status.TOKEN_NOT_FOUND: TokenNotFoundError,
    Status.TOKEN_EXPIRED: TokenExpiredError,
}


def error_for(status: int, text: str, output: bytes = b"") -> ScramTokenError:
    """The exception that stands for a failing status."""
    return _CLASSES.get(status, ScramTokenError)(status, text, output)
