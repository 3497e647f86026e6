"""examples/c/login.c against a stand-in broker, with all that can go wrong."""

import contextlib
import os
import socket
import struct
import subprocess
import threading
import time

import pytest

from harness.commands import run
from harness.compile import VALGRIND, example
from harness.kafka.stand_in import (
    AUTHENTICATE,
    HANDSHAKE,
    StandInBroker,
    authenticate_answer,
    framed,
    handshake_answer,
    honest,
    scram_message,
)
from harness.paths import library
from harness.process import start, stop

LOGGED_IN, REFUSED, USAGE, EXPIRED, NETWORK, NO_LIBRARY, UNTRUSTED = range(7)

USER = ["--user", "alice"]
TOKEN = ["--token-id", "token-1"]
SECRET = "a secret that nobody prints"


def environment(secret):
    variables = {"PATH": os.environ["PATH"], "SCRAMTOKEN_LIBRARY": str(library())}
    return variables if secret is None else {**variables, "SCRAMTOKEN_SECRET": secret}


def login(port, *arguments, wrapper=(), secret=SECRET, **options):
    """Runs the example; returns its exit code and all that it printed."""
    argv = [*wrapper, example("login"), "--host=127.0.0.1", f"--port={port}", *arguments]
    done = run(argv, env=environment(secret), **options)
    printed = done.stdout + done.stderr
    assert secret is None or len(secret) < 8 or secret not in printed
    return done.returncode, printed.strip()


def login_to(answer, *arguments, **options):
    with StandInBroker(answer) as broker:
        return login(broker.port, *arguments, **options)


# ---- logins that succeed ----


def test_password():
    with StandInBroker(honest(SECRET)) as broker:
        result = login(broker.port, *USER)
    text = "logged in as alice by SCRAM-SHA-512 with a password; session has no end"
    assert result == (LOGGED_IN, text)
    assert [request[:2] for request in broker.requests] == [(17, 1), (36, 2), (36, 2)]
    assert b"tokenauth" not in broker.requests[1][2]


def test_password_session_with_an_end():
    _, text = login_to(honest(SECRET, lifetime_ms=3_600_000), *USER)
    assert text.endswith("session ends in 3600 s")


def test_token():
    answer = honest(SECRET, "sha256", lifetime_ms=61_999)
    with StandInBroker(answer) as broker:
        result = login(broker.port, *TOKEN, "--mechanism=SCRAM-SHA-256")
    text = "logged in as token-1 by SCRAM-SHA-256 with a token; session ends in 61 s"
    assert result == (LOGGED_IN, text)
    assert b",tokenauth=true" in broker.requests[1][2]


@pytest.mark.parametrize("who", [USER, TOKEN])
def test_valgrind(who):
    code, text = login_to(honest(SECRET, lifetime_ms=1000), *who, wrapper=VALGRIND)
    assert code == LOGGED_IN, text


def test_tagged_fields_are_skipped():
    fields = bytes([2, 0, 3]) + b"abc" + bytes([200, 1, 1]) + b"d"
    code, text = login_to(honest(SECRET, tagged_fields=fields), *USER)
    assert code == LOGGED_IN, text


def test_ipv6_where_the_name_has_both():
    try:
        broker = StandInBroker(honest(SECRET), host="::1")
    except OSError:
        # This machine has no IPv6 loopback; then the address at least must be understood.
        code, text = login(1, *USER, "--host=::1")
        assert code == NETWORK and "::1 port 1: " in text
        return
    with broker:
        code, text = login(broker.port, *USER, "--host=::1")
    assert code == LOGGED_IN, text


# ---- logins that the broker refuses ----


def test_expired_token():
    """Kafka lets an expired token in until it sweeps it, and only the lifetime tells."""
    result = login_to(honest(SECRET, lifetime_ms=0), *TOKEN)
    assert result == (EXPIRED, "login: the token token-1 has expired")


@pytest.mark.parametrize("who", [USER, TOKEN])
def test_wrong_secret(who):
    result = login_to(honest("another secret"), *who)
    text = "login: the broker refused the login: Authentication failed (Kafka error 58)"
    assert result == (REFUSED, text)


def test_mechanism_that_is_not_offered():
    result = login_to(lambda _, id, __: handshake_answer(id, 33), *USER)
    assert result == (REFUSED, "login: the broker does not offer SCRAM-SHA-512 here")


def test_other_handshake_error():
    result = login_to(lambda _, id, __: handshake_answer(id, 34), *USER)
    assert result == (REFUSED, "login: SaslHandshake: Kafka error 34")


@pytest.mark.parametrize("text", [b"no\x1b[31m\xff\n", b"x" * 10_000, b"", None])
def test_the_brokers_text_is_fit_for_a_terminal(text):
    def answer(api_key, id, _):
        if api_key == HANDSHAKE:
            return handshake_answer(id)
        return authenticate_answer(id, b"", 58, text)

    code, printed = login_to(answer, *USER)
    assert code == REFUSED
    assert printed.isprintable() and len(printed) < 700
    assert text is None or text[:2].decode() in printed


def final_answer(answer):
    """Is honest up to the server-final-message, which is ``answer(id)``."""
    honest_answer = honest(SECRET)

    def give(api_key, id, body):
        if api_key == AUTHENTICATE and scram_message(body).startswith(b"c="):
            return answer(id)
        return honest_answer(api_key, id, body)

    return give


def test_refusal_in_scram():
    code, text = login_to(final_answer(lambda id: authenticate_answer(id, b"e=other-error")), *USER)
    assert code == REFUSED
    assert "e=other-error" in text


# ---- brokers that are not to be trusted ----


@pytest.mark.parametrize("data", [b"v=" + b"A" * 86 + b"==", b"v=", b"", b"ok", b"v" * 5000])
def test_broker_that_does_not_prove_itself(data):
    answer = final_answer(lambda id: authenticate_answer(id, data, lifetime_ms=9000))
    code, text = login_to(answer, *USER)
    assert code == UNTRUSTED
    assert "server-final-message: " in text


def test_broker_that_asks_for_too_little_or_too_much_hashing():
    for iterations in (1, 4095, 1_000_001, 4_000_000_000):

        def answer(api_key, id, body, iterations=iterations):
            if api_key == HANDSHAKE:
                return handshake_answer(id)
            nonce = scram_message(body).partition(b",r=")[2]
            return authenticate_answer(id, b"r=%sx,s=c2FsdA==,i=%d" % (nonce, iterations))

        code, text = login_to(answer, *USER)
        assert code == UNTRUSTED
        assert "server-first-message: i=" in text


# ---- broken frames ----


@pytest.mark.parametrize(
    ("frame", "text"),
    [
        (lambda id: None, "the broker closed the connection"),
        (lambda id: b"\x15\x03\x03\x00\x02\x02\x46", "is this listener SASL_SSL"),
        (lambda id: framed(b"\0\0"), "the answer is no Kafka frame"),
        (lambda id: struct.pack(">I", 0xFFFFFFFF), "the answer is no Kafka frame"),
        (lambda id: struct.pack(">I", 16385), "the answer is no Kafka frame"),
        (lambda id: framed(b"\x7f" * 4), "the answer is to another request"),
        (lambda id: framed(id), "the answer is cut off"),
        (lambda id: framed(id + b"\0"), "the answer is cut off"),
    ],
    ids=["closed", "tls", "short", "negative", "long", "another", "cut", "cut-later"],
)
@pytest.mark.parametrize("at", [HANDSHAKE, AUTHENTICATE])
def test_broken_frame(frame, text, at):
    def answer(api_key, id, _):
        return frame(id) if api_key == at else handshake_answer(id)

    code, printed = login_to(answer, *USER)
    assert text in printed
    assert code == NETWORK


@pytest.mark.parametrize(
    "body",
    [
        b"\0" * 2,
        b"\0\0\0\xff\xff\xff\xff\x07",  # a text of 2 GiB
        b"\0\0\0\0\xff\xff\xff\xff\x0f",  # data of 4 GiB
        b"\0\0\0\xff\xff\xff\xff\xff\x01",  # a length that does not end in time
        b"\xff\xff\xff\xff\x0f",  # four billion tagged fields
        b"\1\0\xff\xff\xff\xff\x0f",  # a tagged field of 4 GiB
    ],
)
def test_lying_length(body):
    def answer(api_key, id, _):
        return handshake_answer(id) if api_key == HANDSHAKE else framed(id + body)

    code, text = login_to(answer, *USER, wrapper=VALGRIND)
    assert (code, text) == (NETWORK, "login: SaslAuthenticate: the answer is cut off")


def test_silent_broker():
    released = threading.Event()
    with StandInBroker(lambda *_: released.wait(20) and None) as broker:
        result = login(broker.port, *USER, "--timeout=1")
        released.set()
    assert result == (NETWORK, "login: SaslHandshake: the broker did not answer in time")


@contextlib.contextmanager
def login_in_the_background(*arguments, secret=SECRET):
    """Gives the process of a login, and the connection that it has made to us."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(30)
        process = start(
            [example("login"), f"--port={listener.getsockname()[1]}", *USER, *arguments],
            env=environment(secret),
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            connection, _ = listener.accept()
            with connection:
                yield process, connection
        finally:
            stop(process)


def test_broker_that_drips():
    """A byte now and then must not keep the login waiting for ever."""
    begun = time.monotonic()
    with login_in_the_background("--timeout=1") as (process, connection):
        with contextlib.suppress(ConnectionError):
            connection.sendall(struct.pack(">i", 1000))
            while process.poll() is None and time.monotonic() < begun + 20:
                connection.sendall(b"x")
                time.sleep(0.2)
        _, text = process.communicate(timeout=10)
    assert time.monotonic() < begun + 15
    assert "SaslHandshake: the broker stopped in the middle of a frame" in text
    assert process.returncode == NETWORK


def test_nobody_listens():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    result = login(port, *USER)
    assert result == (NETWORK, f"login: 127.0.0.1 port {port}: Connection refused")


def test_unknown_host():
    code, text = login(9092, *USER, "--host=no-such-host.invalid")
    assert code == NETWORK
    assert "no-such-host.invalid port 9092: " in text


@pytest.mark.parametrize("port", ["-1", "x", "", "1e3"])
def test_impossible_port(port):
    code, _ = login(port, *USER)
    assert code == NETWORK


# ---- the secret ----


def secret_file(tmp_path, content, mode=0o600):
    file = tmp_path / "secret"
    file.write_text(content)
    file.chmod(mode)
    return file


@pytest.mark.parametrize("content", [SECRET, f"{SECRET}\n"])
def test_secret_from_a_file(tmp_path, content):
    file = secret_file(tmp_path, content)
    code, text = login_to(honest(SECRET), *USER, f"--secret-file={file}", secret=None)
    assert code == LOGGED_IN, text


def test_the_file_goes_before_the_environment(tmp_path):
    file = secret_file(tmp_path, SECRET)
    code, text = login_to(honest(SECRET), *USER, f"--secret-file={file}", secret="wrong")
    assert code == LOGGED_IN, text


def test_secret_from_standard_input():
    arguments = [*USER, "--secret-file=-"]
    code, text = login_to(honest(SECRET), *arguments, secret=None, input=f"{SECRET}\n")
    assert code == LOGGED_IN, text


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o622])
def test_a_file_that_others_can_use_is_refused(tmp_path, mode):
    file = secret_file(tmp_path, SECRET, mode)
    result = login(1, *USER, f"--secret-file={file}")
    assert result == (USAGE, f"login: {file}: others may read it; chmod 600 it")


def test_a_link_is_not_followed(tmp_path):
    link = tmp_path / "link"
    link.symlink_to(secret_file(tmp_path, SECRET))
    code, text = login(1, *USER, f"--secret-file={link}")
    assert code == USAGE
    assert str(link) in text


@pytest.mark.parametrize(
    ("content", "text"),
    [("", "the secret is empty"), ("\n", "is empty"), ("x" * 1024, "the secret is too long")],
)
def test_bad_secret(tmp_path, content, text):
    for arguments, secret in (
        ([f"--secret-file={secret_file(tmp_path, content)}"], None),
        ([], content),
    ):
        code, printed = login(1, *USER, *arguments, secret=secret)
        assert code == USAGE
        assert text in printed


def copies_in_memory(pid, secret):
    """How often the secret stands in the writable memory of a process."""
    with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb", 0) as memory:
        ranges = [line.split()[:2] for line in maps if "[v" not in line]
        copies = 0
        for addresses, mode in ranges:
            if mode.startswith("rw"):
                start, end = (int(address, 16) for address in addresses.split("-"))
                memory.seek(start)
                copies += memory.read(end - start).count(secret.encode())
        return copies


@pytest.mark.parametrize("from_file", [True, False])
def test_only_the_librarys_copy_is_left(tmp_path, from_file):
    arguments = [f"--secret-file={secret_file(tmp_path, SECRET)}"] if from_file else []
    secret = None if from_file else SECRET
    with login_in_the_background(*arguments, secret=secret) as (process, connection):
        connection.recv(4)  # it has sent its first request, so it has taken the secret in
        assert copies_in_memory(process.pid, SECRET) == 1


# ---- the command line ----


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ([], "give one of --user and --token-id"),
        ([*USER, *TOKEN], "give one of --user and --token-id"),
        ([*USER, "--password=x"], "unknown option"),
        ([*USER, "--timeout"], "unknown option, or one without its value"),
        ([*USER, "a-secret"], "takes options only"),
        ([*USER, "--timeout=0"], "--timeout takes 1 to 3600"),
        ([*USER, "--timeout=3601"], "--timeout takes 1 to 3600"),
        ([*USER, "--timeout=10x"], "--timeout takes 1 to 3600"),
        ([*USER, "--mechanism=PLAIN"], "mechanism"),
        (["--user="], "name"),
        (["--token-id="], "token"),
        ([*USER, "--secret-file=/no/such/file"], "/no/such/file: No such file"),
    ],
)
def test_usage(arguments, text):
    code, printed = login(1, *arguments)
    assert text in printed
    assert code == USAGE


def test_no_secret():
    result = login(1, *USER, secret=None)
    assert result == (USAGE, "login: set SCRAMTOKEN_SECRET, or give --secret-file FILE")


def test_a_name_too_long_for_a_message():
    code, text = login_to(honest(SECRET), "--user=" + "x" * 5000)
    assert code == USAGE
    assert "client-first-message" in text


def test_no_library(tmp_path):
    code, text = login(1, *USER, "--library=/no/such/libscramtoken.so")
    assert code == NO_LIBRARY
    assert "/no/such/libscramtoken.so" in text and "--library" in text
    code, text = login(1, *USER, "--library=libc.so.6")
    assert code == NO_LIBRARY
    assert "scramtoken_" in text


def test_help_names_the_exit_codes():
    code, text = login(1, "--help")
    assert code == LOGGED_IN
    assert "3 token expired" in text
