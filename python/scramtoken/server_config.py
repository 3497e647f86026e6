"""ServerConfig: what all logins of one listener share."""

from __future__ import annotations

from collections.abc import Mapping
from ctypes import byref, c_void_p
from typing import Callable

from . import _arguments, _callbacks
from ._arguments import Text
from ._handle import Handle, Owner
from ._library import check, library
from ._time import Clock
from .audit import Audit, c_audit
from .lookup import Lookup, c_lookup
from .store import Store


class ServerConfig(Owner):
    """What all logins of one listener share. For any number of servers and threads; may be closed
    while servers use it.

    Args:
        store: where users and tokens are looked up, in place of a lookup. May be closed while the
            config is in use.
        lookup: finds the credential of whoever logs in. Without it and a store a step stops with
            ``need_credential`` and the caller supplies.
        implicit_tokens: lets a client that cannot send ``tokenauth=true`` (every librdkafka) log in
            with a token's id and HMAC. A user goes first: a name with a user credential in any
            mechanism is never taken for a token's id; a lookup keeps to that order.
        doubled_nonce: accepts the doubled nonce of librdkafka older than 2.6.1.
        mock_secret: unknown names get a made-up challenge with a salt from this secret, so that a
            client cannot tell who exists. Give every server of a cluster the same one; when
            None the store's own, or a random one.
        mock_iterations: of made-up challenges for users: those that real users have; 4096 when
            None.
        mock_token_iterations: of made-up challenges for tokens, by mechanism: those that real
            tokens have; 4096 (for both when None).
        clock: gives the time in milliseconds since 1970-01-01T00:00:00Z, and is read once at the
            beginning of each step; the system's clock when None.
        audit: gets an AuditEvent for each decision.

    A callback may be called from several threads at once. Where one raises, the login is refused
    and Server.step raises from its exception. Callbacks live until the config and the last of its
    servers are freed.

    Raises:
        TypeError, ValueError: an argument cannot be.
    """

    def __init__(
        self,
        *,
        store: Store | None = None,
        lookup: Lookup | None = None,
        implicit_tokens: bool = False,
        doubled_nonce: bool = False,
        mock_secret: Text | None = None,
        mock_iterations: int | None = None,
        mock_token_iterations: Mapping[str, int] | None = None,
        clock: Callable[[], int] | None = None,
        audit: Audit | None = None,
    ) -> None:
        self._clock: Clock | None = None
        config = c_void_p()
        check(library.scramtoken_server_config_new(byref(config)))
        self._handle = Handle(
            config.value or 0, library.scramtoken_server_config_free, "ServerConfig"
        )
        try:
            self._set_switches(implicit_tokens, doubled_nonce)
            self._set_mock(mock_secret, mock_iterations)
            for mechanism, count in (mock_token_iterations or {}).items():
                self._set_mock_token_iterations(mechanism, count)
            self._set_store(store, lookup)
            self._set_callbacks(lookup, clock, audit)
        except BaseException:
            self.close()
            raise

    def _set_switches(self, implicit_tokens: bool, doubled_nonce: bool) -> None:
        implicit = _arguments.boolean(implicit_tokens, "implicit_tokens")
        doubled = _arguments.boolean(doubled_nonce, "doubled_nonce")
        with self._handle.exclusive() as config:
            check(library.scramtoken_server_config_set_implicit_tokens(config, implicit))
            check(library.scramtoken_server_config_set_doubled_nonce(config, doubled))

    def _set_mock(self, secret: Text | None, iterations: int | None) -> None:
        with self._handle.exclusive() as config:
            if secret is not None:
                value = _arguments.text(secret, "mock_secret")
                check(library.scramtoken_server_config_set_mock_secret(config, value, len(value)))
            if iterations is not None:
                count = _arguments.unsigned(iterations, "mock_iterations")
                check(library.scramtoken_server_config_set_mock_iterations(config, count))

    def _set_mock_token_iterations(self, mechanism: str, iterations: int) -> None:
        name = _arguments.c_string(mechanism, "mechanism")
        count = _arguments.unsigned(iterations, "mock_token_iterations")
        with self._handle.exclusive() as config:
            check(library.scramtoken_server_config_set_mock_token_iterations(config, name, count))

    def _set_store(self, store: Store | None, lookup: Lookup | None) -> None:
        if store is None:
            return
        if lookup is not None:
            raise ValueError("a config has a store or a lookup, not both")
        if not isinstance(store, Store):
            raise TypeError(f"store must be Store, not {type(store).__name__}")
        with self._handle.exclusive() as config, store._handle.shared() as shared:
            check(library.scramtoken_server_config_set_store(config, shared))

    def _set_callbacks(
        self,
        lookup: Lookup | None,
        clock: Callable[[], int] | None,
        audit: Audit | None,
    ) -> None:
        for name, function in (("lookup", lookup), ("clock", clock), ("audit", audit)):
            if function is not None and not callable(function):
                raise TypeError(f"{name} must be callable, not {type(function).__name__}")
        with self._handle.exclusive() as config:
            if lookup is not None:
                setter = library.scramtoken_server_config_set_lookup
                _callbacks.install(setter, config, c_lookup, lookup)
            if clock is not None:
                setter = library.scramtoken_server_config_set_clock
                self._clock = Clock(clock, setter, config)
            if audit is not None:
                setter = library.scramtoken_server_config_set_audit
                _callbacks.install(setter, config, c_audit, audit)
