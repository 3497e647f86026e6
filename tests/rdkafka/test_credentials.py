"""scramtoken.mode=credentials: librdkafka logs in by itself, with what the source holds."""

import time

import pytest

from harness.kafka.properties import USERS
from harness.rdkafka.librdkafka import debians, plugin, wheels
from harness.rdkafka.stock import Client, config, consume, produce, topic
from harness.rdkafka.traffic import REAUTHENTICATION_MS, Traffic
from harness.source_file import SourceFile

LIBRARIES = {"wheel": wheels, "debian": debians}


def credentials(bootstrap, source, **properties):
    return config(bootstrap, source, scramtoken_mode="credentials", **properties)


@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-256", "SCRAM-SHA-512"])
def test_produce_and_consume(broker, source, mechanism):
    source.write_fields(username="bob", password=USERS["bob"])
    conf = credentials(broker.bootstrap(), source, sasl_mechanism=mechanism)
    name = topic()
    produce(conf, name, 500)
    assert consume(conf, name, 500) == [b"%d" % number for number in range(500)]


@pytest.mark.parametrize("library", LIBRARIES)
def test_both_librdkafkas(broker, source, library):
    source.write_fields(username="bob", password=USERS["bob"])
    properties = plugin(broker.bootstrap(), source) | {"scramtoken.mode": "credentials"}
    conf = LIBRARIES[library]().conf(properties)
    copy = conf.dup()
    with conf.client() as one, copy.client() as two:
        if library == "debian" and broker.version != "3.9.2":
            # Its own SCRAM doubles the nonce, which Kafka takes before 4.0 only.
            assert "invalid credentials" in one.refusal()
        else:
            assert one.works()
            assert two.works()


@pytest.mark.parametrize("order", ["mode first", "mode last"])
def test_librdkafkas_own_tls(broker, source, order):
    """Which alone takes cipher suites, so that it is what speaks here."""
    source.write_fields(username="bob", password=USERS["bob"])
    tls = {
        "security.protocol": "SASL_SSL",
        "ssl.ca.location": str(broker.authority.pem),
        "ssl.endpoint.identification.algorithm": "https",
    }
    mode = {"scramtoken.mode": "credentials"}
    conf = config(broker.bootstrap("SASL_SSL"), source)
    conf |= mode | tls | {"ssl.cipher.suites": "ECDHE-ECDSA-AES128-GCM-SHA256"}
    if order == "mode last":
        conf = config(broker.bootstrap("SASL_SSL"), source) | tls | mode
    name = topic()
    produce(conf, name, 100)
    assert len(consume(conf, name, 100)) == 100


def test_a_wrong_password(broker, source):
    source.write_fields(username="bob", password="not bob's")
    text = Client(credentials(broker.bootstrap(), source)).refusal()
    assert "not bob's" not in text


def test_a_token_is_none_to_a_stock_broker(broker, source):
    """librdkafka does not say tokenauth=true: that is mode token's."""
    source.write(broker.create_token("User:alice"))
    assert "invalid credentials" in Client(credentials(broker.bootstrap(), source)).refusal()


def test_a_source_that_is_missing_and_comes_later(broker, source, capfd):
    client = Client(credentials(broker.bootstrap(), source))
    client.refusal()
    told = capfd.readouterr().err
    assert told.count(f"{source.path}: No such file") == 1, "said once, and not at each try"
    source.write_fields(username="bob", password=USERS["bob"])
    assert client.works()


def test_what_changes_under_running_clients(special, source, tmp_path):
    """A user's password, and a token where the broker takes one without tokenauth=true."""
    special.add_user("carol", "first password")
    source.write_fields(username="carol", password="first password")
    one, two = (special.create_token("User:alice") for _ in range(2))
    tokens = SourceFile(tmp_path / "implicit.json").write(one)

    carols = credentials(special.bootstrap(), source)
    alices = credentials(special.bootstrap(), tokens, sasl_mechanism="SCRAM-SHA-256")
    names = topic(), topic()
    with Traffic(carols, names[0]) as carol, Traffic(alices, names[1]) as alice:
        time.sleep(1)
        tokens.write(two)
        special.expire_token(one)
        # A re-authentication may fall in between: then the broker hangs up, and the next one works.
        source.write_fields(username="carol", password="second password")
        special.add_user("carol", "second password")
        time.sleep(REAUTHENTICATION_MS / 1000)
        carol.errors.clear()
        time.sleep(2 * REAUTHENTICATION_MS / 1000)
    for traffic, conf, name in [(carol, carols, names[0]), (alice, alices, names[1])]:
        assert traffic.errors == []
        assert traffic.failed == []
        assert consume(conf, name, traffic.sent) == [b"%d" % n for n in range(traffic.sent)]
