"""A broker that answers ApiVersions and SaslHandshake, and then does what a test tells it to."""

import queue
import socket
import ssl
import struct
import threading

API_VERSIONS, HANDSHAKE, AUTHENTICATE = 18, 17, 36
_APIS = ((3, 0, 1), (HANDSHAKE, 0, 1), (API_VERSIONS, 0, 0), (AUTHENTICATE, 0, 1))


class StalledBroker:
    """Serves any number of connections; `login(connection, frame)` gets each SaslAuthenticate.

    With a PEM file of a certificate and its key it speaks TLS.
    """

    def __init__(self, login=lambda connection, frame: None, mechanism_error=0, certificate=None):
        self._login = login
        self._mechanism_error = mechanism_error
        self._tls = None
        if certificate is not None:
            self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._tls.load_cert_chain(certificate)
        self._logins = queue.Queue()
        self._connections = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.bootstrap = f"127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self):
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.hang_up()

    def wait_for_login(self):
        """Returns the next SaslAuthenticate's SCRAM message."""
        return self._logins.get(timeout=20)

    def hang_up(self):
        for connection in self._connections:
            connection.close()
        self._connections.clear()

    def _accept(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._connections.append(connection)
            threading.Thread(target=self._serve, args=[connection], daemon=True).start()

    def _serve(self, connection):
        try:
            if self._tls is not None:
                connection = self._tls.wrap_socket(connection, server_side=True)
                self._connections.append(connection)
            with connection.makefile("rb") as stream:
                while length := stream.read(4):
                    frame = stream.read(int.from_bytes(length, "big"))
                    self._answer(connection, frame)
        except (OSError, ValueError, struct.error):
            pass  # closed, or what came was no request

    def _answer(self, connection, frame):
        api_key, version, correlation_id = struct.unpack_from(">hhi", frame)
        if api_key == API_VERSIONS:
            # Version 0 and error 35 where a newer one was asked for, as KIP-511 has it.
            error = 0 if version == 0 else 35
            body = struct.pack(">hi", error, len(_APIS))
            body += b"".join(struct.pack(">hhh", *api) for api in _APIS)
        elif api_key == HANDSHAKE:
            body = struct.pack(">hih", self._mechanism_error, 1, 5) + b"PLAIN"
        elif api_key != AUTHENTICATE:
            return  # it is logged in, and waits in vain
        else:
            self._logins.put(scram_message(frame))
            self._login(connection, frame)
            return
        connection.sendall(framed(struct.pack(">i", correlation_id) + body))


def scram_message(frame):
    id_length = struct.unpack_from(">h", frame, 8)[0]
    at = 10 + max(id_length, 0)
    length = struct.unpack_from(">i", frame, at)[0]
    return frame[at + 4 : at + 4 + length]


def framed(payload):
    return struct.pack(">i", len(payload)) + payload


def authenticate_answer(frame, message, error=0, text=None, lifetime_ms=0):
    """A SaslAuthenticate v1 response to `frame`."""
    correlation_id = frame[4:8]
    string = struct.pack(">h", -1) if text is None else struct.pack(">h", len(text)) + text
    body = struct.pack(">h", error) + string + struct.pack(">i", len(message)) + message
    return framed(correlation_id + body + struct.pack(">q", lifetime_ms))
