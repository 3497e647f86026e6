"""Drives one login through the C API, and checks what that promises of every call."""

import threading
from ctypes import byref, c_char_p, c_int32, c_size_t, c_void_p, string_at

from scramtoken import _library as api
from scramtoken.errors import Status

from .transcript import credential

library = api.library
for _name in ("client_error", "server_error"):
    getattr(library, f"scramtoken_{_name}").restype = c_char_p
    getattr(library, f"scramtoken_{_name}").argtypes = [c_void_p]

STEP_LIMIT_S = 5  # a million iterations take less; 2^32 - 1 would take half an hour

USER, TOKEN, EITHER = 1, 2, 3
UNDECIDED, AUTHENTICATED, REJECTED = 0, 1, 2
_POISON, _POISON_LEN = 0xDEAD, 0xBEEF


def name_of(status):
    return library.scramtoken_status_name(status).decode()


def ok(status):
    assert status == Status.OK, (name_of(status), library.scramtoken_last_error())


class _Login:
    """What client and server share: stepping, and freeing at the end."""

    side = None

    def __init__(self):
        self.pointer = c_void_p()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        getattr(library, f"scramtoken_{self.side}_free")(self.pointer)

    def step(self, message):
        """(status, output or None, error text) of a step; a message of None is no input."""
        out, out_len = c_void_p(_POISON), c_size_t(_POISON_LEN)
        status = getattr(library, f"scramtoken_{self.side}_step")(
            self.pointer, message, len(message or b""), byref(out), byref(out_len)
        )
        written = (out.value, out_len.value) != (_POISON, _POISON_LEN)
        output = string_at(out, out_len.value) if written and out_len.value else None
        if status >= 0:
            assert written, "outputs are written on success"
            return status, output, ""
        assert not written or self.side == "server", "a failing client wrote its outputs"
        assert output is None or output.startswith(b"e="), f"a failing step put out {output}"
        error = getattr(library, f"scramtoken_{self.side}_error")(self.pointer)
        assert error == library.scramtoken_last_error()
        return status, output, error.decode()


class ClientLogin(_Login):
    """`keys`: "fresh", or "cached" in a cache that all logins share, which must change nothing."""

    side = "client"
    _cache = c_void_p()

    def __init__(self, case, keys):
        super().__init__()
        ok(library.scramtoken_client_new(case["mechanism"].encode(), byref(self.pointer)))
        login = {key: value.encode() for key, value in case["login"].items()}
        if "token_id" in login:
            setter, name, secret = "set_token", login["token_id"], login["hmac"]
        else:
            setter, name, secret = "set_password", login["username"], login["password"]
        self._set(setter, name, len(name), secret, len(secret))
        for option in ("authzid", "client_nonce"):
            if option in case:
                value = case[option].encode()
                self._set(f"set_{option.replace('client_', '')}", value, len(value))
        if "iteration_limits" in case:
            self._set("set_iteration_limits", *case["iteration_limits"])
        if keys == "cached":
            if not self._cache:
                ok(library.scramtoken_key_cache_new(100, byref(self._cache)))
            self._set("set_key_cache", self._cache)

    def step(self, message):
        """As above; a server that makes us hash for too long gets us to cancel."""
        timer = threading.Timer(STEP_LIMIT_S, library.scramtoken_client_cancel, [self.pointer])
        timer.start()
        try:
            return super().step(message)
        finally:
            timer.cancel()
            timer.join()

    def _set(self, name, *arguments):
        ok(getattr(library, f"scramtoken_client_{name}")(self.pointer, *arguments))


class ServerLogin(_Login):
    """`lookup`: "callback", or "supply" for a caller that looks up between two steps."""

    side = "server"

    def __init__(self, case, lookup):
        super().__init__()
        self.case = case
        self.now_ms = case.get("now_ms", 0)
        self._keep = [api.CLOCK(lambda _: self.now_ms), api.LOOKUP(self._lookup)]
        config = c_void_p()
        ok(library.scramtoken_server_config_new(byref(config)))
        self._configure(config, lookup)
        try:
            mechanism = case["mechanism"].encode()
            ok(library.scramtoken_server_new(config, mechanism, byref(self.pointer)))
        finally:
            library.scramtoken_server_config_free(config)
        nonce = case["server_nonce"].encode()
        ok(library.scramtoken_server_set_nonce(self.pointer, nonce, len(nonce)))

    def _configure(self, config, lookup):
        clock, callback = self._keep
        no_finalizer = api.FINALIZER(0)

        def set(name, *arguments):
            ok(getattr(library, f"scramtoken_server_config_set_{name}")(config, *arguments))

        set("clock", clock, None, no_finalizer)
        if lookup == "callback":
            set("lookup", callback, None, no_finalizer)
        for option in ("implicit_tokens", "doubled_nonce", "mock_iterations"):
            if option in self.case:
                set(option, self.case[option])
        if "mock_token_iterations" in self.case:
            mechanism = self.case["mechanism"].encode()
            set("mock_token_iterations", mechanism, self.case["mock_token_iterations"])
        if "mock_secret" in self.case:
            secret = self.case["mock_secret"].encode()
            set("mock_secret", secret, len(secret))

    def step(self, message):
        status, output, error = super().step(message)
        if status == Status.NEED_CREDENTIAL:
            assert output is None
            assert self.verdict().outcome == UNDECIDED
            self._supply()
            return super().step(None)
        return status, output, error

    def verdict(self):
        verdict = api.VerdictStruct()
        ok(library.scramtoken_server_verdict(self.pointer, byref(verdict)))
        return verdict

    def _supply(self):
        name, length, kind = c_void_p(), c_size_t(), c_int32()
        ok(
            library.scramtoken_server_identity(
                self.pointer, byref(name), byref(length), byref(kind)
            )
        )
        asked = string_at(name, length.value).decode()
        ok(self._answer("server_supply", self.pointer, asked, kind.value))

    def _lookup(self, _userdata, _mechanism, name, length, kind, reply):
        asked = string_at(name, length).decode()
        return self._answer("lookup_reply", reply, asked, kind)

    def _answer(self, function, target, name, kind):
        """Finds the name in the data as a store does: a user goes before a token."""

        def answer(what, *arguments):
            return getattr(library, f"scramtoken_{function}_{what}")(target, *arguments)

        users = [user for user in self.case.get("users", []) if user["name"] == name]
        if kind != TOKEN and users:
            for user in users:
                if user.get("mechanism", self.case["mechanism"]) == self.case["mechanism"]:
                    return answer("user", byref(_struct(credential(self.case, user))))
            return answer("unknown")
        if kind != USER:
            for token in self.case.get("tokens", []):
                if token["id"] == name:
                    keys = byref(_struct(credential(self.case, token)))
                    owner = token["owner"].encode()
                    return answer("token", keys, owner, len(owner), token["expiry_ms"])
        return answer("unknown")


def _struct(keys):
    salt, stored_key, server_key, iterations = keys
    return api.CredentialStruct(
        salt, len(salt), stored_key, len(stored_key), server_key, len(server_key), iterations
    )
