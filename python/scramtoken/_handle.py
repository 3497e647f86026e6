"""Objects of the library: freed once, and never while a call is using them."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Callable, TypeVar

from .errors import Status, error_for

_Self = TypeVar("_Self", bound="Owner")


class Handle:
    """Owns a pointer: freed by close() or, when forgotten, by the garbage collector.

    A close() while calls are running takes effect when the last of them returns.
    """

    def __init__(self, pointer: int, free: Callable[[int], None], what: str) -> None:
        self._pointer = pointer
        self._what = what
        self._lock = threading.Lock()  # of what follows
        self._users = 0
        self._exclusive = False
        self._closed = False
        self._free = weakref.finalize(self, free, pointer)
        # At exit the process's memory goes anyway, while a daemon thread may still be inside.
        self._free.atexit = False  # type: ignore[misc]  # typeshed's __slots__ lack it

    @contextmanager
    def shared(self) -> Iterator[int]:
        """For a call that may run beside any other."""
        self._begin(exclusive=False)
        try:
            yield self._pointer
        finally:
            self._end(exclusive=False)

    @contextmanager
    def exclusive(self) -> Iterator[int]:
        """For a call that may run beside shared ones only."""
        self._begin(exclusive=True)
        try:
            yield self._pointer
        finally:
            self._end(exclusive=True)

    def _begin(self, exclusive: bool) -> None:
        with self._lock:
            if self._closed:
                raise error_for(Status.INVALID_STATE, f"this {self._what} is closed")
            if exclusive and self._exclusive:
                raise error_for(
                    Status.INVALID_STATE,
                    f"this {self._what} is in use already, by another thread or below this call",
                )
            self._users += 1
            self._exclusive |= exclusive

    def _end(self, exclusive: bool) -> None:
        with self._lock:
            self._users -= 1
            self._exclusive &= not exclusive
            last = self._closed and self._users == 0
        if last:
            self._free()

    def close(self) -> None:
        with self._lock:
            self._closed = True
            unused = self._users == 0
        if unused:
            self._free()


class Owner:
    """What the public classes share: close() and the with statement."""

    _handle: Handle

    def close(self) -> None:
        """Frees the object, and wipes what the library holds of secrets. May be called again."""
        self._handle.close()

    def __enter__(self: _Self) -> _Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
