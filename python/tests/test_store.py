"""Stores: users, servers that look them up, and what cannot be opened."""

import os
import threading

import pytest
from exchange import HMAC, MECHANISMS, TOKEN, alice, log_in, run_python, token

import scramtoken
from scramtoken import Server, ServerConfig, Status, Store, StoredUser


@pytest.fixture(params=["memory:", "lmdb:"])
def store(request, tmp_path):
    uri = request.param if request.param == "memory:" else f"lmdb:{tmp_path / 'store'}"
    with Store.open(uri) as store:
        yield store


def server(store, **options):
    return Server(ServerConfig(store=store, **options), "SCRAM-SHA-512")


def refused(status, call, *arguments, **options):
    with pytest.raises(scramtoken.ScramTokenError) as caught:
        call(*arguments, **options)
    assert caught.value.status == status, caught.value
    return str(caught.value)


def test_a_user_comes_changes_and_goes(store):
    refused(Status.UNKNOWN_USER, log_in, alice(), server(store))
    store.put_user("SCRAM-SHA-512", "alice", "wonderland")
    assert log_in(alice(), server(store)).name == "alice"
    store.put_user("SCRAM-SHA-512", "alice", "looking-glass", 8192)
    refused(Status.INVALID_PROOF, log_in, alice(), server(store))
    assert log_in(alice("looking-glass"), server(store))
    store.delete_user("SCRAM-SHA-512", "alice")
    refused(Status.UNKNOWN_USER, log_in, alice("looking-glass"), server(store))
    refused(Status.USER_NOT_FOUND, store.delete_user, "SCRAM-SHA-512", "alice")


def test_a_credential_that_was_derived_elsewhere(store):
    credential = scramtoken.derive("SCRAM-SHA-512", "wonderland", b"some salt", 5000)
    store.put_credential("SCRAM-SHA-512", "alice", credential)
    assert log_in(alice(), server(store))
    assert store.users() == [StoredUser("alice", "SCRAM-SHA-512", 5000)]


def test_a_token_of_another_authority_comes_changes_and_goes(store):
    refused(Status.TOKEN_NOT_FOUND, log_in, token(), server(store))
    store.put_token("token-1", "User:alice", hmac=HMAC, expiry_ms=None)
    verdict = log_in(token(), server(store))
    assert (verdict.name, verdict.token_id, verdict.expiry_ms) == ("alice", "token-1", None)
    store.put_token("token-1", "User:alice", hmac=HMAC.encode(), expiry_ms=1000)
    refused(Status.TOKEN_EXPIRED, log_in, token(), server(store))
    credentials = {"SCRAM-SHA-512": TOKEN}
    store.put_token("token-1", "User:bob", credentials=credentials, expiry_ms=1 << 45)
    assert log_in(token(), server(store)).name == "bob"
    store.delete_token("token-1")
    refused(Status.TOKEN_NOT_FOUND, log_in, token(), server(store))
    refused(Status.TOKEN_NOT_FOUND, store.delete_token, "token-1")


def test_what_cannot_be_a_token(store):
    def put(status, owner="User:alice", expiry_ms=None, **options):
        text = refused(status, store.put_token, "id", owner, expiry_ms=expiry_ms, **options)
        assert HMAC not in text

    put(Status.INVALID_ARGUMENT)
    put(Status.INVALID_ARGUMENT, hmac=HMAC, credentials={"SCRAM-SHA-512": TOKEN})
    put(Status.INVALID_ARGUMENT, hmac="", credentials={"SCRAM-SHA-512": TOKEN})
    put(Status.INVALID_ARGUMENT, credentials={"SCRAM-SHA-256": TOKEN})  # of the other mechanism
    put(Status.UNSUPPORTED_MECHANISM, credentials={"PLAIN": TOKEN})
    put(Status.INVALID_ARGUMENT, "alice", hmac=HMAC)
    put(Status.INVALID_PRINCIPAL_TYPE, "Group:alice", hmac=HMAC)
    put(Status.INVALID_ARGUMENT, hmac=HMAC + "\n")
    refused(Status.TOKEN_NOT_FOUND, store.delete_token, "id")


def test_users_are_listed_by_name(store):
    expected = []
    for number in range(600):
        mechanism = MECHANISMS[number % 2]
        credential = scramtoken.derive(mechanism, "password", b"salt", 1)
        store.put_credential(mechanism, f"user-{number:03}", credential)
        expected.append(StoredUser(f"user-{number:03}", mechanism, 1))
    assert store.users() == expected


def test_rights_of_ones_own_group_are_taken_away_and_said_once(tmp_path, caplog):
    place = tmp_path / "store"
    Store.open(f"lmdb:{place}").close()
    place.chmod(0o2770)  # as a Kubernetes volume with fsGroup does
    for _ in range(2):
        Store.open(f"lmdb:{place}").close()
    assert place.stat().st_mode & 0o777 == 0o700
    (said,) = [record.getMessage() for record in caplog.records]
    assert "had rights on it" in said


def test_a_config_keeps_its_store(tmp_path):
    store = Store.open("memory:")
    store.put_user("SCRAM-SHA-512", "alice", "wonderland")
    config = ServerConfig(store=store)
    store.close()
    refused(Status.INVALID_STATE, store.users)
    assert log_in(alice(), Server(config, "SCRAM-SHA-512"))


def test_two_openings_see_each_other(tmp_path):
    uri = f"lmdb:{tmp_path / 'store'}"
    with Store.open(uri) as one, Store.open(uri) as other:
        one.put_user("SCRAM-SHA-512", "alice", "wonderland")
        assert other.users() == one.users() != []
        with Store.open(uri, read_only=True) as reader:
            assert log_in(alice(), server(reader))
            refused(Status.INVALID_STATE, reader.delete_user, "SCRAM-SHA-512", "alice")
    with Store.open(uri) as again:
        assert [user.name for user in again.users()] == ["alice"]


def test_another_process_sees_it_at_once(tmp_path):
    uri = f"lmdb:{tmp_path / 'store'}"
    with Store.open(uri) as store:
        run_python(
            "import scramtoken\n"
            f"with scramtoken.Store.open({uri!r}) as store:\n"
            "    store.put_user('SCRAM-SHA-512', 'alice', 'wonderland')\n"
        )
        assert log_in(alice(), server(store))


def test_not_after_a_fork(tmp_path):
    said = run_python(
        "import os, scramtoken\n"
        f"store = scramtoken.Store.open('lmdb:{tmp_path / 'store'}')\n"
        "child = os.fork()\n"
        "if child == 0:\n"
        "    try:\n"
        "        store.users()\n"
        "    except scramtoken.InvalidStateError as error:\n"
        "        print(error, flush=True)\n"
        "        os._exit(0)\n"
        "    os._exit(1)\n"
        "assert os.waitpid(child, 0)[1] == 0\n"
        "assert store.users() == []\n"
    )
    assert "fork" in said


def test_many_threads(store):
    store.put_user("SCRAM-SHA-512", "alice", "wonderland")
    config = ServerConfig(store=store)
    outcomes = []

    def many():
        for _ in range(5):
            outcomes.append(bool(log_in(alice(), Server(config, "SCRAM-SHA-512"))))

    threads = [threading.Thread(target=many) for _ in range(4)]
    for thread in threads:
        thread.start()
    for number in range(20):
        store.put_user("SCRAM-SHA-256", f"user-{number}", "password")
    for thread in threads:
        thread.join()
    assert outcomes == [True] * 20


@pytest.mark.parametrize("uri", ["", "sqlite:/tmp/x", "lmdb:", "lmdb:relative", "memory:x"])
def test_other_uris(uri):
    refused(Status.INVALID_ARGUMENT, Store.open, uri)


def test_what_cannot_be_opened(tmp_path):
    refused(Status.IO, Store.open, f"lmdb:{tmp_path / 'no' / 'parent'}")
    refused(Status.IO, Store.open, f"lmdb:{tmp_path / 'missing'}", read_only=True)
    (tmp_path / "shared").mkdir()
    os.chmod(tmp_path / "shared", 0o755)
    assert "chmod 700" in refused(Status.PERMISSIONS, Store.open, f"lmdb:{tmp_path / 'shared'}")


def test_arguments(store):
    refused(Status.UNSUPPORTED_MECHANISM, store.put_user, "PLAIN", "alice", "wonderland")
    refused(Status.INVALID_ARGUMENT, store.put_user, "SCRAM-SHA-512", "", "wonderland")
    secret = refused(Status.INVALID_ARGUMENT, store.put_user, "SCRAM-SHA-512", "a\0", "wonderland")
    assert "wonderland" not in secret
    with pytest.raises(TypeError):
        ServerConfig(store="memory:")
    with pytest.raises(ValueError, match="not both"):
        ServerConfig(store=store, lookup=lambda *_: None)
    with pytest.raises(TypeError):
        Store()
