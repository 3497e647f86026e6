"""Brokers that lie, stall or break off: the application gets a text, and librdkafka no socket."""

import base64
import time

import pytest

from harness.kafka.stand_in import ScramServer, StalledBroker, framed
from harness.rdkafka.stock import Client, config

SECRET = base64.b64encode(b"an hmac").decode()


def client(broker, source, **properties):
    source.write_fields(token_id="id", hmac=SECRET)
    return Client(config(broker.bootstrap, source, **properties))


class Scram:
    """A broker that knows the token, with something wrong about it."""

    def __init__(self, challenge=lambda text: text, final=lambda text: text, lifetime_ms=3600_000):
        self._challenge, self._final, self._lifetime_ms = challenge, final, lifetime_ms
        self._servers = {}

    def __call__(self, request):
        message, connection = request.scram_message(), request.connection
        if message.startswith(b"n,,"):
            assert b"tokenauth=true" in message
            server = self._servers[connection] = ScramServer(SECRET.encode())
            answer = request.authenticate_answer(self._challenge(server.first(message)))
        else:
            final = self._final(self._servers[connection].final(message))
            answer = request.authenticate_answer(final, lifetime_ms=self._lifetime_ms)
        connection.sendall(answer)


@pytest.mark.parametrize(
    "login, text",
    [
        (Scram(final=lambda _: b"v=" + base64.b64encode(bytes(64))), "v= is wrong"),
        (Scram(final=lambda _: b"e=other-error"), "other-error"),
        (Scram(final=lambda _: b"\xff"), "server-final"),
        (Scram(challenge=lambda text: b"r=another,s=c2FsdA==,i=4096"), "nonce"),
        (Scram(challenge=lambda text: text.replace(b"i=4096", b"i=1000001")), "i= is 1000001"),
        (Scram(challenge=lambda text: text.replace(b"i=4096", b"i=1")), "i= is 1,"),
        (Scram(challenge=lambda text: b"m=x," + text), "server-first"),
        (Scram(challenge=lambda text: text + b",x=" + b"x" * 5000), "4096"),
        (Scram(lifetime_ms=0), "the delegation token has expired"),
        (Scram(lifetime_ms=-1), "the delegation token has expired"),
        (lambda request: request.connection.sendall(b"HTTP/1.1 400 Bad Request"), "without TLS"),
        (lambda request: request.connection.sendall(framed(b"abc")), "ends too early"),
        (
            lambda request: request.connection.sendall(
                request.authenticate_answer(b"", 58, b"no \x1b[2J way")
            ),
            "no \\u{1b}[2J way (error 58)",
        ),
        (
            lambda request: request.connection.sendall(
                framed(b"\x7f" + request.authenticate_answer(b"")[5:])
            ),
            "another request",
        ),
    ],
)
def test_a_lie_is_named(source, login, text):
    with StalledBroker(login) as broker:
        refusal = client(broker, source).refusal()
    assert text in refusal
    assert SECRET not in refusal


def test_an_honest_stand_in_is_believed(source):
    """Or the tests above would show nothing."""
    accepted = []
    server = Scram(final=lambda text: accepted.append(text) or text)
    with StalledBroker(server) as broker:
        running = client(broker, source)
        deadline = time.monotonic() + 10
        while not accepted and time.monotonic() < deadline:
            running.client.poll(0.1)
        assert accepted
        assert not [e for e in running.errors if e.name() == "_AUTHENTICATION"]


def test_a_million_iterations_stop_nobody_else(source):
    """They are hashed on a thread of their own."""
    # A proof over the changed count is wrong, and comes while the test still runs or does not.
    slow = Scram(
        challenge=lambda text: text.replace(b"i=4096", b"i=1000000"),
        final=lambda _: b"e=invalid-proof",
    )
    with StalledBroker(slow) as one, StalledBroker(Scram(lifetime_ms=0)) as two:
        waiting = client(one, source)
        one.wait_for_login()
        assert "has expired" in client(two, source).refusal()
        del waiting


def test_one_byte_a_second(source):
    def trickle(request):
        for byte in framed(b"\0" * 100):
            request.connection.sendall(bytes([byte]))
            time.sleep(0.3)

    with StalledBroker(trickle) as broker:
        running = client(broker, source, scramtoken_login_timeout_ms=1000)
        text = running.refusal(name="_TIMED_OUT")
        assert "has not completed the login within 1 s" in text


def test_a_broker_without_the_mechanism(source):
    with StalledBroker(mechanism_error=33) as broker:
        text = client(broker, source).refusal()
    assert "handshake failed" in text and "PLAIN" in text
