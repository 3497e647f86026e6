"""A store and a token manager as C has them, by ctypes."""

import os
from contextlib import contextmanager
from ctypes import (
    CDLL,
    CFUNCTYPE,
    POINTER,
    byref,
    c_char_p,
    c_int32,
    c_int64,
    c_size_t,
    c_uint32,
    c_void_p,
    string_at,
)
from typing import NamedTuple

USER, TOKEN = 1, 2  # how a requester logged in
OPERATIONS = {1: "create", 2: "describe"}

_CLOCK = CFUNCTYPE(c_int64, c_void_p)
_AUTHORIZER = CFUNCTYPE(c_int32, c_void_p, c_char_p, c_int32, c_char_p, c_char_p)
_TOKEN_VISIT = CFUNCTYPE(c_int32, c_void_p, c_void_p)
_USER_VISIT = CFUNCTYPE(c_int32, c_void_p, c_char_p, c_void_p, c_size_t, c_uint32)

_IN = (c_char_p, c_size_t)
_LIST = (POINTER(c_char_p), c_size_t)
_NEW = POINTER(c_void_p)
_WHO = (c_void_p, c_char_p, c_int32)

# Of those without a result in the second place, it is a status.
_FUNCTIONS = {
    "client_new": (c_char_p, _NEW),
    "client_set_password": (c_void_p, *_IN, *_IN),
    "client_set_token": (c_void_p, *_IN, *_IN),
    "client_step": (c_void_p, c_void_p, c_size_t, POINTER(c_void_p), POINTER(c_size_t)),
    "client_free": (c_void_p,),
    "server_config_new": (_NEW,),
    "server_config_set_store": (c_void_p, c_void_p),
    "server_config_free": (c_void_p,),
    "server_new": (c_void_p, c_char_p, _NEW),
    "server_step": (c_void_p, c_void_p, c_size_t, POINTER(c_void_p), POINTER(c_size_t)),
    "server_free": (c_void_p,),
    "store_open": (c_char_p, _NEW),
    "store_put_user": (c_void_p, c_char_p, *_IN, *_IN, c_uint32),
    "store_delete_user": (c_void_p, c_char_p, *_IN),
    "store_visit_users": (c_void_p, _USER_VISIT, c_void_p),
    "store_free": (c_void_p,),
    "token_manager_new": (c_void_p, _NEW),
    "token_manager_add_secret_key": (c_void_p, c_char_p, *_IN),
    "token_manager_set_signing_key": (c_void_p, c_char_p),
    "token_manager_remove_secret_key": (c_void_p, c_char_p, POINTER(c_size_t)),
    "token_manager_set_lifetimes": (c_void_p, c_int64, c_int64),
    "token_manager_set_iterations": (c_void_p, c_char_p, c_uint32),
    "token_manager_set_clock": (c_void_p, _CLOCK, c_void_p, c_void_p),
    "token_manager_set_authorizer": (c_void_p, _AUTHORIZER, c_void_p, c_void_p),
    "token_manager_free": (c_void_p,),
    "token_create": (*_WHO, c_char_p, *_LIST, c_int64, _NEW),
    "token_renew": (*_WHO, *_IN, c_int64, POINTER(c_int64)),
    "token_expire": (*_WHO, *_IN, c_int64, POINTER(c_int64)),
    "token_describe": (*_WHO, *_LIST, _TOKEN_VISIT, c_void_p),
    "token_sweep": (c_void_p, POINTER(c_size_t)),
    "token_free": (c_void_p,),
}
_RESULTS = {
    "last_error": (c_char_p,),
    "status_name": (c_char_p, c_int32),
    "token_id": (c_char_p, c_void_p),
    "token_hmac": (c_char_p, c_void_p),
    "token_owner": (c_char_p, c_void_p),
    "token_requester": (c_char_p, c_void_p),
    "token_renewers_len": (c_size_t, c_void_p),
    "token_renewer": (c_char_p, c_void_p, c_size_t),
    "token_issue_ms": (c_int64, c_void_p),
    "token_expiry_ms": (c_int64, c_void_p),
    "token_max_ms": (c_int64, c_void_p),
}


class Failure(Exception):
    """A call failed; `status` is its number."""

    def __init__(self, status, name, text):
        super().__init__(f"{name}: {text}")
        self.status = status
        self.name = name


class Token(NamedTuple):
    id: str
    hmac: str
    owner: str
    requester: str
    renewers: tuple
    issue_ms: int
    expiry_ms: int
    max_ms: int


def _load():
    library = CDLL(os.environ["SCRAMTOKEN_LIBRARY"])
    for functions, first in ((_FUNCTIONS, 0), (_RESULTS, 1)):
        for name, types in functions.items():
            function = getattr(library, f"scramtoken_{name}")
            function.argtypes = types[first:]
            function.restype = types[0] if first else None if name.endswith("_free") else c_int32
    return library


_library = _load()


def _call(name, *arguments):
    status = getattr(_library, f"scramtoken_{name}")(*arguments)
    if status is not None and status < 0:
        text = _library.scramtoken_last_error().decode()
        raise Failure(status, _library.scramtoken_status_name(status).decode(), text)


def _token(pointer):
    get = {name: getattr(_library, f"scramtoken_token_{name}") for name in Token._fields[:4]}
    times = [getattr(_library, f"scramtoken_token_{name}")(pointer) for name in Token._fields[5:]]
    texts = [read(pointer) for read in get.values()]
    count = _library.scramtoken_token_renewers_len(pointer)
    renewers = (_library.scramtoken_token_renewer(pointer, at).decode() for at in range(count))
    return Token(*(text and text.decode() for text in texts), tuple(renewers), *times)


def _list(texts):
    """The two arguments of a list; None is NULL."""
    if texts is None:
        return None, 0
    return (c_char_p * max(len(texts), 1))(*(text.encode() for text in texts)), len(texts)


class Store:
    """A context manager."""

    def __init__(self, uri):
        self._object = c_void_p()
        _call("store_open", os.fsencode(uri), byref(self._object))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        _call("store_free", self._object)

    def put_user(self, mechanism, name, password, iterations=4096):
        name, password = name.encode(), password.encode()
        _call(
            "store_put_user", self._object, mechanism.encode(),
            name, len(name), password, len(password), iterations,
        )  # fmt: skip

    def delete_user(self, mechanism, name):
        name = name.encode()
        _call("store_delete_user", self._object, mechanism.encode(), name, len(name))

    def lets_in(self, mechanism, name, secret, token=False):
        """Whether a server on the store does, and proves itself to the client."""
        config, server, client = c_void_p(), c_void_p(), c_void_p()
        name, secret, mechanism = name.encode(), secret.encode(), mechanism.encode()
        out, out_len = c_void_p(), c_size_t()
        try:
            _call("server_config_new", byref(config))
            _call("server_config_set_store", config, self._object)
            _call("server_new", config, mechanism, byref(server))
            _call("client_new", mechanism, byref(client))
            kind = "token" if token else "password"
            _call(f"client_set_{kind}", client, name, len(name), secret, len(secret))
            for side in (client, server, client, server, client):
                step = "client_step" if side is client else "server_step"
                _call(step, side, out, out_len, byref(out), byref(out_len))
            return True
        except Failure as failure:
            if failure.name == "INVALID_PROOF":
                return False
            raise
        finally:
            _call("client_free", client)
            _call("server_free", server)
            _call("server_config_free", config)

    def users(self):
        """{(mechanism, name): iterations}"""
        users = {}

        def visit(_, mechanism, name, name_len, iterations):
            users[mechanism.decode(), string_at(name, name_len).decode()] = iterations
            return 0

        _call("store_visit_users", self._object, _USER_VISIT(visit), None)
        return users


class Manager:
    """A context manager; `now_ms` is its clock, `may(requester, operation, owner)` decides."""

    def __init__(self, store, now_ms=None, may=None):
        self.now_ms = now_ms
        self._object = c_void_p()
        _call("token_manager_new", store._object, byref(self._object))
        if now_ms is not None:
            self._clock = _CLOCK(lambda _: self.now_ms)
            _call("token_manager_set_clock", self._object, self._clock, None, None)
        if may:
            self._authorizer = _AUTHORIZER(
                lambda _, requester, operation, owner, token_id: may(
                    requester.decode(), OPERATIONS[operation], owner.decode()
                )
            )
            _call("token_manager_set_authorizer", self._object, self._authorizer, None, None)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        _call("token_manager_free", self._object)

    def add_secret_key(self, name, secret):
        secret = secret.encode()
        name = name.encode()
        _call("token_manager_add_secret_key", self._object, name, secret, len(secret))

    def set_signing_key(self, name):
        _call("token_manager_set_signing_key", self._object, name.encode())

    def remove_secret_key(self, name):
        """How many tokens that ended."""
        ended = c_size_t()
        _call("token_manager_remove_secret_key", self._object, name.encode(), byref(ended))
        return ended.value

    def set_lifetimes(self, max_lifetime_ms, expiry_time_ms):
        _call("token_manager_set_lifetimes", self._object, max_lifetime_ms, expiry_time_ms)

    def set_iterations(self, mechanism, iterations):
        _call("token_manager_set_iterations", self._object, mechanism.encode(), iterations)

    def create(self, requester, owner=None, renewers=(), max_lifetime_ms=-1, by=USER):
        token = c_void_p()
        owner = owner and owner.encode()
        _call(
            "token_create", self._object, requester.encode(), by, owner,
            *_list(renewers), max_lifetime_ms, byref(token),
        )  # fmt: skip
        try:
            return _token(token)
        finally:
            _call("token_free", token)

    def renew(self, requester, hmac, period_ms, by=USER):
        return self._change("token_renew", requester, hmac, period_ms, by)

    def expire(self, requester, hmac, period_ms, by=USER):
        return self._change("token_expire", requester, hmac, period_ms, by)

    def describe(self, requester, owners=None, by=USER):
        tokens = []

        def visit(_, token):
            tokens.append(_token(token))
            return 0

        _call(
            "token_describe", self._object, requester.encode(), by,
            *_list(owners), _TOKEN_VISIT(visit), None,
        )  # fmt: skip
        return tokens

    def sweep(self):
        """How many went."""
        removed = c_size_t()
        _call("token_sweep", self._object, byref(removed))
        return removed.value

    def _change(self, name, requester, hmac, period_ms, by):
        expiry_ms, hmac = c_int64(), hmac.encode()
        _call(
            name, self._object, requester.encode(), by, hmac, len(hmac), period_ms, byref(expiry_ms)
        )
        return expiry_ms.value


@contextmanager
def authority(uri="memory:", **options):
    """(store, manager)"""
    with Store(uri) as store, Manager(store, **options) as manager:
        yield store, manager
