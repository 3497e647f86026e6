#!/usr/bin/env python3
"""Logs in to a Kafka broker by SCRAM, with a password or a delegation token.

    SCRAMTOKEN_SECRET=$(cat hmac) python3 examples/python/login.py --port 9092 --token-id 5qE...

From top to bottom: the login itself (read log_in first), Kafka's frames, the secret, and the
command line. Only the standard library and scramtoken are needed.
"""

from __future__ import annotations

import argparse
import os
import socket
import stat
import struct
import sys
import time

REFUSED = 1  # the broker says no: a wrong secret, an unknown name, a mechanism it lacks
USAGE = 2  # options, or a secret that cannot be read
EXPIRED = 3  # the token has expired
NETWORK = 4  # no connection, no answer in time, or no Kafka frames
NO_LIBRARY = 5  # libscramtoken cannot be loaded
UNTRUSTED = 6  # the broker breaks SCRAM, or has not proved that it knows the credential

try:
    import scramtoken
except ImportError as error:
    print(f"login: {error}", file=sys.stderr)
    sys.exit(NO_LIBRARY)


class Failure(Exception):
    """Ends the program with an exit code and a line on standard error."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code


# ---- the login ----


def log_in(broker: Broker, client: scramtoken.Client, mechanism: str) -> int:
    """Logs in; returns how long the session lasts, in milliseconds."""
    handshake(broker, mechanism)
    lifetime_ms = 0
    try:
        message = client.step()
    except scramtoken.ScramTokenError as error:  # nothing has been sent
        raise Failure(USAGE, str(error)) from error
    try:
        while message:
            answer, lifetime_ms = authenticate(broker, message)
            message = client.step(answer)
    except scramtoken.ScramTokenError as error:
        code = REFUSED if error.status == scramtoken.Status.SERVER_REFUSED else UNTRUSTED
        raise Failure(code, str(error)) from error
    return lifetime_ms  # only here has the broker proved itself: client.authenticated


def handshake(broker: Broker, mechanism: str) -> None:
    """SaslHandshake v1: names the mechanism."""
    error_code = broker.call("SaslHandshake", 17, 1, string(mechanism)).integer(2)
    if error_code == 33:
        raise Failure(REFUSED, f"the broker does not offer {mechanism} here")
    if error_code != 0:
        raise Failure(REFUSED, f"SaslHandshake: Kafka error {error_code}")


def authenticate(broker: Broker, message: bytes) -> tuple[bytes, int]:
    """SaslAuthenticate v2: carries one SCRAM message, and gives the answer and the session's
    lifetime in milliseconds."""
    body = compact(message) + NO_TAGGED_FIELDS
    answer = broker.call("SaslAuthenticate", 36, 2, body, flexible=True)
    error_code = answer.integer(2)
    text = answer.compact().decode("utf-8", "replace") or "no reason given"
    data = answer.compact()
    lifetime_ms = answer.integer(8)
    if error_code != 0:
        text = "".join(c if c.isprintable() else "?" for c in text[:512])  # fit for a terminal
        raise Failure(REFUSED, f"the broker refused the login: {text} (Kafka error {error_code})")
    return data, lifetime_ms


# ---- Kafka's frames (https://kafka.apache.org/protocol) ----

MAX_FRAME = 16384  # bytes; a SCRAM message has at most 4096
NO_TAGGED_FIELDS = b"\0"  # they end each part of a flexible message; a login sends none


def string(text: str) -> bytes:
    return struct.pack(">h", len(text.encode())) + text.encode()


def compact(data: bytes) -> bytes:
    length = len(data) + 1  # 0 would mean null
    encoded = bytearray()
    while length >= 0x80:
        encoded.append(length & 0x7F | 0x80)
        length >>= 7
    return bytes(encoded) + bytes([length]) + data


class Broker:
    """A connection: sends requests and reads their answers."""

    def __init__(self, host: str, port: int, timeout_s: int) -> None:
        try:
            self.socket = socket.create_connection((host, port), timeout_s)
        except (OSError, OverflowError) as error:
            text = getattr(error, "strerror", None) or error
            raise Failure(NETWORK, f"{host} port {port}: {text}") from error
        self.timeout_s = timeout_s
        self.correlation_id = 0

    def call(
        self, name: str, api_key: int, version: int, body: bytes, flexible: bool = False
    ) -> Answer:
        self.correlation_id += 1
        header = struct.pack(">hhi", api_key, version, self.correlation_id)
        header += string("scramtoken-login")  # client id
        if flexible:
            header += NO_TAGGED_FIELDS
        answer = Answer(name, self.exchange(name, header + body))
        if answer.integer(4) != self.correlation_id:
            raise Failure(NETWORK, f"{name}: the answer is to another request")
        if flexible:
            answer.skip_tagged_fields()
        return answer

    def exchange(self, name: str, request: bytes) -> bytes:
        deadline = time.monotonic() + self.timeout_s
        try:
            self.socket.settimeout(self.timeout_s)
            self.socket.sendall(struct.pack(">i", len(request)) + request)
            (length,) = struct.unpack(">i", self.receive(name, 4, deadline))
            if not 4 <= length <= MAX_FRAME:
                text = (
                    "the answer is no Kafka frame (is this listener SASL_SSL, or no broker at all?)"
                )
                raise Failure(NETWORK, f"{name}: {text}")
            return self.receive(name, length, deadline)
        except socket.timeout as error:
            raise Failure(NETWORK, f"{name}: the broker did not answer in time") from error
        except OSError as error:
            raise Failure(NETWORK, f"{name}: {error.strerror or error}") from error

    def receive(self, name: str, length: int, deadline: float) -> bytes:
        """All of `length` bytes; a broker that sends one now and then gains no time by it."""
        data = b""
        while len(data) < length:
            left_s = deadline - time.monotonic()
            if left_s <= 0:
                raise socket.timeout
            self.socket.settimeout(left_s)
            part = self.socket.recv(length - len(data))
            if not part:
                raise Failure(NETWORK, f"{name}: the broker closed the connection")
            data += part
        return data


class Answer:
    """Reads an answer's items, one after the other; every length is checked against the frame."""

    def __init__(self, name: str, frame: bytes) -> None:
        self.name = name
        self.rest = frame

    def take(self, length: int) -> bytes:
        if length > len(self.rest):
            raise Failure(NETWORK, f"{self.name}: the answer is cut off")
        data, self.rest = self.rest[:length], self.rest[length:]
        return data

    def integer(self, width: int) -> int:
        return int.from_bytes(self.take(width), "big", signed=True)

    def uvarint(self) -> int:
        value = 0
        for shift in range(0, 35, 7):
            byte = self.take(1)[0]
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
        raise Failure(NETWORK, f"{self.name}: the answer is no Kafka frame")

    def compact(self) -> bytes:
        return self.take(max(self.uvarint() - 1, 0))  # null reads as empty

    def skip_tagged_fields(self) -> None:
        for _ in range(self.uvarint()):
            self.uvarint()  # the tag
            self.take(self.uvarint())


# ---- the secret ----


def read_secret(path: str | None) -> bytes:
    """From the file, else from the environment; never from the command line, which every user of
    the machine can see."""
    if path is not None:
        secret = read_file(path)
    elif "SCRAMTOKEN_SECRET" in os.environ:
        secret = os.fsencode(os.environ.pop("SCRAMTOKEN_SECRET"))
    else:
        raise Failure(USAGE, "set SCRAMTOKEN_SECRET, or give --secret-file FILE")
    if len(secret) >= 1024:
        raise Failure(USAGE, "the secret is too long")
    if secret.endswith(b"\n"):
        secret = secret[:-1]
    if not secret:
        raise Failure(USAGE, "the secret is empty")
    return secret


def read_file(path: str) -> bytes:
    try:
        if path == "-":
            return sys.stdin.buffer.read(1024)
        with open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW), "rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            if stat.S_ISREG(mode) and mode & 0o077:
                raise Failure(USAGE, f"{path}: others may read it; chmod 600 it")
            return file.read(1024)
    except OSError as error:
        raise Failure(USAGE, f"{path}: {error.strerror}") from error


# ---- the command line ----


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="login",
        description="Logs in to a Kafka broker (listener SASL_PLAINTEXT) by SCRAM.",
        epilog="exit: 0 logged in, 1 refused, 2 usage or secret, 3 token expired, 4 network, "
        "5 no libscramtoken, 6 the broker is not to be trusted",
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("--host", default="localhost", help="the broker's host (localhost)")
    add("--port", type=int, default=9092, help="the broker's port (9092)")
    add(
        "--mechanism",
        default="SCRAM-SHA-512",
        help="SCRAM-SHA-256 or SCRAM-SHA-512 (the default)",
    )
    who = parser.add_mutually_exclusive_group(required=True)
    who.add_argument("--user", metavar="NAME", help="log in as this user, with a password")
    who.add_argument("--token-id", metavar="ID", help="log in with this token and its HMAC")
    add(
        "--secret-file",
        metavar="FILE",
        help="holds the password or HMAC ('-': standard input); without it, the environment's "
        "SCRAMTOKEN_SECRET",
    )
    add(
        "--timeout",
        type=int,
        default=10,
        help="seconds for each answer of the broker (10)",
    )
    options = parser.parse_args()
    if not 1 <= options.timeout <= 3600:
        parser.error("--timeout takes 1 to 3600")
    return options


def new_client(options: argparse.Namespace) -> scramtoken.Client:
    secret = read_secret(options.secret_file)
    try:
        if options.token_id is not None:
            return scramtoken.Client(options.mechanism, token_id=options.token_id, hmac=secret)
        return scramtoken.Client(options.mechanism, username=options.user, password=secret)
    except ValueError as error:
        raise Failure(USAGE, str(error)) from error


def main() -> None:
    options = parse_options()
    with new_client(options) as client:
        broker = Broker(options.host, options.port, options.timeout)
        with broker.socket:
            lifetime_ms = log_in(broker, client, options.mechanism)

    # Until it sweeps an expired token, Kafka lets it in with a session lifetime of 0. For a
    # password 0 only means that the session has no end.
    if options.token_id is not None and lifetime_ms <= 0:
        raise Failure(EXPIRED, f"the token {options.token_id} has expired")
    name, secret = (options.user, "password") if options.user else (options.token_id, "token")
    session = f"ends in {lifetime_ms // 1000} s" if lifetime_ms > 0 else "has no end"
    print(f"logged in as {name} by {options.mechanism} with a {secret}; session {session}")


if __name__ == "__main__":
    try:
        main()
    except Failure as failure:
        print(f"login: {failure}", file=sys.stderr)
        sys.exit(failure.code)
