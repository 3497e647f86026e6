"""Cyrus SASL and this library, either as the client."""

import pytest

import scramtoken

from .cyrus import MECHANISMS, CyrusClient, CyrusUsers
from .lines import Ended
from .logins import into_ours, into_theirs
from .names import COMPOSED, DECOMPOSED, NAMES

pytestmark = pytest.mark.parametrize("mechanism", MECHANISMS)


@pytest.fixture(scope="module")
def users(tmp_path_factory):
    return CyrusUsers(tmp_path_factory.mktemp("cyrus"))


def their_client(server, mechanism, name, password, authzid=""):
    with CyrusClient(mechanism, name, password, authzid) as client:
        return into_ours(server, mechanism, client)


def our_client(users, mechanism, password, name="user", **options):
    client = scramtoken.Client(mechanism, username=name, password=password, **options)
    with users.server(mechanism) as server:
        into_theirs(server, mechanism, client)


@pytest.mark.parametrize("name", NAMES)
def test_its_client(server, store, mechanism, name):
    store.put_user(mechanism, name, "pencil")
    assert their_client(server, mechanism, name, "pencil") == "logged in"


def test_its_client_is_refused(server, store, mechanism):
    store.put_user(mechanism, "user", "pencil")
    assert their_client(server, mechanism, "user", "crayon") == "INVALID_PROOF"
    assert their_client(server, mechanism, "nobody", "pencil") == "UNKNOWN_USER"


def test_its_client_has_no_saslprep(server, store, mechanism):
    store.put_user(mechanism, "user", DECOMPOSED)
    assert their_client(server, mechanism, "user", DECOMPOSED) == "logged in"
    assert their_client(server, mechanism, "user", COMPOSED) == "INVALID_PROOF"


def test_its_client_acts_for_another(server, store, mechanism):
    store.put_user(mechanism, "user", "pencil")
    assert their_client(server, mechanism, "user", "pencil", "user") == "logged in"
    assert their_client(server, mechanism, "user", "pencil", "other") == "AUTHZID"


@pytest.mark.parametrize(("iterations", "outcome"), [(65536, "logged in"), (65537, "undecided")])
def test_its_client_hashes_so_often_and_no_more(server, store, mechanism, iterations, outcome):
    store.put_user(mechanism, "user", "pencil", iterations)
    assert their_client(server, mechanism, "user", "pencil") == outcome


@pytest.mark.parametrize("name", NAMES)
def test_its_server(users, mechanism, name):
    users.put(name, "pencil")
    our_client(users, mechanism, "pencil", name)


def test_its_server_refuses(users, mechanism):
    users.put("user", "pencil")
    with pytest.raises(Ended, match="StoredKey mismatch"):
        our_client(users, mechanism, "crayon")


def test_its_server_has_no_saslprep(users, mechanism):
    users.put("user", DECOMPOSED)
    our_client(users, mechanism, DECOMPOSED)
    with pytest.raises(Ended, match="StoredKey mismatch"):
        our_client(users, mechanism, COMPOSED)


def test_its_server_lets_nobody_act_for_another(users, mechanism):
    users.put("user", "pencil")
    our_client(users, mechanism, "pencil", authzid="user")
    with pytest.raises(Ended, match="Requested identity not authenticated identity"):
        our_client(users, mechanism, "pencil", authzid="other")
