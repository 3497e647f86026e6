"""derive: makes what a server keeps of a password or of a token's HMAC."""

from __future__ import annotations

from ctypes import create_string_buffer

from . import _arguments
from ._arguments import Text
from ._library import check, library
from .credential import Credential

_KEY_LENGTHS = {"SCRAM-SHA-256": 32, "SCRAM-SHA-512": 64}


def derive(mechanism: str, password: Text, salt: bytes, iterations: int) -> Credential:
    """Derives a credential as RFC 5802, section 3 says; for a token the password is its HMAC.

    May be called from any thread, and lets the others run.

    Args:
        mechanism: "SCRAM-SHA-256" or "SCRAM-SHA-512".
        password: hashed as it stands, without SASLprep, as Kafka does.
        salt: 1 to 1024 bytes; for a new credential 16 or more random ones.
        iterations: of PBKDF2, 4096 or more for a new credential; 4096 take about a millisecond.

    Raises:
        UnsupportedMechanismError: another mechanism.
        InvalidArgumentError: no password, no or too much salt, or no iterations.
    """
    name = _arguments.c_string(mechanism, "mechanism")
    secret = _arguments.text(password, "password")
    if not isinstance(salt, bytes):
        raise TypeError(f"salt must be bytes, not {type(salt).__name__}")
    count = _arguments.unsigned(iterations, "iterations")
    length = _KEY_LENGTHS.get(mechanism, 0)  # an unknown one is the library's to refuse
    stored_key, server_key = create_string_buffer(length), create_string_buffer(length)
    check(
        library.scramtoken_derive(
            name, secret, len(secret), salt, len(salt), count, stored_key, server_key, length
        )
    )
    return Credential(salt, stored_key.raw, server_key.raw, count)
