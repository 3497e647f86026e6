"""Times of the library: milliseconds since 1970-01-01T00:00:00Z."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Callable

from . import _arguments, _callbacks
from ._library import CLOCK

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_LAST = datetime.max.replace(tzinfo=timezone.utc)
_END_OF_TIME = (1 << 63) - 1


def from_milliseconds(milliseconds: int) -> datetime:
    """The time in UTC; what lies past the year 9999 becomes the end of it."""
    try:
        return _EPOCH + timedelta(milliseconds=milliseconds)
    except OverflowError:
        return _LAST


class Clock:
    """A Python clock, read when a call begins; the call then sees that reading.

    So the library never waits for Python code to tell it whether a token has expired, and gets no
    wrong time when that code fails: a call whose clock raises is not begun.
    """

    def __init__(
        self, function: Callable[[], int], setter: Callable[..., int], target: int
    ) -> None:
        self._function = function
        self._number = _callbacks.install(setter, target, _c_clock, _END_OF_TIME)

    def read(self) -> None:
        now = _arguments.milliseconds(self._function(), "the clock's time")
        _callbacks.replace(self._number, now)


_c_clock = CLOCK(_callbacks.registered)
