"""KeyCache: derived keys that clients share."""

from __future__ import annotations

from ctypes import byref, c_void_p

from . import _arguments
from ._handle import Handle, Owner
from ._library import check, library


class KeyCache(Owner):
    """Keys that clients have derived, so that a reconnect with the same challenge costs no PBKDF2.

    An entry is found by mechanism, salt, iterations and a keyed hash of the secret. Entries are
    zeroed when they are evicted and when the cache is freed, which is when it is closed and no
    client uses it any more. May be shared by any number of clients and threads.

    Args:
        capacity: how many logins' keys are kept, from 1; the oldest unused one goes first.

    Raises:
        InvalidArgumentError: the capacity is 0.
    """

    def __init__(self, capacity: int) -> None:
        size = _arguments.unsigned(capacity, "capacity", bits=64)
        cache = c_void_p()
        check(library.scramtoken_key_cache_new(size, byref(cache)))
        self._handle = Handle(cache.value or 0, library.scramtoken_key_cache_free, "KeyCache")
