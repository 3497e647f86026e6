"""SCRAM with Kafka delegation tokens (KIP-48), on libscramtoken over ctypes.

Logins, client and server side, take and give messages and do no I/O: the caller's sockets, threads
and event loops stay the caller's. The library is the one in this package, or that whose path the
environment variable SCRAMTOKEN_LIBRARY gives.

Python cannot wipe its own str and bytes: a secret that came from Python stays in its memory until
the garbage collector reuses it. The library wipes its copies.
"""

from . import _library
from .audit import AuditEvent
from .client import Client
from .confluent import confluent_config
from .credential import Credential
from .delegation_token import DelegationToken
from .derive import derive
from .errors import (
    AuthenticationError,
    CancelledError,
    InvalidArgumentError,
    InvalidStateError,
    ProtocolError,
    ScramTokenError,
    Status,
    TokenExpiredError,
    TokenNotFoundError,
    UnknownUserError,
    UnsupportedMechanismError,
)
from .key_cache import KeyCache
from .lookup import Identity, Token, User
from .server import Server
from .server_config import ServerConfig
from .source import Password, Source
from .store import Store, StoredUser
from .token_manager import Operation, TokenManager
from .verdict import Verdict

__version__: str = _library.version()

__all__ = [
    "AuditEvent",
    "AuthenticationError",
    "CancelledError",
    "Client",
    "Credential",
    "DelegationToken",
    "Identity",
    "InvalidArgumentError",
    "InvalidStateError",
    "KeyCache",
    "Operation",
    "Password",
    "ProtocolError",
    "ScramTokenError",
    "Server",
    "ServerConfig",
    "Source",
    "Status",
    "Store",
    "StoredUser",
    "Token",
    "TokenExpiredError",
    "TokenManager",
    "TokenNotFoundError",
    "UnknownUserError",
    "UnsupportedMechanismError",
    "User",
    "Verdict",
    "confluent_config",
    "derive",
]
