"""A stand-in for a Kafka broker, which can do what a real one cannot be made to do. Its SCRAM is
written with hashlib, so that the library is not its own peer."""

import base64
import contextlib
import hashlib
import hmac
import queue
import re
import socket
import ssl
import struct
import threading

API_VERSIONS, HANDSHAKE, AUTHENTICATE = 18, 17, 36  # the API keys
SALT, ITERATIONS = b"a stand-in's salt", 4096
_MECHANISM = b"SCRAM-SHA-512"


class StandInBroker:
    """Serves any number of connections, each on a thread of its own; `answer(request)` gives each
    answer's frame, or None to hang up.

    With a PEM file of a certificate and its key it speaks TLS.
    """

    def __init__(self, answer, host="127.0.0.1", certificate=None):
        self.answer = answer
        self.requests = []
        self._tls = None
        if certificate is not None:
            self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._tls.load_cert_chain(certificate)
        self._connections = []
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._listener = socket.create_server((host, 0), family=family)
        self.port = self._listener.getsockname()[1]
        self.bootstrap = f"{host}:{self.port}"

    def __enter__(self):
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        self._listener.shutdown(socket.SHUT_RDWR)  # wakes an accept that nobody came to
        self._listener.close()
        self.hang_up()

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
        # Closed by either side, or what came was no request.
        with contextlib.suppress(OSError, ValueError, struct.error):
            if self._tls is not None:
                connection = self._tls.wrap_socket(connection, server_side=True)
                self._connections.append(connection)
            with connection, connection.makefile("rb") as stream:
                while length := stream.read(4):
                    request = Request(connection, stream.read(int.from_bytes(length, "big")))
                    self.requests.append(request)
                    answer = self.answer(request)
                    if answer is None:
                        return
                    connection.sendall(answer)


class StalledBroker(StandInBroker):
    """Lets librdkafka come as far as SaslAuthenticate; `login(request)` then does what a test
    wants, over request.connection."""

    def __init__(self, login=lambda request: None, mechanism_error=0, certificate=None):
        super().__init__(self._answer, certificate=certificate)
        self._login = login
        self._mechanism_error = mechanism_error
        self._logins = queue.Queue()

    def wait_for_login(self):
        """Returns the next SaslAuthenticate's SCRAM message."""
        return self._logins.get(timeout=20)

    def _answer(self, request):
        if request.api_key == API_VERSIONS:
            return request.api_versions_answer()
        if request.api_key == HANDSHAKE:
            return request.handshake_answer(self._mechanism_error, b"PLAIN")
        if request.api_key == AUTHENTICATE:
            self._logins.put(request.scram_message())
            self._login(request)
        return b""  # whatever comes after the login waits in vain


class Request:
    """One request of a client, and the answers to it."""

    def __init__(self, connection, frame):
        self.connection = connection
        self.frame = frame
        self.api_key, self.version, self.correlation_id, id_length = struct.unpack_from(
            ">hh4sh", frame
        )
        self.body = frame[10 + max(id_length, 0) :]

    def scram_message(self):
        """What a SaslAuthenticate carries."""
        if self.version < 2:
            length = struct.unpack_from(">i", self.body)[0]
            return self.body[4 : 4 + length]
        # Tagged fields, compact bytes, tagged fields.
        assert self.body[0] == 0
        size, at, shift = 0, 1, 0
        while True:
            size |= (self.body[at] & 0x7F) << shift
            shift += 7
            at += 1
            if self.body[at - 1] < 0x80:
                break
        assert self.body[at + size - 1 :] == b"\0"
        return self.body[at : at + size - 1]

    def api_versions_answer(self):
        # Version 0 and error 35 where a newer one was asked for, as KIP-511 has it.
        apis = ((3, 0, 1), (HANDSHAKE, 0, 1), (API_VERSIONS, 0, 0), (AUTHENTICATE, 0, 1))
        body = struct.pack(">hi", 0 if self.version == 0 else 35, len(apis))
        return framed(self.correlation_id + body + b"".join(struct.pack(">hhh", *a) for a in apis))

    def handshake_answer(self, error_code=0, mechanism=_MECHANISM):
        body = struct.pack(">hih", error_code, 1, len(mechanism)) + mechanism
        return framed(self.correlation_id + body)

    def authenticate_answer(
        self, data, error_code=0, text=None, lifetime_ms=0, tagged_fields=b"\0"
    ):
        """That to a SaslAuthenticate; `tagged_fields` stand in its header and at its end where its
        version has some."""
        head, error, end = self.correlation_id, struct.pack(">h", error_code), b""
        if self.version < 2:
            said = struct.pack(">h", -1) if text is None else struct.pack(">h", len(text)) + text
            data = struct.pack(">i", len(data)) + data
        else:
            said = b"\0" if text is None else _uvarint(len(text) + 1) + text
            data = _uvarint(len(data) + 1) + data
            head, end = head + tagged_fields, tagged_fields
        return framed(head + error + said + data + struct.pack(">q", lifetime_ms) + end)


def framed(payload):
    return struct.pack(">i", len(payload)) + payload


def _uvarint(value):
    encoded = bytearray()
    while value >= 0x80:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*encoded, value])


class ScramServer:
    """RFC 5802 for one login by one secret: takes the client's messages, gives the server's."""

    def __init__(self, secret, algorithm="sha512"):
        self.algorithm = algorithm
        self.salted = hashlib.pbkdf2_hmac(algorithm, secret, SALT, ITERATIONS)
        self.auth_message = b""

    def first(self, message):
        assert message.startswith(b"n,,")
        bare = message[3:]
        nonce = re.search(rb"r=([^,]+)", bare)[1]
        challenge = b"r=%s-server,s=%s,i=%d" % (nonce, base64.b64encode(SALT), ITERATIONS)
        self.auth_message = bare + b"," + challenge
        return challenge

    def final(self, message):
        """The server-final-message, or None where the proof is wrong."""
        without_proof, _, proof = message.rpartition(b",p=")
        self.auth_message += b"," + without_proof
        client_key = self._hmac(self.salted, b"Client Key")
        stored_key = hashlib.new(self.algorithm, client_key).digest()
        signature = self._hmac(stored_key, self.auth_message)
        if bytes(a ^ b for a, b in zip(client_key, signature)) != base64.b64decode(proof):
            return None
        server_key = self._hmac(self.salted, b"Server Key")
        return b"v=" + base64.b64encode(self._hmac(server_key, self.auth_message))

    def _hmac(self, key, message):
        return hmac.digest(key, message, self.algorithm)


def honest(secret, algorithm="sha512", lifetime_ms=0, tagged_fields=b"\0"):
    """Answers as a broker does that knows the secret."""
    server = ScramServer(secret.encode(), algorithm)

    def answer(request):
        if request.api_key == HANDSHAKE:
            return request.handshake_answer()
        message = request.scram_message()
        if not message.startswith(b"c="):
            return request.authenticate_answer(server.first(message))
        final = server.final(message)
        if final is None:
            return request.authenticate_answer(b"", 58, b"Authentication failed")
        return request.authenticate_answer(
            final, lifetime_ms=lifetime_ms, tagged_fields=tagged_fields
        )

    return answer
