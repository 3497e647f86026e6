"""Store: SCRAM users and delegation tokens, shared by every process of a host."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from ctypes import byref, c_void_p, string_at
from dataclasses import dataclass

from . import _arguments
from ._arguments import Text
from ._handle import Handle, Owner
from ._library import USER_VISIT, check, library
from .credential import Credential, struct
from .errors import Status, UnsupportedMechanismError

_log = logging.getLogger("scramtoken")
_MECHANISMS = ("SCRAM-SHA-256", "SCRAM-SHA-512")


@dataclass(frozen=True)
class StoredUser:
    """A SCRAM user of a store: one mechanism's credential of one name.

    Attributes:
        name: as it logs in.
        mechanism: "SCRAM-SHA-256" or "SCRAM-SHA-512".
        iterations: of PBKDF2.
    """

    name: str
    mechanism: str
    iterations: int


class Store(Owner):
    """Where servers find the credentials of users and tokens, and token managers keep them::

        with scramtoken.Store.open("lmdb:/var/lib/broker/tokens") as store:
            store.put_user("SCRAM-SHA-512", "alice", password)
            config = scramtoken.ServerConfig(store=store)

    For any number of threads; may be closed while configs and managers use it. Not for use after a
    fork: open it in the child.
    """

    def __init__(self) -> None:
        raise TypeError("make a Store by Store.open")

    @classmethod
    def open(cls, uri: str, *, read_only: bool = False) -> Store:
        """Opens a store, and makes it where it is missing.

        Rights that a group of the process's own has on it, as in a Kubernetes volume with fsGroup,
        are taken away, with a warning to the logger "scramtoken".

        Args:
            uri: "memory:", which ends with its last user, or "lmdb:/path": a directory that all
                processes of the host may use at once, made with mode 0700 where missing (its parent
                must exist). Below /dev/shm it lives in memory alone.
            read_only: an existing "lmdb:" store, to look things up.

        Raises:
            InvalidArgumentError: another URI, or a path that is not absolute.
            ScramTokenError: IO, CORRUPT or PERMISSIONS; the text says what to do.
        """
        name = _arguments.c_string(uri, "uri")
        if _arguments.boolean(read_only, "read_only"):
            open_uri = library.scramtoken_store_open_read_only
        else:
            open_uri = library.scramtoken_store_open
        pointer = c_void_p()
        check(open_uri(name, byref(pointer)))
        store = cls.__new__(cls)
        store._handle = Handle(pointer.value or 0, library.scramtoken_store_free, "Store")
        with store._handle.shared() as opened:
            warning = library.scramtoken_store_warning(opened)
        if warning:
            _log.warning("%s", warning.decode("utf-8", "replace"))
        return store

    def put_user(self, mechanism: str, name: Text, password: Text, iterations: int = 4096) -> None:
        """Adds a user of this mechanism, or replaces its password. Hashes for milliseconds.

        Args:
            mechanism: "SCRAM-SHA-256" or "SCRAM-SHA-512".
            name: not empty.
            password: hashed as it stands, without SASLprep, as Kafka does.
            iterations: of PBKDF2.

        Raises:
            UnsupportedMechanismError, InvalidArgumentError: an argument cannot be.
            InvalidStateError: the store was opened to read only, or before a fork.
            ScramTokenError: IO where it cannot be written; the store stays as it was.
        """
        kind = _arguments.c_string(mechanism, "mechanism")
        user, secret = _arguments.text(name, "name"), _arguments.text(password, "password")
        count = _arguments.unsigned(iterations, "iterations")
        with self._handle.shared() as store:
            check(
                library.scramtoken_store_put_user(
                    store, kind, user, len(user), secret, len(secret), count
                )
            )

    def put_credential(self, mechanism: str, name: Text, credential: Credential) -> None:
        """Adds or replaces a user whose credential was derived already, as by derive().

        Raises: as put_user.
        """
        kind = _arguments.c_string(mechanism, "mechanism")
        user, value = _arguments.text(name, "name"), struct(credential)
        with self._handle.shared() as store:
            check(
                library.scramtoken_store_put_credential(store, kind, user, len(user), byref(value))
            )

    def delete_user(self, mechanism: str, name: Text) -> None:
        """Removes a user of this mechanism; running servers refuse it from then on.

        Raises:
            ScramTokenError: USER_NOT_FOUND; else as put_user.
        """
        kind, user = _arguments.c_string(mechanism, "mechanism"), _arguments.text(name, "name")
        with self._handle.shared() as store:
            check(library.scramtoken_store_delete_user(store, kind, user, len(user)))

    def put_token(
        self,
        token_id: str,
        owner: str,
        *,
        hmac: Text | None = None,
        credentials: Mapping[str, Credential] | None = None,
        expiry_ms: int | None,
    ) -> None:
        """Adds a delegation token that another authority made, or replaces it.

        For a host that gets its tokens from an engine of its own. Servers of the store let it in
        from then on.

        Args:
            token_id: of at most 255 bytes.
            owner: the principal that its logins act as, such as "User:alice".
            hmac: its base64 text, from which credentials of both mechanisms are derived; not kept.
            credentials: in place of an HMAC, by mechanism, as by derive().
            expiry_ms: when the token ends, in milliseconds since 1970-01-01T00:00:00Z; None: never.

        Raises:
            InvalidArgumentError: an argument cannot be; both an HMAC and credentials, or neither.
            InvalidStateError: the store follows a cluster, or was opened to read only, or before a
                fork.
            ScramTokenError: INVALID_PRINCIPAL_TYPE for an owner that is no User; IO where the store
                cannot be written. It stays as it was.
        """
        name, principal = (
            _arguments.c_string(token_id, "token_id"),
            _arguments.c_string(owner, "owner"),
        )
        secret = None if hmac is None else _arguments.text(hmac, "hmac")
        values = {mechanism: struct(value) for mechanism, value in (credentials or {}).items()}
        sha_256, sha_512 = (values.pop(mechanism, None) for mechanism in _MECHANISMS)
        for mechanism in values:
            raise UnsupportedMechanismError(
                Status.UNSUPPORTED_MECHANISM, f"{mechanism!r} is none of {', '.join(_MECHANISMS)}"
            )
        expiry = _arguments.expiry(expiry_ms)
        pointers = [None if value is None else byref(value) for value in (sha_256, sha_512)]
        with self._handle.shared() as store:
            check(
                library.scramtoken_store_put_token(
                    store, name, principal, expiry, secret, len(secret or b""), *pointers
                )
            )

    def delete_token(self, token_id: str) -> None:
        """Removes a delegation token; running servers refuse it from then on.

        Raises:
            TokenNotFoundError: there is none of that id.
            InvalidStateError, ScramTokenError: as put_token.
        """
        name = _arguments.c_string(token_id, "token_id")
        with self._handle.shared() as store:
            check(library.scramtoken_store_delete_token(store, name))

    def users(self) -> list[StoredUser]:
        """All users by name; one with both mechanisms is there twice."""
        found: list[StoredUser] = []

        @USER_VISIT
        def visit(_, mechanism, name, name_length, iterations):  # type: ignore[no-untyped-def]
            text = string_at(name, name_length).decode("utf-8")
            found.append(StoredUser(text, mechanism.decode("utf-8"), iterations))
            return 0

        with self._handle.shared() as store:
            check(library.scramtoken_store_visit_users(store, visit, None))
        return sorted(found, key=lambda user: (user.name, user.mechanism))
