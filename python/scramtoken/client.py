"""Client: one login, client side."""

from __future__ import annotations

import logging
from contextlib import suppress
from ctypes import byref, c_size_t, c_void_p, string_at

from . import _arguments, _callbacks
from ._arguments import Text
from ._handle import Handle, Owner
from ._library import check, library
from .errors import InvalidStateError, Status
from .key_cache import KeyCache
from .source import Source

_log = logging.getLogger("scramtoken")
_ONE_CREDENTIAL = "give either username and password, or token_id and hmac, or a source"


class Client(Owner):
    """One login by SCRAM (RFC 5802, RFC 7677), with a password or a delegation token (KIP-48)::

        with scramtoken.Client("SCRAM-SHA-512", token_id=token_id, hmac=hmac) as client:
            message = client.step()
            while message:
                message = client.step(send_and_receive(message))
        # Here client.authenticated is true: step() raises when anything is wrong.

    A client does one login; make another for the next. It is for one thread at a time (a second
    one gets an InvalidStateError), except for cancel() and close(). Hashing lets other threads run.

    Args:
        mechanism: "SCRAM-SHA-256" or "SCRAM-SHA-512".
        username: whom to log in as, with ``password``. Kafka takes only ASCII names.
        password: hashed as it stands, without SASLprep, as Kafka does.
        token_id: the delegation token to log in with, and its ``hmac``; sends ``tokenauth=true``.
        hmac: the token's HMAC as its base64 text.
        source: gives the credential at the first step, in place of all these, and its key cache;
            may be closed while the client uses it.
        authzid: the identity to act as (RFC 5802, section 5.1); none when None.
        key_cache: spares reconnects the hashing; may be closed while the client uses it.
        iteration_limits: least and most iterations to accept from the server; 4096 to 1,000,000
            when None.
        nonce: for tests only; 18 or more random bytes as text, made at the first step, when None.

    Raises:
        TypeError: not exactly one of password, token and source was given, or an argument's type
            is wrong.
        ValueError: an argument cannot be (as InvalidArgumentError or UnsupportedMechanismError).
    """

    def __init__(
        self,
        mechanism: str,
        *,
        username: Text | None = None,
        password: Text | None = None,
        token_id: Text | None = None,
        hmac: Text | None = None,
        source: Source | None = None,
        authzid: Text | None = None,
        key_cache: KeyCache | None = None,
        iteration_limits: tuple[int, int] | None = None,
        nonce: Text | None = None,
    ) -> None:
        self._authenticated = False
        self._begun = False
        client = c_void_p()
        name = _arguments.c_string(mechanism, "mechanism")
        check(library.scramtoken_client_new(name, byref(client)))
        self._handle = Handle(client.value or 0, library.scramtoken_client_free, "Client")
        try:
            if source is None:
                self._set_credential(username, password, token_id, hmac)
            elif (username, password, token_id, hmac) == (None, None, None, None):
                self._set_source(source)
            else:
                raise TypeError(_ONE_CREDENTIAL)
            self._set_options(authzid, key_cache, iteration_limits, nonce)
        except BaseException:
            self.close()
            raise

    def _set_credential(
        self,
        username: Text | None,
        password: Text | None,
        token_id: Text | None,
        hmac: Text | None,
    ) -> None:
        if token_id is None and hmac is None and username is not None and password is not None:
            setter = library.scramtoken_client_set_password
            name = _arguments.text(username, "username")
            secret = _arguments.text(password, "password")
        elif username is None and password is None and token_id is not None and hmac is not None:
            setter = library.scramtoken_client_set_token
            name = _arguments.text(token_id, "token_id")
            secret = _arguments.text(hmac, "hmac")
        else:
            raise TypeError(_ONE_CREDENTIAL)
        with self._handle.exclusive() as client:
            check(setter(client, name, len(name), secret, len(secret)))

    def _set_source(self, source: Source) -> None:
        if not isinstance(source, Source):
            raise TypeError(f"source must be Source, not {type(source).__name__}")
        with self._handle.exclusive() as client, source._handle.shared() as shared:
            check(library.scramtoken_client_set_source(client, shared))

    def _set_options(
        self,
        authzid: Text | None,
        key_cache: KeyCache | None,
        iteration_limits: tuple[int, int] | None,
        nonce: Text | None,
    ) -> None:
        with self._handle.exclusive() as client:
            if authzid is not None:
                value = _arguments.text(authzid, "authzid")
                check(library.scramtoken_client_set_authzid(client, value, len(value)))
            if key_cache is not None:
                if not isinstance(key_cache, KeyCache):
                    raise TypeError(f"key_cache must be KeyCache, not {type(key_cache).__name__}")
                with key_cache._handle.shared() as cache:
                    check(library.scramtoken_client_set_key_cache(client, cache))
            if iteration_limits is not None:
                least, most = (
                    _arguments.unsigned(n, "an iteration limit") for n in iteration_limits
                )
                check(library.scramtoken_client_set_iteration_limits(client, least, most))
            if nonce is not None:
                value = _arguments.text(nonce, "nonce")
                check(library.scramtoken_client_set_nonce(client, value, len(value)))

    def step(self, data: bytes = b"") -> bytes:
        """Takes the server's message, and gives the next one to send; b"" when there is none left.

        The first call takes no data. Hashing the password takes about a millisecond.

        Raises:
            ProtocolError: the server breaks SCRAM.
            AuthenticationError: the server refused the login, or has not proved that it knows the
                credential. Any failure ends the login.
            CancelledError: cancel() was called.
            InvalidStateError: the login is over, or the client is closed or in use.
            ScramTokenError: the source gives no credential: IO, CORRUPT, PERMISSIONS, or what its
                callback came to, raised from the callback's own exception.
            TokenExpiredError: the source's token is known to have expired; nothing is sent.
        """
        message = _arguments.message(data)
        output, length = c_void_p(), c_size_t()
        warning: bytes = b""
        with self._handle.exclusive() as client, _callbacks.Call() as call:
            status = call.check(
                library.scramtoken_client_step(
                    client, message, len(message), byref(output), byref(length)
                )
            )
            self._authenticated = status == Status.OK
            if not self._begun:
                self._begun = True
                warning = library.scramtoken_client_warning(client)
            answer = string_at(output, length.value) if length.value else b""
        if warning:
            _log.warning("%s", warning.decode("utf-8", "replace"))
        return answer

    @property
    def authenticated(self) -> bool:
        """Whether the server has accepted the login and proved that it knows the credential."""
        return self._authenticated

    def cancel(self) -> None:
        """Ends the login, from any thread: the step that is hashing, or else the next one, raises
        CancelledError. Does nothing once the client is closed."""
        with suppress(InvalidStateError), self._handle.shared() as client:
            library.scramtoken_client_cancel(client)

    def close(self) -> None:
        """Frees the client, and wipes its secrets; a step that is running is cancelled first.
        May be called again, and from any thread."""
        self.cancel()
        super().close()
