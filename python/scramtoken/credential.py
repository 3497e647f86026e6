"""Credential: what a server keeps of a password or of a token's HMAC."""

from __future__ import annotations

from dataclasses import dataclass, field

from . import _arguments
from ._library import CredentialStruct


@dataclass(frozen=True, eq=False)
class Credential:
    """What a server keeps for one name and mechanism (RFC 5802, section 3). See derive().

    Compared by identity: comparing keys is the library's work, which takes constant time.

    Attributes:
        salt: 1 to 1024 bytes.
        stored_key: 32 bytes for SCRAM-SHA-256, 64 for SCRAM-SHA-512; a secret.
        server_key: of the same length; a secret.
        iterations: of PBKDF2, from 1.
    """

    salt: bytes
    stored_key: bytes = field(repr=False)
    server_key: bytes = field(repr=False)
    iterations: int

    def __post_init__(self) -> None:
        for name in ("salt", "stored_key", "server_key"):
            if not isinstance(getattr(self, name), bytes):
                raise TypeError(f"{name} must be bytes, not {type(getattr(self, name)).__name__}")
        _arguments.unsigned(self.iterations, "iterations")


def struct(credential: Credential) -> CredentialStruct:
    """The credential as the C API takes it; the bytes are borrowed from it."""
    if not isinstance(credential, Credential):
        raise TypeError(f"credential must be Credential, not {type(credential).__name__}")
    return CredentialStruct(
        credential.salt,
        len(credential.salt),
        credential.stored_key,
        len(credential.stored_key),
        credential.server_key,
        len(credential.server_key),
        credential.iterations,
    )
