"""TokenManager: makes, renews, expires and describes delegation tokens."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from ctypes import byref, c_char_p, c_int64, c_size_t, c_void_p
from datetime import timedelta
from enum import IntEnum
from typing import Any, Callable, Optional, Union

from . import _arguments, _callbacks
from ._arguments import Text
from ._handle import Handle, Owner
from ._library import AUTHORIZER, TOKEN_VISIT, check, library
from ._time import Clock
from .audit import Audit, c_audit
from .delegation_token import DelegationToken, from_pointer
from .lookup import Identity
from .store import Store

#: A span of time: a timedelta, or milliseconds.
Period = Union[timedelta, int]


class Operation(IntEnum):
    """What a principal wants to do to another owner's tokens (KIP-373)."""

    CREATE = 1
    DESCRIBE = 2


#: Called with the requester, what it wants, the owner and, but for CREATE, the token's id: may it?
#: Anything but True is a no. Perhaps from several threads at once. What it raises is a no, too, and
#: the call that asked raises from it.
Authorizer = Callable[[str, Operation, str, Optional[str]], bool]


class TokenManager(Owner):
    """Delegation tokens over a store, by Kafka's rules (KIP-48, KIP-373)::

        with scramtoken.TokenManager(store, {"2026": secret}) as manager:
            token = manager.create("User:alice", renewers=["User:spark"])
            manager.renew("User:spark", token.hmac)

    Principals are such as "User:alice". For any number of threads; keeps its store alive.

    Args:
        store: where tokens are kept, and where servers find them.
        secret_keys: by name; the first one signs. Without any, all is TOKEN_AUTH_DISABLED. 16
            random bytes or more each, the same for every manager of the store.
        max_lifetime: of any token; 7 days, as Kafka's.
        expiry_time: how long a token lives unless it is renewed; 24 hours, as Kafka's.
        iterations: of PBKDF2, by mechanism: 4096 (for both when None) to 1,000,000; 0: no logins by
            that one.
        clock: gives the time in milliseconds since 1970-01-01T00:00:00Z, and is read once at the
            beginning of each call; the system's clock when None.
        audit: gets an AuditEvent for each decision. Where it raises, so does the call, though what
            was done stands.
        authorizer: decides on tokens of other owners; nobody may when None.

    Raises:
        InvalidArgumentError: a secret that is too short, or a name that is that of another secret
            or of a key that was removed.
        InvalidStateError: the store was opened to read only.
    """

    def __init__(
        self,
        store: Store,
        secret_keys: Mapping[str, Text] | None = None,
        *,
        max_lifetime: Period = timedelta(days=7),
        expiry_time: Period = timedelta(hours=24),
        iterations: Mapping[str, int] | None = None,
        clock: Callable[[], int] | None = None,
        audit: Audit | None = None,
        authorizer: Authorizer | None = None,
    ) -> None:
        if not isinstance(store, Store):
            raise TypeError(f"store must be Store, not {type(store).__name__}")
        self._clock: Clock | None = None
        manager = c_void_p()
        with store._handle.shared() as shared:
            check(library.scramtoken_token_manager_new(shared, byref(manager)))
        free = library.scramtoken_token_manager_free
        self._handle = Handle(manager.value or 0, free, "TokenManager")
        try:
            self._set_callbacks(clock, audit, authorizer)
            self._set_lifetimes(max_lifetime, expiry_time)
            for mechanism, count in (iterations or {}).items():
                self._set_iterations(mechanism, count)
            for name, secret in (secret_keys or {}).items():
                self.add_secret_key(name, secret)
        except BaseException:
            self.close()
            raise

    def _set_callbacks(
        self,
        clock: Callable[[], int] | None,
        audit: Audit | None,
        authorizer: Authorizer | None,
    ) -> None:
        for name, function in (("clock", clock), ("audit", audit), ("authorizer", authorizer)):
            if function is not None and not callable(function):
                raise TypeError(f"{name} must be callable, not {type(function).__name__}")
        with self._handle.exclusive() as manager:
            if clock is not None:
                self._clock = Clock(clock, library.scramtoken_token_manager_set_clock, manager)
            if audit is not None:
                setter = library.scramtoken_token_manager_set_audit
                _callbacks.install(setter, manager, c_audit, audit)
            if authorizer is not None:
                setter = library.scramtoken_token_manager_set_authorizer
                _callbacks.install(setter, manager, _c_authorizer, authorizer)

    def _set_lifetimes(self, max_lifetime: Period, expiry_time: Period) -> None:
        longest = _milliseconds(max_lifetime, "max_lifetime")
        usual = _milliseconds(expiry_time, "expiry_time")
        with self._handle.exclusive() as manager:
            check(library.scramtoken_token_manager_set_lifetimes(manager, longest, usual))

    def _set_iterations(self, mechanism: str, iterations: int) -> None:
        name = _arguments.c_string(mechanism, "mechanism")
        count = _arguments.unsigned(iterations, "iterations")
        with self._handle.exclusive() as manager:
            check(library.scramtoken_token_manager_set_iterations(manager, name, count))

    def add_secret_key(self, name: str, secret: Text) -> None:
        """Adds a key whose tokens this manager verifies; the first one added signs.

        Raises:
            InvalidArgumentError: as for TokenManager.
        """
        key, value = _arguments.c_string(name, "name"), _arguments.text(secret, "secret")
        with self._handle.shared() as manager:
            check(library.scramtoken_token_manager_add_secret_key(manager, key, value, len(value)))

    def set_signing_key(self, name: str) -> None:
        """Makes new tokens by this key from now on.

        Raises:
            InvalidArgumentError: the manager has none of that name.
        """
        key = _arguments.c_string(name, "name")
        with self._handle.shared() as manager:
            check(library.scramtoken_token_manager_set_signing_key(manager, key))

    def remove_secret_key(self, name: str) -> int:
        """Removes a key for good, which ends its tokens for every server.

        Returns:
            how many tokens that ended, expired ones included.

        Raises:
            InvalidArgumentError: the store knows none of that name.
            InvalidStateError: it signs; let another one sign first.
        """
        key, ended = _arguments.c_string(name, "name"), c_size_t()
        with self._call() as (manager, call):
            call.check(
                library.scramtoken_token_manager_remove_secret_key(manager, key, byref(ended))
            )
        return ended.value

    def create(
        self,
        requester: str,
        *,
        owner: str | None = None,
        renewers: Iterable[str] = (),
        max_lifetime: Period = -1,
        authenticated_by: Identity = Identity.USER,
    ) -> DelegationToken:
        """Makes a token.

        Args:
            requester: the principal that asks.
            owner: whom the token stands for; the requester when None. Another one takes the
                authorizer's consent (KIP-373).
            renewers: principals of type User that may renew it besides the owner.
            max_lifetime: after which it ends for good; at most the manager's, which is also the
                default for 0 or less.
            authenticated_by: how the requester logged in. A token may not make tokens.

        Raises:
            ScramTokenError: TOKEN_AUTH_DISABLED, TOKEN_REQUEST_NOT_ALLOWED,
                TOKEN_AUTHORIZATION_FAILED, INVALID_PRINCIPAL_TYPE, or what the store came to.
        """
        who, how = _arguments.c_string(requester, "requester"), Identity(authenticated_by)
        whose = None if owner is None else _arguments.c_string(owner, "owner")
        names, count = _strings(renewers, "renewers")
        period = _milliseconds(max_lifetime, "max_lifetime")
        token = c_void_p()
        with self._call() as (manager, call):
            status = library.scramtoken_token_create(
                manager, who, how, whose, names, count, period, byref(token)
            )
            try:
                call.check(status)
                return from_pointer(token)
            finally:
                library.scramtoken_token_free(token)

    def renew(
        self,
        requester: str,
        hmac: Text,
        period: Period = -1,
        *,
        authenticated_by: Identity = Identity.USER,
    ) -> int:
        """Puts off a token's expiry, for its owner or a renewer.

        Args:
            period: from now; at most the manager's expiry_time, which is also the default for 0 or
                less.

        Returns:
            the new expiry, in milliseconds since 1970-01-01T00:00:00Z.

        Raises:
            ScramTokenError: TOKEN_NOT_FOUND, TOKEN_EXPIRED, TOKEN_OWNER_MISMATCH; else as create.
        """
        function = library.scramtoken_token_renew
        return self._move_expiry(function, requester, hmac, period, authenticated_by)

    def expire(
        self,
        requester: str,
        hmac: Text,
        period: Period = -1,
        *,
        authenticated_by: Identity = Identity.USER,
    ) -> int:
        """Lets a token end after the period, at once below 0, for its owner or a renewer.

        Returns:
            the new expiry, in milliseconds since 1970-01-01T00:00:00Z.

        Raises: as renew.
        """
        function = library.scramtoken_token_expire
        return self._move_expiry(function, requester, hmac, period, authenticated_by)

    def _move_expiry(
        self,
        function: Callable[..., int],
        requester: str,
        hmac: Text,
        period: Period,
        authenticated_by: Identity,
    ) -> int:
        who, how = _arguments.c_string(requester, "requester"), Identity(authenticated_by)
        secret, span = _arguments.text(hmac, "hmac"), _milliseconds(period, "period")
        expiry = c_int64()
        with self._call() as (manager, call):
            call.check(function(manager, who, how, secret, len(secret), span, byref(expiry)))
        return expiry.value

    def describe(
        self,
        requester: str,
        *,
        owners: Iterable[str] | None = None,
        authenticated_by: Identity = Identity.USER,
    ) -> list[DelegationToken]:
        """The tokens that the requester may see: as owner, requester or renewer, or because the
        authorizer says so. The hmac is None where this manager lacks the token's secret key.

        Args:
            owners: shows tokens of these owners alone: of none, nothing; None: of all.

        Raises:
            ScramTokenError: TOKEN_AUTH_DISABLED, TOKEN_REQUEST_NOT_ALLOWED, or what the store came
                to.
        """
        who, how = _arguments.c_string(requester, "requester"), Identity(authenticated_by)
        names, count = (None, 0) if owners is None else _strings(owners, "owners")
        found: list[DelegationToken] = []

        @TOKEN_VISIT
        def visit(_, token):  # type: ignore[no-untyped-def]
            found.append(from_pointer(token))
            return 0

        with self._call() as (manager, call):
            call.check(
                library.scramtoken_token_describe(manager, who, how, names, count, visit, None)
            )
        return found

    def sweep(self) -> int:
        """Removes the tokens that have ended, which are refused before that, too.

        Returns:
            how many.
        """
        removed = c_size_t()
        with self._call() as (manager, call):
            call.check(library.scramtoken_token_sweep(manager, byref(removed)))
        return removed.value

    @contextmanager
    def _call(self) -> Iterator[tuple[int, _callbacks.Call]]:
        """For a call that may ask the callbacks."""
        with self._handle.shared() as manager, _callbacks.Call() as call:
            if self._clock is not None:
                self._clock.read()
            yield manager, call


@AUTHORIZER
def _c_authorizer(number, requester, operation, owner, token_id):  # type: ignore[no-untyped-def]
    """The authorizer that the library knows; forwards to the Python one."""
    try:
        authorizer: Authorizer = _callbacks.registered(number)
        answer = authorizer(
            requester.decode("utf-8"),
            Operation(operation),
            owner.decode("utf-8"),
            None if token_id is None else token_id.decode("utf-8"),
        )
        return 1 if answer is True else 0
    except BaseException as error:
        _callbacks.raised(error)
        return 0


def _milliseconds(period: Period, what: str) -> int:
    if isinstance(period, timedelta):
        period = period // timedelta(milliseconds=1)
    return _arguments.milliseconds(period, what)


def _strings(values: Iterable[str], what: str) -> tuple[Any, int]:
    """An array of C strings, which is not NULL even where it is empty, and its length."""
    if isinstance(values, str):
        raise TypeError(f"{what} must be several strings, not one")
    names = [_arguments.c_string(value, what) for value in values]
    return (c_char_p * (len(names) + 1))(*names), len(names)
