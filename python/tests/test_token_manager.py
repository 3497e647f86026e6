"""Token managers: KIP-48's life cycle, with logins at a server on the same store."""

from datetime import datetime, timedelta, timezone

import pytest
from exchange import log_in

import scramtoken
from scramtoken import Client, Identity, Operation, Server, ServerConfig, Status, Store
from scramtoken import TokenManager as Manager

NOW = 1_700_000_000_000
DAY = 24 * 60 * 60 * 1000
KEYS = {"first": b"sixteen bytes at least"}


class Time:
    def __init__(self):
        self.now = NOW

    def __call__(self):
        return self.now


@pytest.fixture
def time():
    return Time()


@pytest.fixture(params=["memory:", "lmdb:"])
def store(request, tmp_path):
    uri = request.param if request.param == "memory:" else f"lmdb:{tmp_path / 'store'}"
    with Store.open(uri) as store:
        yield store


@pytest.fixture
def manager(store, time):
    with Manager(store, KEYS, clock=time) as manager:
        yield manager


def login(store, token, time, mechanism="SCRAM-SHA-512", **options):
    client = Client(mechanism, token_id=token.id, hmac=token.hmac)
    return log_in(client, Server(ServerConfig(store=store, clock=time, **options), mechanism))


def refused(status, call, *arguments, **options):
    with pytest.raises(scramtoken.ScramTokenError) as caught:
        call(*arguments, **options)
    assert caught.value.status == status, caught.value
    return caught.value


def test_a_token_from_first_to_last(store, manager, time):
    token = manager.create("User:alice", renewers=["User:spark"], max_lifetime=timedelta(days=3))
    assert (token.owner, token.requester, token.renewers) == (
        "User:alice",
        "User:alice",
        ("User:spark",),
    )
    assert (token.issue_ms, token.expiry_ms, token.max_ms) == (NOW, NOW + DAY, NOW + 3 * DAY)
    assert token.issue == datetime(2023, 11, 14, 22, 13, 20, tzinfo=timezone.utc)

    for mechanism in ("SCRAM-SHA-256", "SCRAM-SHA-512"):
        verdict = login(store, token, time, mechanism)
        assert (verdict.name, verdict.token_id) == ("alice", token.id)
        assert verdict.expiry_ms == token.expiry_ms

    time.now += DAY // 2
    assert manager.renew("User:spark", token.hmac) == NOW + DAY // 2 + DAY
    assert manager.renew("User:alice", token.hmac, timedelta(hours=1)) == time.now + DAY // 24
    assert manager.expire("User:alice", token.hmac, 5000) == time.now + 5000
    time.now += 5001
    assert refused(Status.TOKEN_EXPIRED, login, store, token, time)
    refused(Status.TOKEN_EXPIRED, manager.renew, "User:alice", token.hmac)
    assert manager.sweep() == 1
    assert manager.sweep() == 0
    refused(Status.TOKEN_NOT_FOUND, manager.renew, "User:alice", token.hmac)
    refused(Status.TOKEN_NOT_FOUND, login, store, token, time)


def test_expired_at_once(store, manager, time):
    token = manager.create("User:alice")
    manager.expire("User:alice", token.hmac)
    refused(Status.TOKEN_NOT_FOUND, login, store, token, time)
    assert manager.describe("User:alice") == []


def test_who_may(manager):
    token = manager.create("User:alice", renewers=["User:spark"])
    refused(Status.TOKEN_OWNER_MISMATCH, manager.renew, "User:mallory", token.hmac)
    refused(Status.TOKEN_OWNER_MISMATCH, manager.expire, "User:mallory", token.hmac)
    refused(Status.TOKEN_AUTHORIZATION_FAILED, manager.create, "User:spark", owner="User:alice")
    refused(Status.INVALID_PRINCIPAL_TYPE, manager.create, "User:alice", renewers=["Group:all"])
    by_token = {"authenticated_by": Identity.TOKEN}
    refused(Status.TOKEN_REQUEST_NOT_ALLOWED, manager.create, "User:alice", **by_token)
    refused(Status.TOKEN_REQUEST_NOT_ALLOWED, manager.describe, "User:alice", **by_token)
    refused(Status.TOKEN_NOT_FOUND, manager.renew, "User:alice", "bm8gc3VjaCBITUFD")


def test_who_sees(manager):
    token = manager.create("User:alice", renewers=["User:spark"])
    manager.create("User:bob")
    assert manager.describe("User:alice") == [token]
    assert manager.describe("User:spark", owners=["User:alice", "User:bob"]) == [token]
    assert manager.describe("User:alice", owners=["User:bob"]) == []
    assert manager.describe("User:alice", owners=[]) == []
    assert manager.describe("User:mallory") == []


def test_an_authorizer(store, time):
    asked = []

    def authorizer(*question):
        asked.append(question)
        return question[0] == "User:admin"

    with Manager(store, KEYS, clock=time, authorizer=authorizer) as manager:
        token = manager.create("User:admin", owner="User:alice")
        assert (token.owner, token.requester) == ("User:alice", "User:admin")
        others = manager.create("User:bob")
        refused(Status.TOKEN_AUTHORIZATION_FAILED, manager.create, "User:bob", owner="User:alice")
        assert {seen.id for seen in manager.describe("User:admin")} == {token.id, others.id}
        assert manager.describe("User:bob") == [others]
    assert asked == [
        ("User:admin", Operation.CREATE, "User:alice", None),
        ("User:bob", Operation.CREATE, "User:alice", None),
        ("User:admin", Operation.DESCRIBE, "User:bob", others.id),
        ("User:bob", Operation.DESCRIBE, "User:alice", token.id),
    ]


def test_callbacks_that_raise(store, time):
    def raising(*_):
        raise LookupError("the directory is away")

    with Manager(store, KEYS, authorizer=raising) as manager:
        error = refused(
            Status.TOKEN_AUTHORIZATION_FAILED, manager.create, "User:bob", owner="User:alice"
        )
        assert isinstance(error.__cause__, LookupError)
    with Manager(store, KEYS, audit=raising) as manager:
        error = refused(Status.INTERNAL, manager.create, "User:bob")
        assert isinstance(error.__cause__, LookupError)
    with Manager(store, KEYS, clock=raising) as manager, pytest.raises(LookupError):
        manager.create("User:bob")


def test_secret_keys_rotate_without_an_outage(store, manager, time):
    old = manager.create("User:alice")
    manager.add_secret_key("second", b"another sixteen bytes")
    manager.set_signing_key("second")
    new = manager.create("User:alice")
    assert login(store, old, time) and login(store, new, time)
    assert manager.remove_secret_key("first") == 1
    refused(Status.TOKEN_NOT_FOUND, login, store, old, time)
    assert login(store, new, time)
    assert [token.id for token in manager.describe("User:alice")] == [new.id]
    refused(Status.INVALID_STATE, manager.remove_secret_key, "second")
    refused(Status.INVALID_ARGUMENT, manager.remove_secret_key, "third")
    for name, secret in {**KEYS, "second": b"a third secret of length"}.items():
        refused(Status.INVALID_ARGUMENT, manager.add_secret_key, name, secret)
    refused(Status.INVALID_ARGUMENT, manager.add_secret_key, "short", b"fifteen bytes..")
    refused(Status.INVALID_ARGUMENT, manager.set_signing_key, "third")


def test_a_manager_without_the_key(store, manager, time):
    token = manager.create("User:alice")
    with Manager(store, {"other": b"a key of another manager"}, clock=time) as other:
        assert [seen.hmac for seen in other.describe("User:alice")] == [None]
        assert other.renew("User:alice", token.hmac, 1000) == NOW + 1000
        assert login(store, token, time)


def test_no_secret_key(store):
    with Manager(store) as manager:
        refused(Status.TOKEN_AUTH_DISABLED, manager.create, "User:alice")
        refused(Status.TOKEN_AUTH_DISABLED, manager.describe, "User:alice")
        refused(Status.TOKEN_AUTH_DISABLED, manager.renew, "User:alice", "aG1hYw==")


def test_audit(store, time):
    events = []
    with Manager(store, KEYS, clock=time, audit=events.append) as manager:
        token = manager.create("User:alice")
        manager.renew("User:alice", token.hmac)
        refused(Status.TOKEN_OWNER_MISMATCH, manager.expire, "User:bob", token.hmac)
        manager.expire("User:alice", token.hmac, 0)
        time.now += 1
        manager.sweep()
    told = [(event.operation, event.status, event.requester) for event in events]
    assert told[:4] == [
        ("token-create", Status.OK, "User:alice"),
        ("token-renew", Status.OK, "User:alice"),
        ("token-expire", Status.TOKEN_OWNER_MISMATCH, "User:bob"),
        ("token-expire", Status.OK, "User:alice"),
    ]
    assert events[4].operation == "token-sweep"
    assert {event.token_id for event in events} == {token.id}
    assert {event.owner for event in events} == {"User:alice"}
    assert token.hmac not in repr(events)


def test_lifetimes_and_iterations(store, time):
    lifetimes = {"max_lifetime": timedelta(hours=2), "expiry_time": 60_000}
    none_by_256 = {"SCRAM-SHA-256": 0, "SCRAM-SHA-512": 8192}
    with Manager(store, KEYS, clock=time, iterations=none_by_256, **lifetimes) as manager:
        token = manager.create("User:alice")
        assert (token.expiry_ms, token.max_ms) == (NOW + 60_000, NOW + 7_200_000)
        assert login(store, token, time)
        refused(Status.TOKEN_NOT_FOUND, login, store, token, time, "SCRAM-SHA-256")
    refused(Status.INVALID_ARGUMENT, Manager, store, iterations={"SCRAM-SHA-256": 4095})
    refused(Status.INVALID_ARGUMENT, Manager, store, max_lifetime=0)


def test_implicit_tokens_and_users_of_the_same_name(store, manager, time):
    token = manager.create("User:alice")
    config = ServerConfig(store=store, clock=time, implicit_tokens=True)

    def plain(password):
        client = Client("SCRAM-SHA-512", username=token.id, password=password)
        return log_in(client, Server(config, "SCRAM-SHA-512"))

    assert plain(token.hmac).token_id == token.id
    store.put_user("SCRAM-SHA-256", token.id, "a user in another mechanism")
    refused(Status.TOKEN_NOT_FOUND, plain, token.hmac)
    assert login(store, token, time)
