"""Turns arguments into what the C API takes; ctypes by itself would cut and wrap silently."""

from __future__ import annotations

from typing import Union

#: A name or a secret: bytes, or text that is then sent as UTF-8.
Text = Union[str, bytes]


def text(value: Text, what: str) -> bytes:
    if isinstance(value, bytes):
        return value
    if not isinstance(value, str):
        raise TypeError(f"{what} must be str or bytes, not {type(value).__name__}")
    try:
        return value.encode("utf-8")
    except UnicodeEncodeError:
        pass  # it holds the whole secret, and would stay reachable from whatever is raised here
    raise ValueError(f"{what} is not valid Unicode text")


def message(value: bytes) -> bytes:
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value)
    raise TypeError(f"a SASL message must be bytes, not {type(value).__name__}")


def c_string(value: str, what: str) -> bytes:
    if not isinstance(value, str):
        raise TypeError(f"{what} must be str, not {type(value).__name__}")
    if "\0" in value:
        raise ValueError(f"{what} must not hold a NUL")
    return text(value, what)


def unsigned(value: int, what: str, bits: int = 32) -> int:
    if not 0 <= integer(value, what) < 1 << bits:
        raise ValueError(f"{what} must be from 0 to {(1 << bits) - 1}, not {value}")
    return value


def expiry(value: int | None) -> int:
    return -1 if value is None else milliseconds(value, "expiry_ms")


def milliseconds(value: int, what: str) -> int:
    if not -(1 << 63) <= integer(value, what) < 1 << 63:
        raise ValueError(f"{what} must fit into 64 bits")
    return value


def boolean(value: bool, what: str) -> bool:
    if not isinstance(value, bool):
        raise TypeError(f"{what} must be bool, not {type(value).__name__}")
    return value


def integer(value: int, what: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"{what} must be int, not {type(value).__name__}")
    return value
