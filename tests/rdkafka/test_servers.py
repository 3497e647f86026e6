"""bootstrap.servers with protocols in it, and security.protocol in any case."""

import pytest

from harness.kafka.properties import USERS
from harness.rdkafka.librdkafka import Refused, debians, plugin, wheels

LIBRARIES = {"wheel": wheels, "debian": debians}
ONE_BROKER = pytest.mark.parametrize("broker", ["4.4.0"], indirect=True)


@pytest.fixture(params=LIBRARIES)
def library(request):
    return LIBRARIES[request.param]()


def properties(broker, source, listener, servers, protocol):
    address = broker.bootstrap(listener)
    return plugin(servers.format(address), source) | {
        "security.protocol": protocol,
        "ssl.ca.location": broker.authority.pem,
    }


@ONE_BROKER
@pytest.mark.parametrize(
    "listener, servers, protocol",
    [
        ("SASL_SSL", "SASL_SSL://{0}", "SASL_SSL"),
        ("SASL_SSL", "sasl_ssl://{0}/path, {0}", "sasl_ssl"),
        ("SASL_SSL", "EXTERNAL://{0}", "Sasl_Ssl"),
        ("SASL_PLAINTEXT", "SASL_PLAINTEXT://{0}", "sasl_plaintext"),
    ],
)
@pytest.mark.parametrize("order", ["plugin first", "plugin last"])
def test_every_form(library, broker, source, listener, servers, protocol, order):
    source.write(broker.create_token("User:alice"))
    given = properties(broker, source, listener, servers, protocol)
    if order == "plugin last":
        given = dict(sorted(given.items(), key=lambda item: item[0] == "plugin.library.paths"))
        given["scramtoken.source"] = given.pop("scramtoken.source")
    conf = library.conf(given)
    copy = conf.dup()
    with conf.client() as one, copy.client() as two:
        assert one.works()
        assert two.works()


@ONE_BROKER
@pytest.mark.parametrize("listener", ["SASL_PLAINTEXT", "SASL_SSL"])
def test_mode_credentials(broker, source, listener):
    source.write_fields(username="bob", password=USERS["bob"])
    given = properties(broker, source, listener, f"{listener}://{{}}", listener.lower())
    with wheels().conf(given | {"scramtoken.mode": "credentials"}).client() as client:
        assert client.works()


@pytest.mark.parametrize("order", [1, -1])
def test_another_protocol_is_refused(library, source, order):
    given = plugin("SASL_PLAINTEXT://127.0.0.1:9", source)
    servers = given.pop("bootstrap.servers")
    both = [("bootstrap.servers", servers), ("security.protocol", "SASL_SSL")][::order]
    with pytest.raises(Refused, match="make them the same"):
        library.conf(given | dict(both))
