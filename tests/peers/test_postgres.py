"""This library's client at PostgreSQL, PostgreSQL's at this library's server."""

import base64
import socket
import unicodedata

import pytest

import scramtoken
from harness.process import stop

from .gsasl import GsaslClient
from .logins import into_ours
from .names import COMPOSED, DECOMPOSED
from .postgres import Postgres
from .postgres_protocol import MECHANISM, Refused, first_message_of, log_in

SALT = b"sixteen bytes..."


@pytest.fixture(scope="module")
def postgres():
    with Postgres() as postgres:
        yield postgres


def put(postgres, password, role="alice"):
    """A role with this password, or with a verifier: what SCRAM keeps of one."""
    postgres.sql(f'DROP ROLE IF EXISTS "{role}"')
    postgres.sql(f"CREATE ROLE \"{role}\" LOGIN PASSWORD '{password}'")


def client(password, name="alice", **options):
    return scramtoken.Client(MECHANISM, username=name, password=password, **options)


def verifier(password, iterations):
    """What PostgreSQL keeps of a password, by this library."""
    credential = scramtoken.derive(MECHANISM, password, SALT, iterations)
    salt, stored_key, server_key = (
        base64.b64encode(part).decode()
        for part in (credential.salt, credential.stored_key, credential.server_key)
    )
    return f"{MECHANISM}${iterations}:{salt}${stored_key}:{server_key}"


@pytest.mark.parametrize("role", ["alice", "a,b", "a=b", "Zoë"])
def test_our_client(postgres, role):
    put(postgres, "pencil", role)
    log_in(postgres.port, role, client("pencil", role))
    with pytest.raises(Refused, match="password authentication failed"):
        log_in(postgres.port, role, client("crayon", role))


def test_the_name_that_counts_is_the_startup_packets(postgres):
    put(postgres, "pencil")
    log_in(postgres.port, "alice", client("pencil", "somebody"))


def test_our_client_inside_of_tls(postgres):
    """The server offers channel binding, and goes without."""
    put(postgres, "pencil")
    offered = log_in(postgres.port, "alice", client("pencil"), postgres.authority)
    assert offered == ["SCRAM-SHA-256-PLUS", "SCRAM-SHA-256"]


def test_its_server_has_saslprep(postgres):
    put(postgres, DECOMPOSED)
    with pytest.raises(Refused, match="password authentication failed"):
        log_in(postgres.port, "alice", client(DECOMPOSED))
    assert unicodedata.normalize("NFKC", DECOMPOSED) == COMPOSED
    log_in(postgres.port, "alice", client(COMPOSED))


def test_its_server_refuses_an_authzid(postgres):
    put(postgres, "pencil")
    with pytest.raises(Refused, match="authorization identity, but it is not supported"):
        log_in(postgres.port, "alice", client("pencil", authzid="alice"))


def test_a_verifier_by_this_library(postgres):
    put(postgres, verifier("pencil", 4096))
    log_in(postgres.port, "alice", client("pencil"))


def test_a_verifier_of_few_iterations(postgres):
    put(postgres, verifier("pencil", 1000))
    with pytest.raises(scramtoken.ProtocolError, match="i= is 1000"):
        log_in(postgres.port, "alice", client("pencil"))
    log_in(postgres.port, "alice", client("pencil", iteration_limits=(1000, 4096)))


def test_its_verifier_in_our_store(postgres, server, store):
    """Whoever moves its roles to a server of this library's needs no password."""
    put(postgres, "pencil")
    kept = postgres.sql("SELECT rolpassword FROM pg_authid WHERE rolname = 'alice'").strip()
    mechanism, head, keys = kept.split("$")
    iterations, _, salt = head.partition(":")
    parts = (base64.b64decode(part) for part in (salt, *keys.split(":")))
    store.put_credential(mechanism, "alice", scramtoken.Credential(*parts, int(iterations)))
    assert server.log_in("alice", "pencil", mechanism, token=False) == "logged in"
    with GsaslClient("alice", "pencil", "--no-cb") as client:
        assert into_ours(server, mechanism, client) == "logged in"


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
def test_its_client_gives_no_name(postgres, store, tls):
    """libpq leaves n= empty, which RFC 5802's grammar does not have; `y` alone would be fine."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(30)
        mode = {"PGSSLMODE": "require" if tls else "disable", "PGGSSENCMODE": "disable"}
        psql = postgres.psql(listener.getsockname()[1], "alice", "pencil", **mode)
        try:
            first = first_message_of(listener, postgres.authority.server_pem if tls else None)
        finally:
            stop(psql)
    flag = b"y" if tls else b"n"
    assert first.startswith(flag + b",,n=,r=")
    config = scramtoken.ServerConfig(store=store)
    with pytest.raises(scramtoken.ProtocolError, match="n="):
        scramtoken.Server(config, MECHANISM).step(first)
    store.put_user(MECHANISM, "alice", "pencil")
    assert scramtoken.Server(config, MECHANISM).step(first.replace(b"n=,", b"n=alice,"))
