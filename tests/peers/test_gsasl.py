"""GNU SASL and this library, either as the client."""

import pytest

import scramtoken

from .gsasl import MECHANISM, GsaslClient, GsaslServer
from .lines import Ended
from .logins import into_ours, into_theirs
from .names import COMPOSED, DECOMPOSED, NAMES

PLUS = "SCRAM-SHA-256-PLUS"
# What it asks for then.
BINDING = "YmluZGluZw=="


def put(store, name, password):
    store.put_user(MECHANISM, name, password)


def their_client(server, name, password, *options):
    with GsaslClient(name, password, "--no-cb", *options) as client:
        return into_ours(server, MECHANISM, client)


def our_client(password, name="user", *, theirs=None, options=(), **ours):
    client = scramtoken.Client(MECHANISM, username=name, password=password, **ours)
    with GsaslServer(theirs or password, "--no-cb", *options) as server:
        into_theirs(server, MECHANISM, client)


@pytest.mark.parametrize("name", NAMES)
def test_its_client(server, store, name):
    put(store, name, "pencil")
    assert their_client(server, name, "pencil") == "logged in"
    assert their_client(server, name, "crayon") == "INVALID_PROOF"


def test_its_client_has_saslprep(server, store):
    """Our server has the keys of whatever bytes it was given, so it is given the prepared ones."""
    put(store, "user", COMPOSED)
    assert their_client(server, "user", COMPOSED) == "logged in"
    assert their_client(server, "user", DECOMPOSED) == "logged in"
    put(store, "user", DECOMPOSED)
    assert their_client(server, "user", DECOMPOSED) == "INVALID_PROOF"
    put(store, COMPOSED, "pencil")
    assert their_client(server, DECOMPOSED, "pencil") == "logged in"


def test_its_client_acts_for_another(server, store):
    put(store, "user", "pencil")
    assert their_client(server, "user", "pencil", "--authorization-id=user") == "logged in"
    assert their_client(server, "user", "pencil", "--authorization-id=other") == "AUTHZID"


def test_its_client_binds_a_channel(server, store):
    put(store, "user", "pencil")
    for mechanism, outcome in ((PLUS, "UNSUPPORTED_MECHANISM"), (MECHANISM, "CHANNEL_BINDING")):
        with GsaslClient("user", "pencil", mechanism=PLUS) as client:
            client.say(BINDING)  # tls-exporter
            client.say("")  # tls-unique
            assert into_ours(server, mechanism, client) == outcome


def test_its_client_by_sha_1(server):
    with GsaslClient("user", "pencil", "--no-cb", mechanism="SCRAM-SHA-1") as client:
        assert into_ours(server, "SCRAM-SHA-1", client) == "UNSUPPORTED_MECHANISM"


@pytest.mark.parametrize("name", NAMES)
def test_its_server(name):
    our_client("pencil", name)


def test_its_server_refuses():
    with pytest.raises(Ended, match="Error authenticating user"):
        our_client("crayon", theirs="pencil")


def test_its_server_has_saslprep():
    """Our client hashes what it is given."""
    our_client(COMPOSED, theirs=DECOMPOSED)
    with pytest.raises(Ended, match="Error authenticating user"):
        our_client(DECOMPOSED)


def test_its_server_takes_any_authzid():
    our_client("pencil", authzid="other")


def test_its_server_asks_for_few_iterations():
    options = ["--iteration-count=1000"]
    with pytest.raises(scramtoken.ProtocolError, match="i= is 1000"):
        our_client("pencil", options=options)
    our_client("pencil", options=options, iteration_limits=(1000, 4096))
