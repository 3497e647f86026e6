"""examples/python/login.py against a small stand-in for a broker, which can do what a real one
cannot be made to do. (tests/kafka logs in to real brokers.)"""

from __future__ import annotations

import os
import socket
import struct
import subprocess
import sys
import threading

import pytest
from exchange import HMAC, ROOT, lookup

import scramtoken

LOGIN = ROOT / "examples" / "python" / "login.py"
HMAC_ID = ["--token-id", "token-1"]
ALICE = ["--user", "alice"]


class StandIn:
    """Serves one login on a thread, by whatever ``answer`` makes of each request's body."""

    def __init__(self, answer):
        self.answer = answer
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.requests = []
        self.thread = threading.Thread(target=self.serve)
        self.thread.start()

    def serve(self):
        self.listener.settimeout(30)
        try:
            connection, _ = self.listener.accept()
        except OSError:
            return
        connection.settimeout(30)
        with connection, connection.makefile("rb") as stream:
            while head := self.read(stream, 4):
                request = stream.read(int.from_bytes(head, "big"))
                api_key, version, correlation_id, length = struct.unpack(">hhih", request[:10])
                self.requests.append((api_key, version))
                body = request[10 + length :]
                frame = self.answer(api_key, struct.pack(">i", correlation_id), body)
                if frame is None:
                    return
                connection.sendall(frame)

    @staticmethod
    def read(stream, length):
        try:
            return stream.read(length)
        except ConnectionResetError:  # the client hung up on what it did not like
            return b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.close()
        self.thread.join(30)
        assert not self.thread.is_alive()


def framed(payload):
    return struct.pack(">i", len(payload)) + payload


def handshake(correlation_id, error_code=0):
    names = struct.pack(">i", 1) + struct.pack(">h", 13) + b"SCRAM-SHA-512"
    return framed(correlation_id + struct.pack(">h", error_code) + names)


def authenticate(correlation_id, data, error_code=0, text=None, lifetime_ms=0, tags=b"\0"):
    message = b"\0" if text is None else bytes([len(text) + 1]) + text
    size = len(data) + 1
    compact = bytes([size & 0x7F | 0x80, size >> 7]) if size > 0x7F else bytes([size])
    body = struct.pack(">h", error_code) + message + compact + data
    return framed(correlation_id + tags + body + struct.pack(">q", lifetime_ms) + b"\0")


def uncompact(body):
    """The bytes of a SaslAuthenticate request: after the header's tagged fields."""
    assert body[0] == 0
    size, at = body[1], 2
    if size >= 0x80:
        size, at = size & 0x7F | body[2] << 7, 3
    assert body[at + size - 1 :] == b"\0"
    return body[at : at + size - 1]


def broker(lifetime_ms=0, lookup=lookup, tags=b"\0"):
    """Answers as a broker does that knows alice and token-1."""
    server = scramtoken.Server(scramtoken.ServerConfig(lookup=lookup), "SCRAM-SHA-512")

    def answer(api_key, correlation_id, body):
        if api_key == 17:
            return handshake(correlation_id)
        try:
            data = server.step(uncompact(body))
        except scramtoken.ScramTokenError as error:
            return authenticate(correlation_id, error.output, 58, b"Authentication failed")
        end = lifetime_ms if server.verdict else 0
        return authenticate(correlation_id, data, lifetime_ms=end, tags=tags)

    return answer


def login(port, *arguments, secret="wonderland", **environment):
    """Runs the example; returns its exit code and all it printed."""
    variables = {**os.environ, "PYTHONPATH": str(ROOT / "python"), "SCRAMTOKEN_SECRET": secret}
    done = subprocess.run(
        [sys.executable, "-W", "error", str(LOGIN), "--port", str(port), *arguments],
        env={k: v for k, v in {**variables, **environment}.items() if v is not None},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        text=True,
        timeout=60,
    )
    assert "Traceback" not in done.stdout
    return done.returncode, done.stdout.strip()


def login_to(answer, *arguments, **options):
    with StandIn(answer) as stand_in:
        result = login(stand_in.port, "--host", "127.0.0.1", *arguments, **options)
    return (*result, stand_in.requests)


def test_password():
    code, text, requests = login_to(broker(), *ALICE)
    assert text == ("logged in as alice by SCRAM-SHA-512 with a password; session has no end")
    assert code == 0
    assert requests == [(17, 1), (36, 2), (36, 2)]


def test_token():
    code, text, _ = login_to(broker(lifetime_ms=61_999), *HMAC_ID, secret=HMAC)
    assert text == "logged in as token-1 by SCRAM-SHA-512 with a token; session ends in 61 s"
    assert code == 0


def test_token_with_lifetime_0_has_expired():
    code, text, _ = login_to(broker(lifetime_ms=0), *HMAC_ID, secret=HMAC)
    assert (code, text) == (3, "login: the token token-1 has expired")


def test_tagged_fields_are_skipped():
    tags = bytes([2, 0, 3]) + b"abc" + bytes([200, 1, 1]) + b"d"
    code, _, _ = login_to(broker(tags=tags), *ALICE)
    assert code == 0


@pytest.mark.parametrize("who", [ALICE, HMAC_ID])
def test_wrong_secret(who):
    code, text, _ = login_to(broker(), *who, secret="wrong")
    assert (code, text) == (
        1,
        "login: the broker refused the login: Authentication failed (Kafka error 58)",
    )


def test_mechanism_that_is_not_offered():
    code, text, _ = login_to(lambda _, id, __: handshake(id, 33), *ALICE)
    assert (code, text) == (1, "login: the broker does not offer SCRAM-SHA-512 here")


def test_other_handshake_error():
    code, text, _ = login_to(lambda _, id, __: handshake(id, 34), *ALICE)
    assert (code, text) == (1, "login: SaslHandshake: Kafka error 34")


def test_brokers_text_is_made_fit_for_a_terminal():
    def answer(api_key, correlation_id, body):
        if api_key == 17:
            return handshake(correlation_id)
        return authenticate(correlation_id, b"", 58, b"no\x1b[31m\xff")

    code, text, _ = login_to(answer, *ALICE)
    assert "login: the broker refused the login: no?[31m" in text
    assert code == 1


def test_broker_that_does_not_know_the_credential():
    stranger = scramtoken.derive("SCRAM-SHA-512", "another", b"salt", 4096)
    known = broker(lookup=lambda *_: scramtoken.User(stranger))

    def answer(api_key, correlation_id, body):
        if api_key == 36 and uncompact(body).startswith(b"c="):
            return authenticate(correlation_id, b"v=" + b"A" * 86 + b"==")
        return known(api_key, correlation_id, body)

    code, text, _ = login_to(answer, *ALICE)
    assert code == 6
    assert "v=" in text


def test_broker_that_refuses_in_scram():
    def answer(api_key, correlation_id, body):
        if api_key == 36 and uncompact(body).startswith(b"c="):
            return authenticate(correlation_id, b"e=invalid-proof")
        return broker_answer(api_key, correlation_id, body)

    broker_answer = broker()
    code, text, _ = login_to(answer, *ALICE)
    assert code == 1
    assert "invalid-proof" in text


@pytest.mark.parametrize(
    ("frame", "text"),
    [
        (lambda id: None, "the broker closed the connection"),
        (lambda id: b"\x15\x03\x03\x00\x02\x02\x46", "is this listener SASL_SSL"),
        (lambda id: framed(b"\0\0"), "the answer is no Kafka frame"),
        (lambda id: struct.pack(">i", -1), "the answer is no Kafka frame"),
        (lambda id: framed(b"\x7f" * 4), "the answer is to another request"),
        (lambda id: framed(id), "the answer is cut off"),
    ],
    ids=["closed", "tls", "short", "negative", "another", "cut"],
)
@pytest.mark.parametrize("at", [17, 36])
def test_broken_frames(frame, text, at):
    def answer(api_key, correlation_id, body):
        return frame(correlation_id) if api_key == at else handshake(correlation_id)

    code, printed, _ = login_to(answer, *ALICE)
    assert text in printed
    assert code == 4


@pytest.mark.parametrize(
    "body",
    [b"\0" * 2, b"\0\0\0\xff\xff\xff\xff\x7f", b"\0\0\0\xff\xff\xff\xff\xff\x01", b"\xff\xff\xff"],
)
def test_lying_lengths(body):
    def answer(api_key, correlation_id, _):
        return handshake(correlation_id) if api_key == 17 else framed(correlation_id + body)

    code, _, _ = login_to(answer, *ALICE)
    assert code == 4


def test_silent_broker():
    release = threading.Event()
    code, text, _ = login_to(lambda *_: release.wait(3) or None, *ALICE, "--timeout", "1")
    assert (code, text) == (4, "login: SaslHandshake: the broker did not answer in time")


def test_nobody_listens():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    code, text = login(port, "--host", "127.0.0.1", *ALICE)
    assert (code, text) == (4, f"login: 127.0.0.1 port {port}: Connection refused")


@pytest.mark.parametrize("port", [0, 65536, -1, 1 << 40])
def test_impossible_port(port):
    code, _ = login(port, "--host", "127.0.0.1", *ALICE)
    assert code in (2, 4)


def test_secret_from_a_file(tmp_path):
    file = tmp_path / "password"
    file.write_text("wonderland\n")
    file.chmod(0o600)
    arguments = [*ALICE, "--secret-file", str(file)]
    code, _, _ = login_to(broker(), *arguments, SCRAMTOKEN_SECRET=None)
    assert code == 0

    file.chmod(0o640)
    code, text = login(1, *arguments)
    assert (code, text) == (2, f"login: {file}: others may read it; chmod 600 it")

    link = tmp_path / "link"
    link.symlink_to(file)
    file.chmod(0o600)
    code, text = login(1, *ALICE, "--secret-file", str(link))
    assert code == 2
    assert str(link) in text


@pytest.mark.parametrize(
    ("arguments", "environment", "text"),
    [
        ([], {}, "one of the arguments --user --token-id is required"),
        ([*ALICE, *HMAC_ID], {}, "not allowed with"),
        ([*ALICE, "--password", "x"], {}, "unrecognized arguments"),
        ([*ALICE, "--timeout", "0"], {}, "--timeout takes 1 to 3600"),
        ([*ALICE, "--mechanism", "PLAIN"], {}, "SCRAM-SHA-512"),
        (["--user", ""], {}, "name"),
        ([*ALICE, "--secret-file", "/no/such/file"], {}, "/no/such/file: No such file"),
        (ALICE, {"SCRAMTOKEN_SECRET": None}, "set SCRAMTOKEN_SECRET, or give --secret-file FILE"),
        (ALICE, {"SCRAMTOKEN_SECRET": ""}, "the secret is empty"),
        (ALICE, {"SCRAMTOKEN_SECRET": "x" * 1024}, "the secret is too long"),
    ],
)
def test_usage(arguments, environment, text):
    code, printed = login(1, *arguments, **environment)
    assert text in printed
    assert code == 2


def test_no_library():
    code, text = login(1, *ALICE, SCRAMTOKEN_LIBRARY="/no/such/libscramtoken.so")
    assert code == 5
    assert "SCRAMTOKEN_LIBRARY" in text


def test_help_names_the_exit_codes():
    code, text = login(1, "--help")
    assert code == 0
    assert "3 token expired" in text
