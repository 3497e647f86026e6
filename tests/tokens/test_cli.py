"""`scramtoken` on a store in place of a cluster, as whole processes."""

import json
import os
import pty
import re
import stat
import subprocess
import time
from base64 import b64decode

import pytest

from harness.kafka.cli import PROGRAM, scramtoken
from scramtoken import ScramTokenError, Store, TokenManager

from .logins import MECHANISMS, lets_in

ALICE = "User:alice"
BOB = "User:bob"


@pytest.fixture
def store(tmp_path):
    return f"lmdb:{tmp_path / 'store'}"


@pytest.fixture
def key(tmp_path):
    return generate(tmp_path / "first.key")


def generate(path):
    done = scramtoken("secret-key", "generate", "--out", path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    return path


@pytest.fixture
def tokens(store, key):
    """Runs delegation-tokens on the store as somebody, with the key unless others are given."""

    def run(who, *arguments, keys=("--secret-key-file", key), **options):
        where = ["--store", store, "--as", who, *keys]
        return scramtoken("delegation-tokens", *where, *arguments, **options)

    return run


def succeed(done):
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def create(tokens, who, *arguments, **options):
    """A token as JSON."""
    new = ["--create", "--max-life-time-period", "-1", "--output", "json"]
    return json.loads(succeed(tokens(who, *new, *arguments, **options)))


# ---- delegation-tokens ----


def test_a_token_lives_and_dies(tokens, tmp_path):
    file = tmp_path / "token.json"
    made = tokens(
        ALICE, "--create", "--max-life-time-period", "-1", "--renewer-principal", BOB,
        "--output", "token-file", "--out", file,
    )  # fmt: skip
    assert succeed(made) == ""
    token = json.loads(file.read_text())
    assert token["owner"] == ALICE
    day_ms = 86_400_000
    assert token["expiry_timestamp_ms"] == token["issue_timestamp_ms"] + day_ms
    assert token["max_timestamp_ms"] == token["issue_timestamp_ms"] + 7 * day_ms

    renewed = tokens(BOB, "--renew", "--renew-time-period", "60000", "--hmac-file", file)
    assert re.search(r"Completed renew operation. New expiry date : \d{4}-\d\d-", succeed(renewed))
    refused = tokens("User:eve", "--renew", "--renew-time-period", "1", "--hmac-file", file)
    assert refused.returncode == 1
    assert "neither the token's owner nor a renewer" in refused.stderr
    expire = ["--expire", "--expiry-time-period", "-1", "--hmac-file", file]
    assert "Completed expire operation" in succeed(tokens(ALICE, *expire))
    gone = tokens(ALICE, *expire)
    assert (gone.returncode, "no token has this HMAC" in gone.stderr) == (1, True)
    assert token["hmac"] not in refused.stderr + gone.stderr


def test_renewals_that_reach_the_end_for_good_say_so(tokens, tmp_path):
    made = tokens(ALICE, "--create", "--max-life-time-period", "120000", "--output", "json")
    hmac = tmp_path / "hmac"
    hmac.touch(mode=0o600)
    hmac.write_text(json.loads(succeed(made))["hmac"])
    for period, ends in (("-1", True), ("1000", False), ("600000", True)):
        done = tokens(ALICE, "--renew", "--renew-time-period", period, "--hmac-file", hmac)
        assert done.returncode == 0, done.stderr
        assert ("ends for good at" in done.stderr) == ends, period


def test_principals_without_a_name_are_as_in_kafka(tokens):
    token = create(tokens, ALICE, "--owner-principal", "User:", "--renewer-principal", "User:")
    assert (token["owner"], token["renewers"]) == (ALICE, ["User:"])
    assert tokens("User:", "--describe").returncode == 2


def test_an_ended_token_has_its_own_exit_code(tokens, tmp_path):
    token = create(tokens, ALICE)
    hmac = tmp_path / "hmac"
    hmac.write_text(token["hmac"])
    hmac.chmod(0o600)
    ended = ["--expire", "--expiry-time-period", "0", "--hmac-file", hmac]
    succeed(tokens(ALICE, *ended))
    time.sleep(0.01)  # its last millisecond still counts
    assert tokens(ALICE, *ended).returncode == 5


def test_a_sweep_removes_what_has_ended(tokens, store, tmp_path):
    kept, ended = create(tokens, ALICE), create(tokens, ALICE)
    hmac = tmp_path / "hmac"
    hmac.write_text(ended["hmac"])
    hmac.chmod(0o600)
    succeed(tokens(ALICE, "--expire", "--expiry-time-period", "0", "--hmac-file", hmac))
    time.sleep(0.01)  # its last millisecond still counts
    for swept in (1, 0):
        done = scramtoken("store", "sweep", "--store", store)
        assert succeed(done) == f"Tokens that had ended and were removed: {swept}\n"
    described = tokens(ALICE, "--describe", "--owner-principal", ALICE, "--output", "json")
    assert json.loads(succeed(described)) == [kept]


def test_the_table_is_that_of_kafkas_tool(tokens):
    made = succeed(tokens(ALICE, "--create", "--max-life-time-period", "-1"))
    assert made.startswith(
        "Calling create token operation with renewers :[] , max-life-time-period :-1"
    )
    header = r"\nTOKENID +HMAC +OWNER +REQUESTER +RENEWERS +ISSUEDATE +EXPIRYDATE +MAXDATE +\n"
    assert re.search(header, made)
    described = succeed(tokens(ALICE, "--describe", "--owner-principal", ALICE))
    assert "Total number of tokens : 1" in described
    assert made[made.index("\nTOKENID") :] in described
    nothing = tokens(ALICE, "--describe")
    assert nothing.returncode == 0
    assert "Total number of tokens : 0" in nothing.stdout
    assert "--owner-principal" in nothing.stderr


def test_tokens_for_others(tokens):
    token = create(tokens, "User:admin", "--owner-principal", BOB)
    assert (token["owner"], token["requester"]) == (BOB, "User:admin")
    described = tokens(ALICE, "--describe", "--owner-principal", BOB, "--output", "json")
    assert json.loads(succeed(described)) == [token]


def test_secret_keys_rotate(tokens, store, key, tmp_path):
    old = create(tokens, ALICE)
    second = generate(tmp_path / "second.key")
    both = ["--secret-key-file", f"{second}=2027", "--secret-key-file", key]
    new = create(tokens, ALICE, keys=both)
    describe = ["--describe", "--owner-principal", ALICE, "--output", "json"]
    described = json.loads(succeed(tokens(ALICE, *describe, keys=both)))
    assert sorted(described, key=str) == sorted([old, new], key=str)
    hmacs = {token["hmac"] for token in json.loads(succeed(tokens(ALICE, *describe)))}
    assert hmacs == {old["hmac"], None}

    removed = scramtoken("secret-key", "remove", "--store", store, "first.key")
    assert "tokens that ended: 1" in succeed(removed)
    again = scramtoken("secret-key", "remove", "--store", store, "first.key")
    assert "tokens that ended: 0" in succeed(again)
    unknown = scramtoken("secret-key", "remove", "--store", store, "third.key")
    assert (unknown.returncode, "no secret key" in unknown.stderr) == (2, True)
    refused = tokens(ALICE, *describe)
    assert (refused.returncode, "was removed" in refused.stderr) == (2, True)
    only = ["--secret-key-file", f"{second}=2027"]
    assert json.loads(succeed(tokens(ALICE, *describe, keys=only))) == [new]


def test_a_secret_key_from_the_environment(tokens, store, key, monkeypatch):
    monkeypatch.setenv("TOKEN_KEY", key.read_text().rstrip("\n"))
    token = create(tokens, ALICE, keys=["--secret-key-env", "TOKEN_KEY=first.key"])
    described = tokens(ALICE, "--describe", "--owner-principal", ALICE, "--output", "json")
    assert json.loads(succeed(described)) == [token]
    secret = key.read_text().rstrip("\n")
    with Store.open(store) as opened, TokenManager(opened, {"first.key": secret}) as manager:
        assert [found.hmac for found in manager.describe(ALICE)] == [token["hmac"]]
    missing = tokens(ALICE, "--describe", keys=["--secret-key-env", "NO_KEY"])
    assert (missing.returncode, "NO_KEY" in missing.stderr) == (6, True)


def test_a_generated_key(key):
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert len(b64decode(key.read_text(), validate=False)) == 32
    before = key.read_text()
    again = scramtoken("secret-key", "generate", "--out", key)
    assert (again.returncode, "is there already" in again.stderr) == (2, True)
    assert key.read_text() == before


@pytest.mark.parametrize(
    "words",
    [
        ["delegation-tokens", "--describe"],
        ["delegation-tokens", "--expire", "--expiry-time-period", "-1", "--hmac", "aG1hYw=="],
        ["configs", "--describe"],
        ["configs", "--alter", "--user", "bob", "--delete-config", "SCRAM-SHA-256"],
        ["secret-key", "remove", "key"],
        ["store", "sweep"],
    ],
    ids=lambda words: " ".join(words[:2]),
)
def test_a_mistyped_store_stays_missing(words, key, tmp_path):
    place = tmp_path / "mistyped"
    authority = ["--secret-key-file", key, "--as", ALICE] if "tokens" in words[0] else []
    done = scramtoken(*words, "--store", f"lmdb:{place}", *authority)
    assert (done.returncode, done.stdout) == (6, "")
    assert "there is no store" in done.stderr
    assert not place.exists()


def test_secret_keys_that_are_not_taken(tokens, key, tmp_path):
    def refused(*keys):
        done = tokens(ALICE, "--describe", keys=keys)
        assert done.stdout == ""
        return done.returncode, done.stderr

    create(tokens, ALICE)
    short = tmp_path / "short"
    short.write_text("fifteen bytes..\n")
    short.chmod(0o600)
    assert refused("--secret-key-file", tmp_path / "none")[0] == 6
    code, text = refused("--secret-key-file", short)
    assert (code, "15 bytes" in text, "fifteen" in text) == (2, True, False)
    key.chmod(0o644)
    code, text = refused("--secret-key-file", key)
    assert (code, "chmod 600" in text) == (6, True)
    assert refused()[0] == 2


@pytest.mark.parametrize(
    "words",
    [
        ["--store", "lmdb:/s", "--bootstrap-server", "h:1", "--as", ALICE, "--describe"],
        ["--store", "lmdb:/s", "--command-config", "f", "--as", ALICE, "--describe"],
        ["--bootstrap-server", "h:1", "--as", ALICE, "--describe"],
        ["--bootstrap-server", "h:1", "--secret-key-file", "f", "--describe"],
        ["--as", ALICE, "--describe"],
        ["--store", "memory:", "--as", ALICE, "--secret-key-env", "HOME", "--describe"],
        ["--store", "lmdb:relative", "--as", ALICE, "--secret-key-env", "HOME", "--describe"],
        ["--store", "lmdb:/s", "--as", "alice", "--secret-key-file", "f", "--describe"],
    ],
)
def test_command_lines_that_cannot_be(words):
    done = scramtoken("delegation-tokens", *words)
    assert (done.returncode, done.stdout) == (2, ""), done.stderr


def test_who_asks_is_said(store, key):
    done = scramtoken("delegation-tokens", "--store", store, "--secret-key-file", key, "--describe")
    assert (done.returncode, "--as" in done.stderr) == (2, True)


# ---- configs ----


def configs(store, *arguments, **options):
    return scramtoken("configs", "--store", store, *arguments, **options)


def users(store):
    described = succeed(configs(store, "--describe", "--output", "json"))
    return {user["user"]: user["credentials"] for user in json.loads(described)}


def both(iterations=4096):
    return [{"mechanism": mechanism, "iterations": iterations} for mechanism in MECHANISMS]


def test_users_of_a_store(store):
    added = "SCRAM-SHA-256=[iterations=8192],SCRAM-SHA-512="
    for name in ("alice", "bob"):
        done = configs(
            store, "--alter", "--user", name, "--add-config", added, "--password-file", "-",
            stdin="pencil",
        )  # fmt: skip
        assert succeed(done) == f"Completed updating config for user {name}.\n"
    line = "SCRAM-SHA-256=iterations=8192, SCRAM-SHA-512=iterations=4096"
    assert succeed(configs(store, "--describe", "--user", "alice")) == (
        f"SCRAM credential configs for user-principal 'alice' are {line}\n"
    )
    delete = ["--alter", "--user", "bob", "--delete-config", "SCRAM-SHA-512"]
    succeed(configs(store, *delete))
    assert users(store)["bob"] == [{"mechanism": "SCRAM-SHA-256", "iterations": 8192}]
    missing = configs(store, *delete)
    assert (missing.returncode, "there is no user" in missing.stderr) == (1, True)
    nobody = configs(store, "--describe", "--user", "nobody")
    assert (nobody.returncode, nobody.stdout) == (0, "")
    assert "there is no SCRAM user of the name 'nobody'" in nobody.stderr


@pytest.fixture
def file(tmp_path):
    """Writes a file of users."""

    def write(text, mode=0o600):
        path = tmp_path / "users"
        path.touch()
        path.chmod(mode)
        path.write_text(text)
        return path

    return write


def test_an_import(store, file):
    many = [f"user {number}" for number in range(600)]  # more than a transaction
    text = "".join(f"{name}\tsecret:{name}\n" for name in many)
    path = file("alice:se:cret\n\n" + text + "zoë:x")
    done = configs(store, "--import", path)
    assert succeed(done) == "Completed importing 602 users.\n"
    assert users(store) == dict.fromkeys(["alice", *many, "zoë"], both())

    again = configs(store, "--import", path, "--skip-existing")
    assert succeed(again) == "Completed importing 0 users, and left 602 alone that were there.\n"
    other = ["--add-config", "SCRAM-SHA-512=[iterations=5000]"]
    one = configs(store, "--import", file('{"username": "c\\n", "password": "p"}\n'), *other)
    assert succeed(one) == "Completed importing 1 users.\n"
    assert users(store)["c\n"] == [{"mechanism": "SCRAM-SHA-512", "iterations": 5000}]


def test_passwords_of_an_import_are_those_of_the_file(store, file):
    succeed(configs(store, "--import", file("alice:se:cret\nbob\tp\ta\n")))
    with Store.open(store) as opened:
        for mechanism in MECHANISMS:
            assert lets_in(opened, mechanism, username="alice", password="se:cret")
            assert lets_in(opened, mechanism, username="bob", password="p\ta")
            assert not lets_in(opened, mechanism, username="bob", password="p")


def test_an_import_ends_at_the_line_that_is_wrong(store, file):
    path = file("".join(f"u{number}:x\n" for number in range(300)) + "s3cret\nlast:x\n")
    done = configs(store, "--import", path)
    assert (done.returncode, done.stdout) == (6, "")
    assert f"{path}: line 301: " in done.stderr
    assert "--skip-existing" in done.stderr and "s3cret" not in done.stderr
    assert users(store) == {f"u{number}": both() for number in range(300)}

    empty = configs(store, "--import", file("a:x\nb:\nc:x\n"))
    assert (empty.returncode, "line 2: the password is empty" in empty.stderr) == (6, True)
    assert set(users(store)) == {"a", *(f"u{number}" for number in range(300))}


def test_an_import_takes_no_byte_order_mark_for_a_name(store, file):
    succeed(configs(store, "--import", file("\ufeffalice:x\n")))
    assert set(users(store)) == {"alice"}
    path = file("")
    path.write_bytes("\ufeffalice:x\n".encode("utf-16-le"))
    done = configs(store, "--import", path)
    assert (done.returncode, "byte order mark" in done.stderr) == (6, True)


@pytest.mark.parametrize(
    "text",
    [
        '[{"username": "a", "password": "s3cret"}]',
        '[\n  {"username": "a", "password": "s3cret"}\n]\n',
        "# our users: s3cret\n",
        '"a": "s3cret"\n',
        "a: s3cret\n",
        "- a:s3cret\rb:s3cret\r",
    ],
)
def test_files_of_another_kind_are_not_imported(store, file, text):
    done = configs(store, "--import", file(text))
    assert done.returncode == 6
    assert "line 1: " in done.stderr and "s3cret" not in done.stderr
    assert users(store) == {}


def test_iterations_of_a_store_are_those_that_clients_accept(store):
    added = "SCRAM-SHA-256=[iterations=20000]"
    alter = ["--alter", "--user", "a", "--password-file", "-", "--add-config"]
    succeed(configs(store, *alter, added, stdin="x"))
    assert users(store)["a"] == [{"mechanism": "SCRAM-SHA-256", "iterations": 20000}]
    done = configs(store, *alter, "SCRAM-SHA-256=[iterations=1000001]", stdin="x")
    assert (done.returncode, "clients accept" in done.stderr) == (2, True)
    assert "Kafka" not in done.stderr


def test_imports_that_cannot_be(store, file, tmp_path):
    exposed = configs(store, "--import", file("a:x", mode=0o640))
    assert (exposed.returncode, "chmod 600" in exposed.stderr) == (6, True)
    assert configs(store, "--import", tmp_path / "none").returncode == 6
    path = file("a:x")
    for words in (
        ["--import", path, "--alter", "--user", "a"],
        ["--import", path, "--user", "a"],
        ["--import", path, "--add-config", "SCRAM-SHA-256=[password=x]"],
        ["--import", path, "--add-config", "SCRAM-SHA-256=[iterations=1]"],
        ["--describe", "--skip-existing"],
    ):
        assert configs(store, *words).returncode == 2, words
    assert scramtoken("configs", "--bootstrap-server", "h:1", "--import", path).returncode == 2
    assert not (tmp_path / "store").exists()


def test_an_import_shows_its_progress_in_a_terminal(store, file):
    path = file("".join(f"u{number}:x\n" for number in range(600)))
    controller, terminal = pty.openpty()
    argv = [PROGRAM, "configs", "--store", store, "--import", path]
    with subprocess.Popen(
        argv, stdin=subprocess.DEVNULL, stdout=terminal, stderr=terminal
    ) as child:
        os.close(terminal)
        shown = b""
        try:
            while data := os.read(controller, 4096):
                shown += data
        except OSError:  # the terminal's other end is closed
            pass
        finally:
            os.close(controller)
    assert child.returncode == 0
    assert b"%" in shown and b"256 users" in shown
    assert b"Completed importing 600 users." in shown


def test_a_store_without_rights_is_refused(store, tmp_path):
    (tmp_path / "store").mkdir(mode=0o755)
    done = configs(store, "--describe")
    assert done.returncode == 6
    with pytest.raises(ScramTokenError) as refused:
        Store.open(store)
    assert refused.value.name == "PERMISSIONS"
