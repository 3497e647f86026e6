"""Finds libscramtoken.so, checks that it is one that this package can speak to, and declares its
functions as they stand in scramtoken.h."""

from __future__ import annotations

import os
from ctypes import (
    CDLL,
    CFUNCTYPE,
    POINTER,
    Structure,
    c_bool,
    c_char_p,
    c_int32,
    c_int64,
    c_size_t,
    c_uint32,
    c_uint64,
    c_void_p,
)
from pathlib import Path
from typing import Any

from .errors import error_for

ABI_VERSION = 1
BUNDLED = Path(__file__).with_name("_native") / "libscramtoken.so"


class CredentialStruct(Structure):
    """scramtoken_credential"""

    _fields_ = [
        ("salt", c_char_p),
        ("salt_len", c_size_t),
        ("stored_key", c_char_p),
        ("stored_key_len", c_size_t),
        ("server_key", c_char_p),
        ("server_key_len", c_size_t),
        ("iterations", c_uint32),
    ]


class VerdictStruct(Structure):
    """scramtoken_verdict"""

    _fields_ = [
        ("outcome", c_int32),
        ("reason", c_int32),
        ("is_token", c_bool),
        ("expiry_ms", c_int64),
        ("name", c_void_p),
        ("name_len", c_size_t),
        ("token_id", c_void_p),
        ("token_id_len", c_size_t),
        ("doubled_nonce", c_bool),
        ("reserved", c_uint64 * 4),
    ]


FINALIZER = CFUNCTYPE(None, c_void_p)
CLOCK = CFUNCTYPE(c_int64, c_void_p)
LOOKUP = CFUNCTYPE(c_int32, c_void_p, c_char_p, c_void_p, c_size_t, c_int32, c_void_p)
AUDIT = CFUNCTYPE(None, c_void_p, c_void_p)
SOURCE = CFUNCTYPE(c_int32, c_void_p, c_void_p)
USER_VISIT = CFUNCTYPE(c_int32, c_void_p, c_char_p, c_void_p, c_size_t, c_uint32)
TOKEN_VISIT = CFUNCTYPE(c_int32, c_void_p, c_void_p)
AUTHORIZER = CFUNCTYPE(c_int32, c_void_p, c_char_p, c_int32, c_char_p, c_char_p)

# Byte inputs are c_char_p with a length: ctypes then passes a bytes object's own buffer. Outputs
# are c_void_p, since c_char_p would be read up to a NUL.
_OBJECT = c_void_p
_IN = (c_char_p, c_size_t)
_OUT = (POINTER(c_void_p), POINTER(c_size_t))
_NEW = POINTER(c_void_p)
_STRINGS = (POINTER(c_char_p), c_size_t)
_STATUS = c_int32

#: Each function without its prefix: what it returns, then what it takes.
FUNCTIONS: dict[str, tuple[Any, ...]] = {
    "version": (c_char_p,),
    "abi_version": (c_uint32,),
    "status_name": (c_char_p, _STATUS),
    "last_error": (c_char_p,),
    # client
    "client_new": (_STATUS, c_char_p, _NEW),
    "client_set_password": (_STATUS, _OBJECT, *_IN, *_IN),
    "client_set_token": (_STATUS, _OBJECT, *_IN, *_IN),
    "client_set_source": (_STATUS, _OBJECT, _OBJECT),
    "client_set_key_cache": (_STATUS, _OBJECT, _OBJECT),
    "client_set_authzid": (_STATUS, _OBJECT, *_IN),
    "client_set_iteration_limits": (_STATUS, _OBJECT, c_uint32, c_uint32),
    "client_set_nonce": (_STATUS, _OBJECT, *_IN),
    "client_step": (_STATUS, _OBJECT, *_IN, *_OUT),
    "client_cancel": (None, _OBJECT),
    "client_warning": (c_char_p, _OBJECT),
    "client_free": (None, _OBJECT),
    # key cache
    "key_cache_new": (_STATUS, c_size_t, _NEW),
    "key_cache_free": (None, _OBJECT),
    # source
    "source_open": (_STATUS, c_char_p, _NEW),
    "source_from_callback": (_STATUS, SOURCE, c_void_p, FINALIZER, _NEW),
    "source_reply_token": (_STATUS, _OBJECT, *_IN, *_IN, c_int64),
    "source_reply_password": (_STATUS, _OBJECT, *_IN, *_IN),
    "source_token": (_STATUS, _OBJECT, _NEW),
    "source_free": (None, _OBJECT),
    # token
    "token_id": (c_char_p, _OBJECT),
    "token_hmac": (c_char_p, _OBJECT),
    "token_owner": (c_char_p, _OBJECT),
    "token_requester": (c_char_p, _OBJECT),
    "token_renewers_len": (c_size_t, _OBJECT),
    "token_renewer": (c_char_p, _OBJECT, c_size_t),
    "token_issue_ms": (c_int64, _OBJECT),
    "token_expiry_ms": (c_int64, _OBJECT),
    "token_max_ms": (c_int64, _OBJECT),
    "token_free": (None, _OBJECT),
    # store
    "store_open": (_STATUS, c_char_p, _NEW),
    "store_open_read_only": (_STATUS, c_char_p, _NEW),
    "store_put_user": (_STATUS, _OBJECT, c_char_p, *_IN, *_IN, c_uint32),
    "store_put_credential": (_STATUS, _OBJECT, c_char_p, *_IN, POINTER(CredentialStruct)),
    "store_delete_user": (_STATUS, _OBJECT, c_char_p, *_IN),
    "store_put_token": (
        _STATUS,
        _OBJECT,
        c_char_p,
        c_char_p,
        c_int64,
        *_IN,
        POINTER(CredentialStruct),
        POINTER(CredentialStruct),
    ),
    "store_delete_token": (_STATUS, _OBJECT, c_char_p),
    "store_visit_users": (_STATUS, _OBJECT, USER_VISIT, c_void_p),
    "store_warning": (c_char_p, _OBJECT),
    "store_free": (None, _OBJECT),
    # token manager
    "token_manager_new": (_STATUS, _OBJECT, _NEW),
    "token_manager_add_secret_key": (_STATUS, _OBJECT, c_char_p, *_IN),
    "token_manager_set_signing_key": (_STATUS, _OBJECT, c_char_p),
    "token_manager_remove_secret_key": (_STATUS, _OBJECT, c_char_p, POINTER(c_size_t)),
    "token_manager_set_lifetimes": (_STATUS, _OBJECT, c_int64, c_int64),
    "token_manager_set_iterations": (_STATUS, _OBJECT, c_char_p, c_uint32),
    "token_manager_set_clock": (_STATUS, _OBJECT, CLOCK, c_void_p, FINALIZER),
    "token_manager_set_audit": (_STATUS, _OBJECT, AUDIT, c_void_p, FINALIZER),
    "token_manager_set_authorizer": (_STATUS, _OBJECT, AUTHORIZER, c_void_p, FINALIZER),
    "token_create": (
        _STATUS,
        _OBJECT,
        c_char_p,
        c_int32,
        c_char_p,
        *_STRINGS,
        c_int64,
        _NEW,
    ),
    "token_renew": (_STATUS, _OBJECT, c_char_p, c_int32, *_IN, c_int64, POINTER(c_int64)),
    "token_expire": (_STATUS, _OBJECT, c_char_p, c_int32, *_IN, c_int64, POINTER(c_int64)),
    "token_describe": (
        _STATUS,
        _OBJECT,
        c_char_p,
        c_int32,
        *_STRINGS,
        TOKEN_VISIT,
        c_void_p,
    ),
    "token_sweep": (_STATUS, _OBJECT, POINTER(c_size_t)),
    "token_manager_free": (None, _OBJECT),
    # server config
    "server_config_new": (_STATUS, _NEW),
    "server_config_set_store": (_STATUS, _OBJECT, _OBJECT),
    "server_config_set_lookup": (_STATUS, _OBJECT, LOOKUP, c_void_p, FINALIZER),
    "server_config_set_implicit_tokens": (_STATUS, _OBJECT, c_bool),
    "server_config_set_doubled_nonce": (_STATUS, _OBJECT, c_bool),
    "server_config_set_mock_secret": (_STATUS, _OBJECT, *_IN),
    "server_config_set_mock_iterations": (_STATUS, _OBJECT, c_uint32),
    "server_config_set_mock_token_iterations": (_STATUS, _OBJECT, c_char_p, c_uint32),
    "server_config_set_clock": (_STATUS, _OBJECT, CLOCK, c_void_p, FINALIZER),
    "server_config_set_audit": (_STATUS, _OBJECT, AUDIT, c_void_p, FINALIZER),
    "server_config_free": (None, _OBJECT),
    # lookup
    "lookup_reply_user": (_STATUS, _OBJECT, POINTER(CredentialStruct)),
    "lookup_reply_token": (_STATUS, _OBJECT, POINTER(CredentialStruct), *_IN, c_int64),
    "lookup_reply_unknown": (_STATUS, _OBJECT),
    # server
    "server_new": (_STATUS, _OBJECT, c_char_p, _NEW),
    "server_set_nonce": (_STATUS, _OBJECT, *_IN),
    "server_step": (_STATUS, _OBJECT, *_IN, *_OUT),
    "server_identity": (_STATUS, _OBJECT, *_OUT, POINTER(c_int32)),
    "server_supply_user": (_STATUS, _OBJECT, POINTER(CredentialStruct)),
    "server_supply_token": (_STATUS, _OBJECT, POINTER(CredentialStruct), *_IN, c_int64),
    "server_supply_unknown": (_STATUS, _OBJECT),
    "server_verdict": (_STATUS, _OBJECT, POINTER(VerdictStruct)),
    "server_free": (None, _OBJECT),
    # audit
    "audit_time_ms": (c_int64, _OBJECT),
    "audit_operation": (c_char_p, _OBJECT),
    "audit_status": (_STATUS, _OBJECT),
    "audit_mechanism": (c_char_p, _OBJECT),
    "audit_requester": (c_char_p, _OBJECT),
    "audit_owner": (c_char_p, _OBJECT),
    "audit_token_id": (c_char_p, _OBJECT),
    "audit_doubled_nonce": (c_bool, _OBJECT),
    # derive
    "derive": (_STATUS, c_char_p, *_IN, *_IN, c_uint32, c_char_p, c_char_p, c_size_t),
}


def _load() -> CDLL:
    path = os.environ.get("SCRAMTOKEN_LIBRARY") or str(BUNDLED)
    mend = "set SCRAMTOKEN_LIBRARY to the path of libscramtoken.so, or install scramtoken's wheel"
    try:
        loaded = CDLL(path)
    except OSError as error:
        raise ImportError(f"scramtoken cannot load its library: {error}; {mend}") from error
    try:
        for name, (returns, *takes) in FUNCTIONS.items():
            function = getattr(loaded, "scramtoken_" + name)
            function.restype, function.argtypes = returns, takes
            if name == "abi_version" and function() != ABI_VERSION:
                raise ImportError(
                    f"scramtoken needs a library of ABI version {ABI_VERSION}, and {path} has "
                    f"version {function()}; {mend}"
                )
    except AttributeError as error:
        raise ImportError(f"{path} is no libscramtoken, or an old one: {error}; {mend}") from error
    return loaded


library = _load()


def version() -> str:
    """The library's version, which is the package's: they come from one release."""
    text: bytes = library.scramtoken_version()
    return text.decode()


def last_error() -> str:
    """The text of this thread's last failing call."""
    text: bytes = library.scramtoken_last_error()
    return text.decode("utf-8", "replace")


def check(status: int) -> int:
    """Hands a call's status back, or raises the error that it stands for."""
    if status < 0:
        raise error_for(status, last_error())
    return status
