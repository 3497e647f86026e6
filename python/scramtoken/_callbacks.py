"""Python functions that the library calls.

The library gets one C function per kind of callback, which lives as long as the process, and as
userdata the number under which the Python function is registered until the finalizer runs. An
exception never crosses the library: it becomes a status, and the step that it happened in raises.
"""

from __future__ import annotations

import itertools
import threading
from typing import Any, Callable

from ._library import FINALIZER, check
from .errors import ScramTokenError, Status, error_for

_registered: dict[int, Any] = {}
_numbers = itertools.count(1)
_thread = threading.local()

# Not a Python function, which a signal handler could interrupt by an exception before it began.
_finalizer = FINALIZER(_registered.pop)


def install(setter: Callable[..., int], target: Any, c_function: object, registered: Any) -> int:
    """Sets a callback of a config, or makes an object of it; returns its number."""
    number = next(_numbers)
    _registered[number] = registered
    try:
        check(setter(target, c_function, number, _finalizer))
    except BaseException:
        del _registered[number]
        raise
    return number


#: What is registered under a number.
registered = _registered.__getitem__


def replace(number: int, value: Any) -> None:
    _registered[number] = value


class Call:
    """A call into the library, and the first exception that its callbacks raised meanwhile."""

    def __init__(self) -> None:
        self.error: BaseException | None = None

    def __enter__(self) -> Call:
        self._outer = getattr(_thread, "call", None)  # a callback may make calls of its own
        _thread.call = self
        return self

    def __exit__(self, *_: object) -> None:
        _thread.call = self._outer

    def check(self, status: int) -> int:
        """Hands the call's status back, or raises what it stands for: from the exception of the
        callback, where one raised."""
        if self.error is None:
            return check(status)
        error = self.take_error()
        if not isinstance(error, Exception):
            raise error  # KeyboardInterrupt and the like are not about this call
        if status >= 0:  # the library knows nothing of what its audit came to
            status = Status.INTERNAL
        raise error_for(status, f"a callback raised {type(error).__name__}") from error

    def take_error(self) -> BaseException:
        """Hands the exception over, for a raised one must not be reachable from its own frames:
        only the garbage collector would then free the login, secrets and all."""
        error, self.error = self.error, None
        assert error is not None
        return error


def raised(error: BaseException) -> int:
    """Remembers a callback's exception for the step around it; returns the status for it."""
    call: Call = _thread.call
    if call.error is None:
        call.error = error
    if isinstance(error, ScramTokenError) and error.status < 0:
        return error.status
    return Status.INTERNAL
