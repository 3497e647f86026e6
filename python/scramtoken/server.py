"""Server: one login, server side."""

from __future__ import annotations

from ctypes import byref, c_int32, c_size_t, c_void_p, string_at
from typing import NoReturn

from . import _arguments, _callbacks
from ._arguments import Text
from ._handle import Handle, Owner
from ._library import VerdictStruct, check, last_error, library
from .credential import Credential, struct
from .errors import Status, error_for
from .lookup import Identity
from .server_config import ServerConfig
from .verdict import Verdict, from_struct

# RFC 5802, section 7: server-error-value, when a callback failed where the library did not.
_OTHER_ERROR = b"e=other-error"


class Server(Owner):
    """One login by SCRAM (RFC 5802, RFC 7677), of a user or with a delegation token (KIP-48)::

        with scramtoken.Server(config, "SCRAM-SHA-512") as server:
            try:
                send(server.step(receive()))
                send(server.step(receive()))
            except scramtoken.ScramTokenError as error:
                log(error)
                send(error.output)
            if server.verdict:
                serve(server.verdict.name)

    A config without a lookup makes step() stop: while ``need_credential`` is true, look
    ``identity`` up (an asynchronous host awaits here), supply the answer and call step() without
    data.

    A server does one login, and is for one thread at a time (a second one gets an
    InvalidStateError), except for close().

    Args:
        config: what the listener's logins share; may be closed while the server uses it.
        mechanism: "SCRAM-SHA-256" or "SCRAM-SHA-512".
        nonce: for tests only: the server's own part of the nonce; random when None.

    Raises:
        UnsupportedMechanismError: another mechanism.
        InvalidStateError: the config is closed.
    """

    def __init__(self, config: ServerConfig, mechanism: str, *, nonce: Text | None = None) -> None:
        if not isinstance(config, ServerConfig):
            raise TypeError(f"config must be ServerConfig, not {type(config).__name__}")
        self._clock = config._clock
        self._callback_raised = False
        name = _arguments.c_string(mechanism, "mechanism")
        server = c_void_p()
        with config._handle.shared() as shared:
            check(library.scramtoken_server_new(shared, name, byref(server)))
        self._handle = Handle(server.value or 0, library.scramtoken_server_free, "Server")
        if nonce is not None:
            try:
                value = _arguments.text(nonce, "nonce")
                with self._handle.exclusive() as pointer:
                    check(library.scramtoken_server_set_nonce(pointer, value, len(value)))
            except BaseException:
                self.close()
                raise

    def step(self, data: bytes = b"") -> bytes:
        """Takes the client's message, and gives the one to send; b"" while need_credential.

        That it returns does not mean that the peer is authenticated: see ``verdict``.

        Raises:
            ScramTokenError: the login is refused and over. Send the exception's ``output``, where
                there is one, before hanging up. A ProtocolError when the client breaks SCRAM; when
                its credential is not good an AuthenticationError, which for the host's own log is
                an UnknownUserError, TokenNotFoundError or TokenExpiredError; or what a callback
                came to, raised from the callback's own exception.
            InvalidStateError: not now: a credential is needed, the login is over, or the server is
                closed or in use.
        """
        message = _arguments.message(data)
        with self._handle.exclusive() as server, _callbacks.Call() as call:
            if self._callback_raised:
                raise error_for(Status.INVALID_STATE, "the login is over: a callback raised")
            status, output = self._step(server, message)
            if call.error is not None:
                self._callback_raised = True
                self._raise_from(call.take_error(), status, output)
            if status < 0:
                raise error_for(status, last_error(), output)
            return output

    def _step(self, server: int, message: bytes) -> tuple[int, bytes]:
        try:
            if self._clock is not None:
                self._clock.read()
        except BaseException as error:
            _callbacks.raised(error)
            return Status.INTERNAL, b""
        pointer, length = c_void_p(), c_size_t()
        status: int = library.scramtoken_server_step(
            server, message, len(message), byref(pointer), byref(length)
        )
        return status, string_at(pointer, length.value) if length.value else b""

    def _raise_from(self, error: BaseException, status: int, output: bytes) -> NoReturn:
        if not isinstance(error, Exception):
            raise error  # KeyboardInterrupt and the like are not about this login
        if status >= 0:  # the library knows nothing of what its audit came to
            status, output = Status.INTERNAL, b""
        text = f"a callback raised {type(error).__name__}"
        raise error_for(status, text, output or _OTHER_ERROR) from error

    @property
    def need_credential(self) -> bool:
        """Whether the login waits for a credential to be supplied."""
        with self._handle.exclusive() as server:
            return self._ask(server)[0] == Status.OK

    @property
    def identity(self) -> tuple[str, Identity]:
        """While need_credential: the name to look up, and as what.

        Raises:
            InvalidStateError: nothing is to be looked up.
        """
        with self._handle.exclusive() as server:
            status, name, kind = self._ask(server)
            check(status)
        return name.decode("utf-8"), Identity(kind)

    def _ask(self, server: int) -> tuple[int, bytes, int]:
        name, length, kind = c_void_p(), c_size_t(), c_int32()
        status: int = library.scramtoken_server_identity(
            server, byref(name), byref(length), byref(kind)
        )
        return status, string_at(name, length.value) if length.value else b"", kind.value

    def supply_user(self, credential: Credential) -> None:
        """Answers need_credential: the name is a user's. Then call step() without data.

        Raises:
            InvalidArgumentError: a token was asked for, or the credential cannot be.
            InvalidStateError: nobody asked.
        """
        value = struct(credential)
        with self._handle.exclusive() as server:
            check(library.scramtoken_server_supply_user(server, byref(value)))

    def supply_token(self, credential: Credential, owner: Text, expiry_ms: int | None) -> None:
        """Answers need_credential: the name is a token's id. Then call step() without data.

        Args:
            credential: derived from the token's HMAC.
            owner: the name to treat the peer as, without "User:".
            expiry_ms: when the token ends, in milliseconds since 1970-01-01T00:00:00Z; None: never.

        Raises:
            InvalidArgumentError: a user was asked for, or the credential cannot be.
            InvalidStateError: nobody asked.
        """
        value = struct(credential)
        name = _arguments.text(owner, "owner")
        expiry = _arguments.expiry(expiry_ms)
        with self._handle.exclusive() as server:
            check(
                library.scramtoken_server_supply_token(
                    server, byref(value), name, len(name), expiry
                )
            )

    def supply_unknown(self) -> None:
        """Answers need_credential: there is nobody of that name. Then call step() without data:
        the login goes on with a made-up challenge, and for the client ends like one with a wrong
        password.

        Raises:
            InvalidStateError: nobody asked.
        """
        with self._handle.exclusive() as server:
            check(library.scramtoken_server_supply_unknown(server))

    @property
    def verdict(self) -> Verdict:
        """How the login stands: the only thing that says that the peer is authenticated."""
        verdict = VerdictStruct()
        with self._handle.exclusive() as server:
            check(library.scramtoken_server_verdict(server, byref(verdict)))
            if self._callback_raised and verdict.reason == Status.OK:
                return Verdict(reason=Status.INTERNAL)
            return from_struct(verdict)
