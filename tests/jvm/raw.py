"""Logins message by message, for what no well-made client sends."""

import base64
import hashlib
import hmac
import importlib.util
import ssl

from harness.paths import ROOT

KAFKAS_WORDS = "Authentication failed during authentication due to invalid credentials"
SECRET = "a mock secret that all brokers share"

_spec = importlib.util.spec_from_file_location("login", ROOT / "examples" / "python" / "login.py")
login = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(login)

Refused = login.Failure


class RawLogin:
    """A connection that has named its mechanism; `send` exchanges SCRAM messages."""

    def __init__(self, broker, mechanism, listener="SASL_PLAINTEXT", node=1):
        self.connection = login.Broker(*broker.address(listener, node), 10)
        if listener == "SASL_SSL":
            context = ssl.create_default_context(cafile=broker.authority.pem)
            self.connection.socket = context.wrap_socket(
                self.connection.socket, server_hostname="localhost"
            )
        login.handshake(self.connection, mechanism)

    def send(self, message):
        """The broker's answer, or Refused with what it said."""
        return login.authenticate(self.connection, message.encode())[0].decode()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.connection.socket.close()


def challenge(broker, mechanism, name, extensions="", listener="SASL_PLAINTEXT", node=1):
    """(salt, iterations) that the broker sends for a name."""
    with RawLogin(broker, mechanism, listener, node) as connection:
        answer = connection.send(f"n,,n={name},r=abcdefgh{extensions}")
    fields = dict(field.split("=", 1) for field in answer.split(","))
    return base64.b64decode(fields["s"]).decode(), int(fields["i"])


def log_in_with_doubled_nonce(broker, mechanism, name, password):
    """What librdkafka before 2.6.1 sends: its own nonce twice in the client-final-message."""
    algorithm = mechanism.rpartition("SCRAM-")[2].replace("-", "").lower()
    bare = f"n={name},r=abcdefgh"
    with RawLogin(broker, mechanism) as connection:
        server_first = connection.send(f"n,,{bare}")
        fields = dict(field.split("=", 1) for field in server_first.split(","))
        final = f"c=biws,r=abcdefgh{fields['r']}"
        salted = hashlib.pbkdf2_hmac(
            algorithm, password.encode(), base64.b64decode(fields["s"]), int(fields["i"])
        )
        client_key = hmac.digest(salted, b"Client Key", algorithm)
        stored_key = hashlib.new(algorithm, client_key).digest()
        message = f"{bare},{server_first},{final}".encode()
        signature = hmac.digest(stored_key, message, algorithm)
        proof = bytes(a ^ b for a, b in zip(client_key, signature))
        return connection.send(f"{final},p={base64.b64encode(proof).decode()}")
