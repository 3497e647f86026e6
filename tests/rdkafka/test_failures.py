"""What passes by itself is no refusal: it reaches the application as it does without the plugin.

The brokers here are stand-ins, for a broker cannot be made to hang up or to fall silent at will.
"""

import contextlib
import re
import socket
import struct
import threading
import time

import pytest

from harness.kafka.ca import CertificateAuthority
from harness.kafka.stand_in import StalledBroker
from harness.rdkafka.librdkafka import (
    ALL_BROKERS_DOWN,
    AUTHENTICATION,
    TIMED_OUT,
    TRANSPORT,
    debians,
    plugin,
    wheels,
)

LIBRARIES = {"wheel": wheels, "debian": debians}
PROTOCOLS = ("SASL_PLAINTEXT", "SASL_SSL")
# librdkafka's own timeout for making a connection and logging in; it only logs that it has passed.
SOON = {"socket.connection.setup.timeout.ms": 1000}


@pytest.fixture(params=LIBRARIES)
def library(request):
    return LIBRARIES[request.param]()


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return CertificateAuthority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def clients(library, authority, source):
    """Clients with and without the plugin, by protocol."""
    source.write_fields(token_id="id", hmac="aGk=")

    def make(address, protocol, with_plugin=True, **properties):
        properties = {
            "security.protocol": protocol,
            "ssl.ca.location": authority.pem,
            "reconnect.backoff.ms": 1000,
        } | {name.replace("_", "."): value for name, value in properties.items()}
        if with_plugin:
            properties = plugin(address, source) | properties
        else:
            properties |= {"bootstrap.servers": address, "sasl.mechanism": "SCRAM-SHA-512"}
            properties |= {"sasl.username": "id", "sasl.password": "aGk="}
        return library.conf(properties).client()

    return make


def hang_up(request):
    request.connection.shutdown(socket.SHUT_RDWR)


def reset(request):
    connection = request.connection
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    socket.close(connection.detach())  # whoever still reads from it


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("leave", [hang_up, reset])
def test_a_broker_that_leaves_in_the_login(clients, authority, protocol, leave):
    certificate = authority.server_pem if protocol == "SASL_SSL" else None
    with StalledBroker(leave, certificate=certificate) as broker:
        with clients(broker.bootstrap, protocol, with_plugin=False) as stock:
            assert stock.failure()[0] == TRANSPORT
        with clients(broker.bootstrap, protocol) as ours:
            code, text = ours.failure()
    assert code == TRANSPORT
    assert re.search("(closed the connection|connection was lost) in the login", text)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_broker_that_falls_silent_in_the_login(clients, authority, protocol):
    certificate = authority.server_pem if protocol == "SASL_SSL" else None
    with StalledBroker(certificate=certificate) as broker:
        with clients(broker.bootstrap, protocol, with_plugin=False, **SOON) as stock:
            stock.failure(wanted=lambda code: code in (TRANSPORT, TIMED_OUT, ALL_BROKERS_DOWN))
            assert AUTHENTICATION not in dict(stock.errors)
        with clients(broker.bootstrap, protocol, scramtoken_login_timeout_ms=500) as ours:
            code, text = ours.failure()
    assert code == TIMED_OUT
    assert "has not completed the login within 0.5 s" in text


@pytest.mark.parametrize("says", [b"", b"\x15\x03\x03\x00\x02\x01\x00"])
def test_a_broker_that_leaves_in_the_tls_handshake(clients, says):
    """In the middle of it, or after an alert that says goodbye."""

    def leave(connection):
        connection.recv(1)
        connection.sendall(says)

    with server(leave) as address:
        with clients(address, "SASL_SSL", with_plugin=False) as stock:
            assert stock.failure()[0] == TRANSPORT
        with clients(address, "SASL_SSL") as ours:
            code, text = ours.failure()
    assert code == TRANSPORT
    assert re.search("(closed the connection|connection was lost) in the TLS handshake", text)
    assert "is this its SSL listener's port?" in text


def test_a_broker_that_falls_silent_in_the_tls_handshake(clients):
    gone = threading.Event()
    with server(lambda connection: gone.wait(20)) as address:
        with clients(address, "SASL_SSL", with_plugin=False, **SOON) as stock:
            stock.failure(wanted=lambda code: code in (TRANSPORT, TIMED_OUT, ALL_BROKERS_DOWN))
            assert AUTHENTICATION not in dict(stock.errors)
        with clients(address, "SASL_SSL", scramtoken_login_timeout_ms=500) as ours:
            code, text = ours.failure()
        gone.set()
    assert code == TIMED_OUT
    assert "has not completed the TLS handshake within 0.5 s" in text


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_broker_that_is_down(clients, capfd, protocol):
    """The application learns where nobody listens, and nothing goes to standard error."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with clients(f"127.0.0.1:{port}", protocol) as ours:
        code, text = ours.failure()
    assert code == TRANSPORT
    assert re.search(rf"Connect to \S*127\.0\.0\.1:{port} failed: Connection refused", text), text
    assert capfd.readouterr().err == ""


def test_a_broker_whose_network_is_silent(clients):
    """A connection that is never made ends by librdkafka's own timeout."""
    with contextlib.closing(socket.socket()) as listener, contextlib.ExitStack() as stack:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        # Linux answers no more connections than fit into the queue, and one.
        for _ in range(2):
            waiting = stack.enter_context(contextlib.closing(socket.socket()))
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        address = "{}:{}".format(*listener.getsockname())
        with clients(address, "SASL_SSL", scramtoken_login_timeout_ms=100, **SOON) as ours:
            ours.failure(wanted=lambda code: code == ALL_BROKERS_DOWN)
            assert AUTHENTICATION not in dict(ours.errors)
            stopped = time.monotonic()
        assert time.monotonic() - stopped < 1


@pytest.mark.parametrize("code", [-1, 7, 34, 58])
def test_a_brokers_own_error_code(clients, code):
    def refuse(request):
        request.connection.sendall(request.authenticate_answer(b"", code, b"so it is"))

    with StalledBroker(refuse) as broker:
        with clients(broker.bootstrap, "SASL_PLAINTEXT", with_plugin=False) as stock:
            expected, _ = stock.failure()
        with clients(broker.bootstrap, "SASL_PLAINTEXT") as ours:
            got, text = ours.failure()
    assert got == expected == (AUTHENTICATION if code == 58 else code)
    assert f"so it is (error {code})" in text


def test_a_flood_after_a_failed_login(clients, authority):
    """Nothing is read of it: what the broker can send is what fits into the system's buffers."""
    sent = []

    def flood(request):
        connection = request.connection
        connection.sendall(request.authenticate_answer(b"", 58, b"no"))
        sent.append(0)
        with contextlib.suppress(OSError):
            while True:
                connection.sendall(bytes(65536))
                sent[-1] += 65536

    with StalledBroker(flood, certificate=authority.server_pem) as broker:
        with clients(broker.bootstrap, "SASL_SSL") as ours:
            assert "no (error 58)" in ours.refusal()
        broker.hang_up()
    assert max(sent) < 10 << 20, sent


@contextlib.contextmanager
def server(serve):
    """An address at which `serve` gets each connection on a thread of its own."""

    def run(connection):
        with connection, contextlib.suppress(OSError):
            serve(connection)

    def accept():
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                threading.Thread(target=run, args=[connection], daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=accept)
        thread.start()
        try:
            yield "{}:{}".format(*listener.getsockname())
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()
