"""`scramtoken store`: check, backup and stats of stores that are in use."""

import json

import pytest

from harness.kafka.cli import scramtoken

from .processes import Holder, python


@pytest.fixture
def uri(tmp_path):
    uri = f"lmdb:{tmp_path}/store"
    python(
        """
        store = library.open(sys.argv[1])
        for mechanism in SHA_256, SHA_512:
            store.put_user("alice", "pencil", mechanism)
        """,
        uri,
    )
    return uri


def store(action, uri, *arguments):
    return scramtoken("store", action, "--store", uri, *arguments)


def test_check(uri):
    with Holder(uri):
        done = store("check", uri, "--output", "json")
    assert (done.returncode, done.stderr) == (0, "")
    check = json.loads(done.stdout)
    assert check == {"records": 5, "to_sweep": 0, "problems": [], "more_problems": 0}
    done = store("check", uri)
    assert done.returncode == 0
    assert [line.split() for line in done.stdout.splitlines()] == [
        ["records", "5"],
        ["tokens", "of", "removed", "keys", "0"],
        ["problems", "0"],
    ]


def test_check_of_a_damaged_store(uri, tmp_path):
    data = tmp_path / "store" / "data.mdb"
    damaged = data.read_bytes().replace(b"\x00\x00\x00\x05alice", b"\x00\x00\x00\x05alicf")
    data.write_bytes(damaged)
    done = store("check", uri)
    assert done.returncode == 6
    assert done.stdout.count("the store's table users: the record ") == 2
    assert "the store has 2 damaged records: restore a backup" in done.stderr
    check = json.loads(store("check", uri, "--output", "json").stdout)
    assert len(check["problems"]) == 2


def test_stats(uri):
    done = store("stats", uri, "--output", "json")
    assert done.returncode == 0
    stats = json.loads(done.stdout)
    assert (stats["users"], stats["tokens"], stats["secret_keys"]) == (2, 0, 0)
    assert 0 < stats["file_bytes"] < stats["max_file_bytes"]
    assert "users                              2\n" in store("stats", uri).stdout


def test_backup(uri, tmp_path):
    backup = tmp_path / "backup"
    with Holder(uri) as holder:
        done = store("backup", uri, "--out", backup)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    python(
        """
        store = library.open(sys.argv[1], read_only=True)
        assert store.users() == ["alice", "alice", f"of-{sys.argv[2]}"], store.users()
        assert store.log_in("alice", "pencil", SHA_512) == "OK"
        """,
        f"lmdb:{backup}",
        holder.pid,
    )
    done = store("backup", uri, "--out", backup)
    assert done.returncode == 6
    assert "there is something already" in done.stderr


def test_what_is_no_store(tmp_path):
    for action in ("check", "stats"):
        done = store(action, f"lmdb:{tmp_path}/nowhere")
        assert done.returncode == 6
        assert "there is no store" in done.stderr
        assert store(action, "memory:").returncode == 2
    assert not (tmp_path / "nowhere").exists()
