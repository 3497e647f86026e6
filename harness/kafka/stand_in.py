"""A stand-in for a Kafka broker, which can do what a real one cannot be made to do. Its SCRAM is
written with hashlib, so that the library is not its own peer."""

import base64
import hashlib
import hmac
import re
import socket
import struct
import threading

HANDSHAKE, AUTHENTICATE = 17, 36  # the API keys
SALT, ITERATIONS = b"a stand-in's salt", 4096


class StandInBroker:
    """Serves one connection; ``answer(api_key, correlation_id, body)`` gives each answer's frame,
    or None to hang up."""

    def __init__(self, answer, host="127.0.0.1"):
        self.answer = answer
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.listener = socket.create_server((host, 0), family=family)
        self.listener.settimeout(30)
        self.port = self.listener.getsockname()[1]
        self.requests = []  # (api key, version, the whole frame)
        self.thread = threading.Thread(target=self._serve)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.listener.shutdown(socket.SHUT_RDWR)  # wakes an accept that nobody came to
        self.thread.join(30)
        self.listener.close()
        assert not self.thread.is_alive()

    def _serve(self):
        try:
            connection, _ = self.listener.accept()
        except OSError:
            return
        connection.settimeout(30)
        with connection, connection.makefile("rb") as stream:
            try:
                while length := stream.read(4):
                    frame = stream.read(int.from_bytes(length, "big"))
                    api_key, version, correlation_id, id_len = struct.unpack_from(">hh4sh", frame)
                    self.requests.append((api_key, version, frame))
                    answer = self.answer(api_key, correlation_id, frame[10 + id_len :])
                    if answer is None:
                        return
                    connection.sendall(answer)
            except ConnectionError:
                pass  # the client did not like an answer


def framed(payload):
    return struct.pack(">i", len(payload)) + payload


def handshake_answer(correlation_id, error_code=0):
    return framed(correlation_id + struct.pack(">hih", error_code, 1, 13) + b"SCRAM-SHA-512")


def uvarint(value):
    encoded = bytearray()
    while value >= 0x80:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*encoded, value])


def authenticate_answer(
    correlation_id, data, error_code=0, text=None, lifetime_ms=0, tagged_fields=b"\0"
):
    """SaslAuthenticate v2; ``tagged_fields`` stand in its header and at its end."""
    message = b"\0" if text is None else uvarint(len(text) + 1) + text
    body = struct.pack(">h", error_code) + message + uvarint(len(data) + 1) + data
    body += struct.pack(">q", lifetime_ms) + tagged_fields
    return framed(correlation_id + tagged_fields + body)


def scram_message(body):
    """What a SaslAuthenticate v2 request carries: tagged fields, compact bytes, tagged fields."""
    assert body[0] == 0
    size, at, shift = 0, 1, 0
    while True:
        size |= (body[at] & 0x7F) << shift
        shift += 7
        at += 1
        if body[at - 1] < 0x80:
            break
    assert body[at + size - 1 :] == b"\0"
    return body[at : at + size - 1]


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

    def answer(api_key, correlation_id, body):
        if api_key == HANDSHAKE:
            return handshake_answer(correlation_id)
        message = scram_message(body)
        if not message.startswith(b"c="):
            return authenticate_answer(correlation_id, server.first(message))
        final = server.final(message)
        if final is None:
            return authenticate_answer(correlation_id, b"", 58, b"Authentication failed")
        return authenticate_answer(
            correlation_id, final, lifetime_ms=lifetime_ms, tagged_fields=tagged_fields
        )

    return answer
