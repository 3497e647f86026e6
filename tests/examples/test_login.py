"""The login examples, in C and in Python, against a stand-in broker, with all that can go wrong.
(tests/kafka/test_logins.py has them log in to real brokers.)"""

import contextlib
import os
import re
import socket
import struct
import subprocess
import sys
import threading
import time

import pytest

from harness.commands import run
from harness.compile import VALGRIND, example
from harness.kafka.stand_in import (
    AUTHENTICATE,
    HANDSHAKE,
    StandInBroker,
    framed,
    honest,
)
from harness.paths import ROOT, library
from harness.process import start, stop

LOGGED_IN, REFUSED, USAGE, EXPIRED, NETWORK, NO_LIBRARY, UNTRUSTED = range(7)

USER = ["--user", "alice"]
TOKEN = ["--token-id", "token-1"]
SECRET = "a secret that nobody prints"


class Login:
    """One of the examples; `checker` is what a C program can be run under, to find its faults."""

    def __init__(self, argv, checker=()):
        self.argv, self.checker = argv, checker

    def __call__(self, port, *arguments, wrapper=(), secret=SECRET, **options):
        """Runs the example; returns its exit code and all that it printed."""
        argv = [*wrapper, *self.argv, "--host=127.0.0.1", f"--port={port}", *arguments]
        done = run(argv, env=environment(secret, options.pop("variables", {})), **options)
        printed = done.stdout + done.stderr
        assert secret is None or len(secret) < 8 or secret not in printed
        assert "Traceback" not in printed
        return done.returncode, printed.strip()

    def to(self, answer, *arguments, **options):
        with StandInBroker(answer) as broker:
            return self(broker.port, *arguments, **options)

    @contextlib.contextmanager
    def in_the_background(self, *arguments, secret=SECRET):
        """Gives the process of a login, and the connection that it has made to us."""
        with socket.create_server(("127.0.0.1", 0)) as listener:
            listener.settimeout(30)
            process = start(
                [*self.argv, f"--port={listener.getsockname()[1]}", *USER, *arguments],
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


def environment(secret, variables=()):
    wanted = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT / "python"),
        "SCRAMTOKEN_LIBRARY": str(library()),
        **dict(variables),
    }
    return wanted if secret is None else {**wanted, "SCRAMTOKEN_SECRET": secret}


def in_c():
    return Login([example("login")], VALGRIND)


def in_python():
    return Login([sys.executable, "-W", "error", ROOT / "examples" / "python" / "login.py"])


@pytest.fixture(params=[in_c, in_python], ids=["c", "python"])
def login(request):
    return request.param()


@pytest.fixture
def c_login():
    return in_c()


# ---- logins that succeed ----


def test_password(login):
    with StandInBroker(honest(SECRET)) as broker:
        result = login(broker.port, *USER)
    text = "logged in as alice by SCRAM-SHA-512 with a password; session has no end"
    assert result == (LOGGED_IN, text)
    assert [(r.api_key, r.version) for r in broker.requests] == [(17, 1), (36, 2), (36, 2)]
    assert b"tokenauth" not in broker.requests[1].frame


def test_password_session_with_an_end(login):
    _, text = login.to(honest(SECRET, lifetime_ms=3_600_000), *USER)
    assert text.endswith("session ends in 3600 s")


def test_token(login):
    answer = honest(SECRET, "sha256", lifetime_ms=61_999)
    with StandInBroker(answer) as broker:
        result = login(broker.port, *TOKEN, "--mechanism=SCRAM-SHA-256")
    text = "logged in as token-1 by SCRAM-SHA-256 with a token; session ends in 61 s"
    assert result == (LOGGED_IN, text)
    assert b",tokenauth=true" in broker.requests[1].frame


@pytest.mark.parametrize("who", [USER, TOKEN])
def test_valgrind(c_login, who):
    answer = honest(SECRET, lifetime_ms=1000)
    code, text = c_login.to(answer, *who, wrapper=c_login.checker)
    assert code == LOGGED_IN, text


def test_tagged_fields_are_skipped(login):
    fields = bytes([2, 0, 3]) + b"abc" + bytes([200, 1, 1]) + b"d"
    code, text = login.to(honest(SECRET, tagged_fields=fields), *USER)
    assert code == LOGGED_IN, text


def test_ipv6_where_the_name_has_both(login):
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


def test_expired_token(login):
    """Kafka lets an expired token in until it sweeps it, and only the lifetime tells."""
    result = login.to(honest(SECRET, lifetime_ms=0), *TOKEN)
    assert result == (EXPIRED, "login: the token token-1 has expired")


@pytest.mark.parametrize("who", [USER, TOKEN])
def test_wrong_secret(login, who):
    result = login.to(honest("another secret"), *who)
    text = "login: the broker refused the login: Authentication failed (Kafka error 58)"
    assert result == (REFUSED, text)


def test_mechanism_that_is_not_offered(login):
    result = login.to(lambda request: request.handshake_answer(33), *USER)
    assert result == (REFUSED, "login: the broker does not offer SCRAM-SHA-512 here")


def test_other_handshake_error(login):
    result = login.to(lambda request: request.handshake_answer(34), *USER)
    assert result == (REFUSED, "login: SaslHandshake: Kafka error 34")


@pytest.mark.parametrize("text", [b"no\x1b[31m\xff\n", b"x" * 10_000, b"", None])
def test_the_brokers_text_is_fit_for_a_terminal(login, text):
    def answer(request):
        if request.api_key == HANDSHAKE:
            return request.handshake_answer()
        return request.authenticate_answer(b"", 58, text)

    code, printed = login.to(answer, *USER)
    assert code == REFUSED
    assert printed.isprintable() and len(printed) < 700
    assert text is None or text[:2].decode() in printed


def final_answer(answer):
    """Is honest up to the server-final-message, which is ``answer(request)``."""
    honest_answer = honest(SECRET)

    def give(request):
        if request.api_key == AUTHENTICATE and request.scram_message().startswith(b"c="):
            return answer(request)
        return honest_answer(request)

    return give


def test_refusal_in_scram(login):
    answer = final_answer(lambda request: request.authenticate_answer(b"e=other-error"))
    code, text = login.to(answer, *USER)
    assert code == REFUSED
    assert "e=other-error" in text


# ---- brokers that are not to be trusted ----


@pytest.mark.parametrize("data", [b"v=" + b"A" * 86 + b"==", b"v=", b"", b"ok", b"v" * 5000])
def test_broker_that_does_not_prove_itself(login, data):
    answer = final_answer(lambda request: request.authenticate_answer(data, lifetime_ms=9000))
    code, text = login.to(answer, *USER)
    assert code == UNTRUSTED
    assert "server-final-message: " in text


def test_broker_that_asks_for_too_little_or_too_much_hashing(login):
    for iterations in (1, 4095, 1_000_001, 4_000_000_000):

        def answer(request, iterations=iterations):
            if request.api_key == HANDSHAKE:
                return request.handshake_answer()
            nonce = request.scram_message().partition(b",r=")[2]
            return request.authenticate_answer(b"r=%sx,s=c2FsdA==,i=%d" % (nonce, iterations))

        code, text = login.to(answer, *USER)
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
def test_broken_frame(login, frame, text, at):
    def answer(request):
        if request.api_key == at:
            return frame(request.correlation_id)
        return request.handshake_answer()

    code, printed = login.to(answer, *USER)
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
def test_lying_length(login, body):
    def answer(request):
        if request.api_key == HANDSHAKE:
            return request.handshake_answer()
        return framed(request.correlation_id + body)

    code, text = login.to(answer, *USER, wrapper=login.checker)
    assert re.fullmatch("login: SaslAuthenticate: the answer is (cut off|no Kafka frame)", text)
    assert code == NETWORK


def test_silent_broker(login):
    released = threading.Event()
    with StandInBroker(lambda *_: released.wait(20) and None) as broker:
        result = login(broker.port, *USER, "--timeout=1")
        released.set()
    assert result == (NETWORK, "login: SaslHandshake: the broker did not answer in time")


def test_broker_that_drips(login):
    """A byte now and then must not keep the login waiting for ever."""
    begun = time.monotonic()
    with login.in_the_background("--timeout=1") as (process, connection):
        with contextlib.suppress(ConnectionError):
            connection.sendall(struct.pack(">i", 1000))
            while process.poll() is None and time.monotonic() < begun + 20:
                connection.sendall(b"x")
                time.sleep(0.2)
        _, text = process.communicate(timeout=10)
    assert time.monotonic() < begun + 15
    assert "SaslHandshake: the broker " in text
    assert "stopped in the middle of a frame" in text or "did not answer in time" in text
    assert process.returncode == NETWORK


def test_nobody_listens(login):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    result = login(port, *USER)
    assert result == (NETWORK, f"login: 127.0.0.1 port {port}: Connection refused")


def test_unknown_host(login):
    code, text = login(9092, *USER, "--host=no-such-host.invalid")
    assert code == NETWORK
    assert "no-such-host.invalid port 9092: " in text


@pytest.mark.parametrize("port", ["-1", "0", "65536", str(1 << 40), "x", "", "1e3"])
def test_impossible_port(login, port):
    code, _ = login(port, *USER)
    assert code in (USAGE, NETWORK)


# ---- the secret ----


def secret_file(tmp_path, content, mode=0o600):
    file = tmp_path / "secret"
    file.write_text(content)
    file.chmod(mode)
    return file


@pytest.mark.parametrize("content", [SECRET, f"{SECRET}\n"])
def test_secret_from_a_file(login, tmp_path, content):
    file = secret_file(tmp_path, content)
    code, text = login.to(honest(SECRET), *USER, f"--secret-file={file}", secret=None)
    assert code == LOGGED_IN, text


def test_the_file_goes_before_the_environment(login, tmp_path):
    file = secret_file(tmp_path, SECRET)
    code, text = login.to(honest(SECRET), *USER, f"--secret-file={file}", secret="wrong")
    assert code == LOGGED_IN, text


def test_secret_from_standard_input(login):
    arguments = [*USER, "--secret-file=-"]
    code, text = login.to(honest(SECRET), *arguments, secret=None, input=f"{SECRET}\n")
    assert code == LOGGED_IN, text


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o622])
def test_a_file_that_others_can_use_is_refused(login, tmp_path, mode):
    file = secret_file(tmp_path, SECRET, mode)
    result = login(1, *USER, f"--secret-file={file}")
    assert result == (USAGE, f"login: {file}: others may read it; chmod 600 it")


def test_a_link_is_not_followed(login, tmp_path):
    link = tmp_path / "link"
    link.symlink_to(secret_file(tmp_path, SECRET))
    code, text = login(1, *USER, f"--secret-file={link}")
    assert code == USAGE
    assert str(link) in text


@pytest.mark.parametrize(
    ("content", "text"),
    [("", "the secret is empty"), ("\n", "is empty"), ("x" * 1024, "the secret is too long")],
)
def test_bad_secret(login, tmp_path, content, text):
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
def test_only_the_librarys_copy_is_left(c_login, tmp_path, from_file):
    arguments = [f"--secret-file={secret_file(tmp_path, SECRET)}"] if from_file else []
    secret = None if from_file else SECRET
    with c_login.in_the_background(*arguments, secret=secret) as (process, connection):
        connection.recv(4)  # it has sent its first request, so it has taken the secret in
        assert copies_in_memory(process.pid, SECRET) == 1


# ---- the command line ----


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ([], "one of .*--user .*--token-id"),
        ([*USER, *TOKEN], "give one of --user and --token-id|not allowed with"),
        ([*USER, "--password=x"], "unknown option|unrecognized arguments"),
        ([*USER, "--timeout"], "unknown option, or one without its value|expected one argument"),
        ([*USER, "a-secret"], "takes options only|unrecognized arguments"),
        ([*USER, "--timeout=0"], "--timeout takes 1 to 3600"),
        ([*USER, "--timeout=3601"], "--timeout takes 1 to 3600"),
        ([*USER, "--timeout=10x"], "--timeout takes 1 to 3600|--timeout: invalid int"),
        ([*USER, "--mechanism=PLAIN"], "mechanism"),
        (["--user="], "name"),
        (["--token-id="], "token"),
        ([*USER, "--secret-file=/no/such/file"], "/no/such/file: No such file"),
    ],
)
def test_usage(login, arguments, text):
    code, printed = login(1, *arguments)
    assert re.search(text, printed)
    assert code == USAGE


def test_no_secret(login):
    result = login(1, *USER, secret=None)
    assert result == (USAGE, "login: set SCRAMTOKEN_SECRET, or give --secret-file FILE")


def test_a_name_too_long_for_a_message(login):
    code, text = login.to(honest(SECRET), "--user=" + "x" * 5000)
    assert code == USAGE
    assert "client-first-message" in text


def test_no_library(login):
    code, text = login(1, *USER, variables={"SCRAMTOKEN_LIBRARY": "/no/such/libscramtoken.so"})
    assert code == NO_LIBRARY
    assert "/no/such/libscramtoken.so" in text
    assert "--library" in text or "SCRAMTOKEN_LIBRARY" in text


def test_another_library(c_login):
    code, text = c_login(1, *USER, "--library=/no/such/libscramtoken.so")
    assert code == NO_LIBRARY
    assert "/no/such/libscramtoken.so" in text and "--library" in text
    code, text = c_login(1, *USER, "--library=libc.so.6")
    assert code == NO_LIBRARY
    assert "scramtoken_" in text


def test_help_names_the_exit_codes(login):
    code, text = login(1, "--help")
    assert code == LOGGED_IN
    assert "3 token expired" in text
