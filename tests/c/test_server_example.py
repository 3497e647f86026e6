"""examples/c/server.c, driven over its socket by the Python package's client (which is ctypes)."""

import contextlib
import re
import signal
import socket
import struct
import subprocess
import threading
import time

import pytest

import scramtoken
from harness.commands import run
from harness.compile import VALGRIND, example
from harness.process import start, stop

MECHANISMS = ["SCRAM-SHA-256", "SCRAM-SHA-512"]
CREDENTIALS = """\
# who may log in
user:alice:alice's secret: with a colon

token:token-1:bob:9000000000000:aG1hYyBvZiB0b2tlbi0x
token:token-2:bob:-1:aG1hYyBvZiB0b2tlbi0y
token:old-token:bob:1000:aG1hYyBvZiBvbGQtdG9rZW4=
"""
PASSWORD = "alice's secret: with a colon"
TOKENS = dict(re.findall(r"^token:([^:]+):bob:[^:]+:(.+)$", CREDENTIALS, re.MULTILINE))


class Server:
    """The example, running; its lines are read on a thread."""

    def __init__(self, path, wrapper=()):
        self.process = start(
            [*wrapper, example("server"), "--credentials", path],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.lines = []
        self.changed = threading.Condition()
        self.reader = threading.Thread(target=self._read)
        self.reader.start()

    def _read(self):
        for line in self.process.stdout:
            with self.changed:
                self.lines.append(line.rstrip("\n"))
                self.changed.notify_all()

    def wait_for(self, pattern, times=1):
        """The lines that match, as soon as there are so many."""

        def matching():
            return [line for line in self.lines if re.search(pattern, line)]

        with self.changed:
            assert self.changed.wait_for(lambda: len(matching()) >= times, 30), self.lines
            return matching()

    def port(self):
        return int(self.wait_for("^listening on 127.0.0.1:")[0].rpartition(":")[2])

    def connect(self):
        return socket.create_connection(("127.0.0.1", self.port()), timeout=30)

    def end(self, signal_number=signal.SIGTERM):
        """Ends it as an administrator does; returns the exit code."""
        self.process.send_signal(signal_number)
        code = self.process.wait(30)
        self.reader.join(30)
        return code

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.reader.join(30)
        stop(self.process)


def credentials_file(directory, text=CREDENTIALS, mode=0o600):
    file = directory / "credentials"
    file.write_text(text)
    file.chmod(mode)
    return file


@pytest.fixture
def server(tmp_path):
    with Server(credentials_file(tmp_path)) as server:
        yield server
        printed = "\n".join(server.lines)
        for secret in (PASSWORD, *TOKENS.values()):
            assert secret not in printed


def send(connection, content):
    connection.sendall(struct.pack(">I", len(content)) + content)


def receive(connection):
    """The content of a frame, or nothing at the end."""
    with connection.makefile("rb") as stream:
        length = stream.read(4)
        return stream.read(*struct.unpack(">I", length)) if length else b""


def converse(server, client, mechanism):
    """Logs in; returns the server's last message once the client has believed it, or raises."""
    with server.connect() as connection:
        send(connection, mechanism.encode())
        answer = b""
        message = client.step()
        while message:
            send(connection, message)
            answer = receive(connection)
            message = client.step(answer)
        return answer


def user(mechanism, password=PASSWORD, name="alice"):
    return scramtoken.Client(mechanism, username=name, password=password)


def token(mechanism, token_id, hmac=None):
    return scramtoken.Client(mechanism, token_id=token_id, hmac=hmac or TOKENS[token_id])


@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_user(server, mechanism):
    assert converse(server, user(mechanism), mechanism).startswith(b"v=")
    server.wait_for("^verdict: authenticated alice by password, until -1$")
    (audit,) = server.wait_for("^audit: ")
    told = f"login OK mechanism={mechanism} requester=alice owner=- token_id=-"
    assert re.fullmatch(rf"audit: \d+ {told}", audit)


@pytest.mark.parametrize("mechanism", MECHANISMS)
@pytest.mark.parametrize(("token_id", "until"), [("token-1", "9000000000000"), ("token-2", "-1")])
def test_token(server, mechanism, token_id, until):
    assert converse(server, token(mechanism, token_id), mechanism).startswith(b"v=")
    server.wait_for(f"^verdict: authenticated bob by token {token_id}, until {until}$")
    server.wait_for(f"requester={token_id} owner=bob token_id={token_id}$")


@pytest.mark.parametrize("mechanism", MECHANISMS)
@pytest.mark.parametrize(
    ("client", "reason"),
    [
        (lambda m: user(m, password="wrong"), "INVALID_PROOF"),
        (lambda m: user(m, name="nobody"), "UNKNOWN_USER"),
        (lambda m: token(m, "token-1", hmac="wrong"), "INVALID_PROOF"),
        (lambda m: token(m, "no-token", hmac="wrong"), "TOKEN_NOT_FOUND"),
        (lambda m: token(m, "old-token"), "TOKEN_EXPIRED"),
        (lambda m: token(m, "alice", hmac=PASSWORD), "TOKEN_NOT_FOUND"),
        (lambda m: user(m, name="token-1", password=TOKENS["token-1"]), "UNKNOWN_USER"),
    ],
    ids=["password", "name", "hmac", "id", "expired", "user-as-token", "token-as-user"],
)
def test_refused(server, mechanism, client, reason):
    """To the peer all of these look alike."""
    with pytest.raises(scramtoken.ScramTokenError) as refused:
        converse(server, client(mechanism), mechanism)
    assert refused.value.status == scramtoken.Status.SERVER_REFUSED
    assert "e=invalid-proof" in str(refused.value)
    server.wait_for(f"^verdict: rejected, {reason}: ")
    server.wait_for(f"^audit: .* login {reason} ")


def test_strangers_get_the_same_challenge_each_time(server):
    salts = set()
    for _ in range(2):
        with server.connect() as connection:
            send(connection, b"SCRAM-SHA-256")
            send(connection, b"n,,n=nobody,r=abc")
            salts.add(re.search(rb",s=([^,]+),i=4096$", receive(connection))[1])
    assert len(salts) == 1


def test_unknown_mechanism(server):
    with server.connect() as connection:
        send(connection, b"PLAIN")
        assert receive(connection) == b""
    server.wait_for("^verdict: rejected, UNSUPPORTED_MECHANISM$")


def test_message_that_breaks_the_grammar(server):
    with server.connect() as connection:
        send(connection, b"SCRAM-SHA-256")
        send(connection, b"n,,n=a\nb,r=")
        assert receive(connection) == b"e=other-error"
        assert receive(connection) == b""
    server.wait_for("^verdict: rejected, MALFORMED: client-first-message: r= ")
    server.wait_for(r"requester=a\\u{a}b ")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\0\0",
        struct.pack(">I", 0),
        struct.pack(">I", 0xFFFFFFFF) + b"x" * 100,
        struct.pack(">I", 13) + b"SCRAM",
        struct.pack(">I", 100) + b"x" * 100,
        struct.pack(">I", 13) + b"SCRAM-SHA-256" + struct.pack(">I", 4097) + b"x" * 4097,
        struct.pack(">I", 13) + b"SCRAM-SHA-256" + struct.pack(">I", 10) + b"n,,",
    ],
    ids=["none", "half", "empty", "4-gib", "cut", "long-name", "long", "cut-message"],
)
def test_broken_frames_end_the_connection_and_nothing_else(server, content):
    with server.connect() as connection:
        connection.sendall(content)
        # Where the server leaves something unread, it resets the connection.
        with contextlib.suppress(OSError):
            connection.shutdown(socket.SHUT_WR)
        with contextlib.suppress(ConnectionError):
            assert receive(connection) == b""
    converse(server, user("SCRAM-SHA-256"), "SCRAM-SHA-256")


def test_a_login_that_is_given_up(server):
    with server.connect() as connection:
        send(connection, b"SCRAM-SHA-256")
        send(connection, b"n,,n=alice,r=abc")
        receive(connection)
    server.wait_for("^verdict: undecided")
    assert server.end() == 0
    assert not any(line.startswith("audit") for line in server.lines)


def test_many_at_once(server):
    errors = []

    def log_in():
        try:
            for _ in range(5):
                converse(server, user("SCRAM-SHA-256"), "SCRAM-SHA-256")
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=log_in) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not errors
    server.wait_for("^verdict: authenticated alice ", times=80)


def test_more_connections_than_it_takes(server):
    """The 65th is closed; when one of the others goes, there is room again."""
    with contextlib.ExitStack() as idle:
        first = idle.enter_context(server.connect())
        for _ in range(63):
            idle.enter_context(server.connect())
        with server.connect() as connection:
            assert connection.recv(1) == b""
        first.close()
        deadline = time.monotonic() + 10
        while True:
            try:
                converse(server, user("SCRAM-SHA-256"), "SCRAM-SHA-256")
                break
            except (ConnectionError, scramtoken.ScramTokenError):
                assert time.monotonic() < deadline
                time.sleep(0.05)


@pytest.mark.parametrize("signal_number", [signal.SIGTERM, signal.SIGINT])
def test_ends_cleanly(server, signal_number):
    converse(server, user("SCRAM-SHA-256"), "SCRAM-SHA-256")
    with server.connect() as idle:
        send(idle, b"SCRAM-SHA-256")
        send(idle, b"n,,n=alice,r=abc")
        receive(idle)
        begun = time.monotonic()
        assert server.end(signal_number) == 0
        assert time.monotonic() < begun + 5  # it does not wait for the idle one
        assert receive(idle) == b""
    assert server.lines[-1] == "stopped"
    with pytest.raises(ConnectionRefusedError):
        server.connect()


def test_valgrind(tmp_path):
    with Server(credentials_file(tmp_path), wrapper=VALGRIND) as server:
        converse(server, user("SCRAM-SHA-256"), "SCRAM-SHA-256")
        converse(server, token("SCRAM-SHA-512", "token-1"), "SCRAM-SHA-512")
        with pytest.raises(scramtoken.ScramTokenError):
            converse(server, user("SCRAM-SHA-256", password="wrong"), "SCRAM-SHA-256")
        assert server.end() == 0, server.lines


# ---- the command line and the file ----


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("group:x:y", "begins with neither user: nor token:"),
        ("user", "too few fields"),
        ("user:alice", "too few fields"),
        ("token:id:bob:-1", "too few fields"),
        ("user:alice:", "password is empty"),
        ("token:id:bob:soon:hmac", "no number of milliseconds"),
        ("token:id:bob::hmac", "no number of milliseconds"),
        (f"user:{'x' * 256}:y", "too long a name"),
        (f"token:id:{'x' * 256}:-1:y", "too long a name"),
    ],
)
def test_bad_line(tmp_path, line, text):
    file = credentials_file(tmp_path, f"# one\nuser:a:b\n{line}\n")
    done = run([example("server"), "--credentials", file])
    assert done.returncode == 1
    assert f"{file}, line 3: " in done.stderr
    assert text in done.stderr
    assert done.stdout == ""


def test_bad_file(tmp_path):
    for file, text in (
        (tmp_path / "none", "No such file"),
        (tmp_path, "Is a directory"),
        (credentials_file(tmp_path, mode=0o644), "others may read it; chmod 600 it"),
    ):
        done = run([example("server"), "--credentials", file])
        assert done.returncode == 1
        assert f"{file}: {text}" in done.stderr
    done = run([example("server"), "--credentials", credentials_file(tmp_path, "#" * 65536)])
    assert done.returncode == 1
    assert "too long" in done.stderr
    done = run([example("server"), "--credentials", credentials_file(tmp_path, "user:a:b\n" * 257)])
    assert done.returncode == 1
    assert "line 257: too many" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "code"),
    [([], 2), (["--password=x"], 2), (["--credentials"], 2), (["file"], 2), (["--help"], 0)],
)
def test_usage(arguments, code):
    done = run([example("server"), *arguments])
    assert done.returncode == code
    assert "usage: server --credentials FILE" in done.stdout + done.stderr
