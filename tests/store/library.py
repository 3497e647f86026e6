"""The C API's stores by ctypes: any copy of the library, in any process. Needs nothing but Python,
so that a child in a namespace of its own can import it too."""

import ctypes
import os
from ctypes import POINTER, byref, c_char_p, c_int32, c_size_t, c_uint8, c_uint32, c_void_p

SHA_256, SHA_512 = b"SCRAM-SHA-256", b"SCRAM-SHA-512"
KEY_LENS = {SHA_256: 32, SHA_512: 64}
SALT = b"0123456789abcdef"

VISIT = ctypes.CFUNCTYPE(c_int32, c_void_p, c_char_p, c_void_p, c_size_t, c_uint32)


class StoreError(Exception):
    """A failed call: the status's name, and the error's text."""

    def __init__(self, status, text):
        super().__init__(f"{status}: {text}")
        self.status = status
        self.text = text


class Credential(ctypes.Structure):
    _fields_ = [
        ("salt", c_char_p),
        ("salt_len", c_size_t),
        ("stored_key", c_char_p),
        ("stored_key_len", c_size_t),
        ("server_key", c_char_p),
        ("server_key_len", c_size_t),
        ("iterations", c_uint32),
    ]


class Library:
    """One loaded copy of the library."""

    def __init__(self, path=None):
        self.c = ctypes.CDLL(path or os.environ["SCRAMTOKEN_LIBRARY"])
        self.c.scramtoken_status_name.restype = c_char_p
        self.c.scramtoken_last_error.restype = c_char_p
        self.c.scramtoken_store_warning.restype = c_char_p
        for name in ("scramtoken_store_free", "scramtoken_server_config_free"):
            getattr(self.c, name).restype = None

    def check(self, status):
        if status < 0:
            name, text = self.c.scramtoken_status_name(status), self.c.scramtoken_last_error()
            raise StoreError(name.decode(), text.decode())
        return status

    def open(self, uri, read_only=False):
        function = "scramtoken_store_open_read_only" if read_only else "scramtoken_store_open"
        store = c_void_p()
        self.check(getattr(self.c, function)(uri.encode(), byref(store)))
        return Store(self, store)

    def derive(self, mechanism, password, iterations):
        """A credential with a salt that is always the same."""
        length = KEY_LENS[mechanism]
        stored_key, server_key = (ctypes.create_string_buffer(length) for _ in range(2))
        self.check(
            self.c.scramtoken_derive(
                mechanism,
                *sized(password),
                *sized(SALT),
                c_uint32(iterations),
                stored_key,
                server_key,
                c_size_t(length),
            )
        )
        keys = (stored_key.raw, length, server_key.raw, length)
        return Credential(SALT, len(SALT), *keys, iterations)


class Store:
    """An open store, and what its logins share."""

    def __init__(self, library, handle):
        self.library, self.c, self.handle = library, library.c, handle
        self.config = c_void_p()
        library.check(self.c.scramtoken_server_config_new(byref(self.config)))
        library.check(self.c.scramtoken_server_config_set_store(self.config, handle))

    def close(self):
        self.c.scramtoken_server_config_free(self.config)
        self.c.scramtoken_store_free(self.handle)

    def warning(self):
        return self.c.scramtoken_store_warning(self.handle).decode()

    def put_user(self, name, password, mechanism=SHA_256, iterations=4096):
        self.library.check(
            self.c.scramtoken_store_put_user(
                self.handle, mechanism, *sized(name), *sized(password), c_uint32(iterations)
            )
        )

    def put_credential(self, name, credential, mechanism=SHA_256):
        self.library.check(
            self.c.scramtoken_store_put_credential(
                self.handle, mechanism, *sized(name), byref(credential)
            )
        )

    def delete_user(self, name, mechanism=SHA_256):
        self.library.check(
            self.c.scramtoken_store_delete_user(self.handle, mechanism, *sized(name))
        )

    def users(self):
        names = []

        def visit(_userdata, _mechanism, name, length, _iterations):
            names.append(ctypes.string_at(name, length).decode())
            return 0

        self.library.check(self.c.scramtoken_store_visit_users(self.handle, VISIT(visit), None))
        return sorted(names)

    def log_in(self, name, password, mechanism=SHA_256):
        """A whole login, of a client that takes any iteration count: the server's status as a name,
        "OK" if and only if the client is authenticated and believes the server."""
        client, server = c_void_p(), c_void_p()
        self.library.check(self.c.scramtoken_client_new(mechanism, byref(client)))
        try:
            self.library.check(
                self.c.scramtoken_client_set_password(client, *sized(name), *sized(password))
            )
            self.c.scramtoken_client_set_iteration_limits(client, c_uint32(1), c_uint32(1_000_000))
            self.library.check(self.c.scramtoken_server_new(self.config, mechanism, byref(server)))
            return self._exchange(client, server)
        finally:
            self.c.scramtoken_client_free(client)
            self.c.scramtoken_server_free(server)

    def _exchange(self, client, server):
        output, length = POINTER(c_uint8)(), c_size_t(0)
        client_step, server_step = self.c.scramtoken_client_step, self.c.scramtoken_server_step
        while True:
            ended = client_step(client, output, length, byref(output), byref(length))
            if ended == 0:
                return "OK"
            assert ended > 0, "the client refuses the server"
            status = server_step(server, output, length, byref(output), byref(length))
            if status < 0:
                name = self.c.scramtoken_status_name(status).decode()
                assert name != "INTERNAL", self.c.scramtoken_last_error().decode()
                return name


def sized(text):
    """Bytes as the two arguments that they travel as."""
    data = text.encode() if isinstance(text, str) else text
    return data, c_size_t(len(data))
