"""A source that cannot be read for long, and the connections of others meanwhile."""

import json

import pytest

from harness.rdkafka.stock import Client, config

from .hanging import HangingFile
from .test_clients import threads, wait_until


@pytest.fixture
def hanging(broker, tmp_path):
    token = broker.create_token("User:alice")
    directory = tmp_path / "mount"
    directory.mkdir()
    content = json.dumps({"token_id": token.id, "hmac": token.hmac}).encode()
    with HangingFile(directory, content) as file:
        yield file


@pytest.mark.parametrize("broker", ["4.4.0"], indirect=True)
@pytest.mark.parametrize("listener", ["SASL_PLAINTEXT", "SASL_SSL"])
def test_others_go_on(broker, source, hanging, listener):
    def client(source, **properties):
        properties |= {"security_protocol": listener, "ssl_ca_location": broker.authority.pem}
        return Client(config(broker.bootstrap(listener), source, **properties))

    source.write(broker.create_token("User:alice"))
    one = client(source)
    assert one.works()
    before = threads()
    stuck = client(hanging, scramtoken_login_timeout_ms=500)
    wait_until(lambda: hanging.readings)
    assert one.works(5), "a connection that stood before"
    assert client(source).works(5), "one that is made now"
    text = stuck.refusal(name="_TIMED_OUT")
    assert "the source has not been read within 0.5 s" in text
    # However often it tries, one thread reads.
    for _ in range(3):
        stuck.errors.clear()
        stuck.refusal(name="_TIMED_OUT")
    assert hanging.readings == 1
    hanging.let_go()
    assert stuck.works()
    del stuck
    wait_until(lambda: threads() <= before + 3)
