"""SASL_SSL: the plugin speaks TLS, and librdkafka never has a network socket."""

import os
import socket
import threading
import time

import pytest
from confluent_kafka import KafkaException, Producer

from harness.kafka.ca import server_that_signs_itself
from harness.kafka.tls_server import tls_server
from harness.rdkafka.librdkafka import Refused, debians, plugin, wheels
from harness.rdkafka.stock import Client, config, consume, produce, topic

from .test_clients import EVENT_LOOP, descriptors, threads, wait_until

LIBRARIES = {"wheel": wheels, "debian": debians}


@pytest.fixture(scope="session")
def token(broker):
    return broker.create_token("User:alice")


def tls(broker, source, **properties):
    properties = {"ssl_ca_location": broker.authority.pem, **properties}
    return config(broker.bootstrap("SASL_SSL"), source, security_protocol="SASL_SSL", **properties)


def test_produce_and_consume(broker, token, source):
    conf = tls(broker, source.write(token))
    name = topic()
    produce(conf, name, 5000)
    assert consume(conf, name, 5000) == [b"%d" % number for number in range(5000)]


def test_large_messages(broker, token, source):
    conf = tls(broker, source.write(token))
    name = topic()
    producer = Producer(conf)
    values = [os.urandom(900_000) for _ in range(30)]
    for value in values:
        producer.produce(name, value)
        producer.poll(0)
    assert producer.flush(60) == 0
    assert consume(conf, name, 30) == values


@pytest.mark.parametrize("library", LIBRARIES)
def test_both_librdkafkas(broker, token, source, library):
    properties = plugin(broker.bootstrap("SASL_SSL"), source.write(token))
    properties |= {"security.protocol": "SASL_SSL", "ssl.ca.location": broker.authority.pem}
    conf = LIBRARIES[library]().conf(properties)
    copy = conf.dup()
    with conf.client() as one, copy.client() as two:
        assert one.works()
        assert two.works()


@pytest.mark.parametrize("library", LIBRARIES)
def test_a_plugin_that_is_set_last(broker, token, source, library):
    source.write(token)
    first = {
        "bootstrap.servers": broker.bootstrap("SASL_SSL"),
        "security.protocol": "SASL_SSL",
        "ssl.ca.location": broker.authority.pem,
    }
    conf = LIBRARIES[library]().conf(first | plugin(broker.bootstrap("SASL_SSL"), source))
    copy = conf.dup()
    conf.destroy()
    with copy.client() as client:
        assert client.works()


def test_an_authority_in_the_property(broker, token, source):
    pem = broker.authority.pem.read_text()
    conf = tls(broker, source.write(token), ssl_ca_location="", ssl_ca_pem=pem)
    assert Client(conf).works()


def test_an_untrusted_authority(broker, token, source):
    text = Client(tls(broker, source.write(token), ssl_ca_location="")).refusal()
    assert "ssl.ca.location must hold its authority" in text


def test_a_missing_authority(broker, token, source, tmp_path):
    absent = tmp_path / "ca.pem"
    absent.write_text("")
    conf = tls(broker, source.write(token), ssl_ca_location=absent)
    with pytest.raises(KafkaException, match="it holds no PEM certificate"):
        Client(conf)


@pytest.mark.parametrize("library", LIBRARIES)
def test_a_refused_file_leaves_the_configuration_usable(broker, token, source, library):
    properties = plugin(broker.bootstrap("SASL_SSL"), source.write(token))
    conf = LIBRARIES[library]().conf(properties | {"security.protocol": "SASL_SSL"})
    with pytest.raises(Refused, match="/absent.pem: No such file"):
        conf.set("ssl.ca.location", "/absent.pem")
    conf.set("client.id", "x")
    conf.set("ssl.ca.location", broker.authority.pem)
    with conf.client() as client:
        assert client.works()


def test_a_wrong_host(broker, token, source):
    """127.0.0.2 is the broker too, and its certificate does not bear it."""
    with forwarder("127.0.0.2", broker.address("SASL_SSL")) as port:
        conf = tls(broker, source.write(token)) | {"bootstrap.servers": f"127.0.0.2:{port}"}
        assert 'the broker\'s certificate is not for "127.0.0.2"' in Client(conf).refusal()
        conf |= {"ssl.endpoint.identification.algorithm": "none"}
        assert Client(conf).works()


@pytest.mark.parametrize("no", ["false", False])
def test_without_verification(broker, token, source, no):
    conf = tls(broker, source.write(token), ssl_ca_location="")
    conf["enable.ssl.certificate.verification"] = no
    assert Client(conf).works()


def test_a_port_without_tls(broker, token, source):
    conf = tls(broker, source.write(token)) | {"bootstrap.servers": broker.bootstrap()}
    text = Client(conf).refusal(name="_TRANSPORT")
    assert "is this its SSL listener's port?" in text


def test_an_expired_token(broker, source):
    token = broker.create_token("User:alice", max_lifetime_ms=1500)
    time.sleep(max(0, token.expiry_ms / 1000 - time.time()) + 0.1)
    assert "the delegation token has expired" in Client(tls(broker, source.write(token))).refusal()


def test_a_source_that_is_missing(broker, source):
    assert "No such file" in Client(tls(broker, source)).refusal()


@pytest.mark.parametrize(
    "name", ["ssl_cipher_suites", "ssl_crl_location", "ssl_keystore_location", "ssl_curves_list"]
)
def test_what_cannot_be_honoured_is_refused(source, name):
    with pytest.raises(KafkaException, match=name.replace("_", ".")):
        Client(config("127.0.0.1:9", source, security_protocol="SASL_SSL", **{name: "x"}))


def test_an_authoritys_own_certificate(source, tmp_path):
    """As `openssl req -x509` makes it."""
    source.write_fields(token_id="id", hmac="aGk=")
    pem = tmp_path / "own.pem"
    server_that_signs_itself(pem, is_ca=True)
    with tls_server(pem) as address:
        conf = config(address, source, security_protocol="SASL_SSL", ssl_ca_location=str(pem))
        assert "is an authority's own" in Client(conf).refusal()


def test_nothing_is_sent_in_the_clear(source):
    """To whoever listens: the first byte is of a TLS handshake, and nothing else comes."""
    source.write_fields(token_id="id", hmac="aGk=")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"127.0.0.1:{listener.getsockname()[1]}"
        conf = config(address, source, security_protocol="SASL_SSL")
        client = Client(conf | {"scramtoken.login.timeout.ms": 500})
        listener.settimeout(20)
        connection, _ = listener.accept()
        assert connection.recv(1) == b"\x16"
        text = client.refusal(name="_TIMED_OUT")
        assert "has not completed the TLS handshake within 0.5 s" in text
        connection.close()


def test_nothing_is_left_behind(broker, token, source):
    conf = plugin(broker.bootstrap("SASL_SSL"), source.write(token))
    conf |= {"security.protocol": "SASL_SSL", "ssl.ca.location": broker.authority.pem}
    library = wheels()
    with library.conf(conf).client() as client:
        assert client.works()
    files, running = descriptors(), threads()
    for _ in range(5):
        clients = [library.conf(conf).client() for _ in range(4)]
        for client in clients:
            assert client.works()
        for client in clients:
            client.__exit__()
    wait_until(lambda: descriptors() <= files + EVENT_LOOP and threads() <= running)


class forwarder:
    """Another address of the same server."""

    def __init__(self, host, target):
        self._target = target
        self._listener = socket.create_server((host, 0))

    def __enter__(self):
        self._sockets = []
        self._thread = threading.Thread(target=self._accept)
        self._thread.start()
        return self._listener.getsockname()[1]

    def __exit__(self, *_):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listener.close()
        for each in self._sockets:
            each.close()

    def _accept(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            target = socket.create_connection(self._target)
            self._sockets += [connection, target]
            for one, other in ((connection, target), (target, connection)):
                threading.Thread(target=self._copy, args=[one, other], daemon=True).start()

    @staticmethod
    def _copy(source, target):
        try:
            while data := source.recv(65536):
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            pass
