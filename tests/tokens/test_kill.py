"""Writers killed by SIGKILL at any moment: what they acknowledged is there, nothing by halves."""

import json
import os
import random
import subprocess
import sys
import time

import pytest

from harness.kafka.cli import PROGRAM, scramtoken
from harness.paths import ROOT
from harness.process import start, stop
from scramtoken import InvalidArgumentError, Store, TokenManager

from .logins import lets_in
from .writer import MECHANISM, OWNERS, secret_of

times = pytest.mark.parametrize(
    "kills", [20, pytest.param(400, marks=[pytest.mark.long, pytest.mark.timeout(1800)])]
)
times_importing = pytest.mark.parametrize(
    "kills", [5, pytest.param(100, marks=[pytest.mark.long, pytest.mark.timeout(1800)])]
)


@pytest.fixture
def rng():
    seed = int(os.environ.get("SCRAMTOKEN_SEED", random.SystemRandom().getrandbits(32)))
    print(f"SCRAMTOKEN_SEED={seed} repeats the operations, not the moments")
    return random.Random(seed)


def check(uri):
    done = scramtoken("store", "check", "--store", uri)
    assert done.returncode == 0, done.stdout + done.stderr


class Model:
    """What the store must hold, by what was acknowledged."""

    def __init__(self, uri):
        self.uri = uri
        self.now_ms = 4_000_000_000_000  # no token ends by the clock of the servers that are tried
        self.keys = ["key0"]  # the last one signs
        self.tokens = {}  # HMAC -> (owner, expiry, name of its key)
        self.users = set()
        # Tokens of keys whose removal was not acknowledged; some may be left to sweep.
        self.ended = 0
        self.next = 0
        self.acknowledged = {}

    def state(self, seed):
        tokens = [(owner, hmac) for hmac, (owner, _, _) in self.tokens.items()]
        return json.dumps(
            {
                "seed": seed, "now_ms": self.now_ms, "next": self.next, "keys": self.keys,
                "tokens": tokens, "users": sorted(self.users),
            }
        )  # fmt: skip

    def apply(self, begun, result):
        """An operation that was acknowledged; `result` is what it gave."""
        operation = begun["begin"]
        self.acknowledged[operation] = self.acknowledged.get(operation, 0) + 1
        if operation == "create":
            self.tokens[result["hmac"]] = (result["owner"], result["expiry_ms"], self.keys[-1])
        elif operation == "renew" or (operation == "expire" and begun["period_ms"] >= 0):
            owner, _, key = self.tokens[begun["hmac"]]
            self.tokens[begun["hmac"]] = (owner, result, key)
        elif operation == "expire":
            del self.tokens[begun["hmac"]]
        elif operation == "sweep":
            expired = self.expired()
            assert len(expired) <= result <= len(expired) + self.ended
            self.ended = 0
            self.remove(expired)
        elif operation == "add_secret_key":
            self.keys.append(begun["name"])
        elif operation == "remove_secret_key":
            ended = self.of_key(begun["name"])
            assert result == len(ended)
            self.remove(ended)
            self.keys.remove(begun["name"])
        elif operation == "put_user":
            self.users.add(begun["name"])
        elif operation == "delete_user":
            self.users.remove(begun["name"])

    def expired(self):
        return {hmac for hmac, (_, expiry_ms, _) in self.tokens.items() if expiry_ms < self.now_ms}

    def of_key(self, name):
        return {hmac for hmac, (_, _, key) in self.tokens.items() if key == name}

    def remove(self, hmacs):
        self.tokens = {hmac: token for hmac, token in self.tokens.items() if hmac not in hmacs}

    def compare(self, begun):
        """The store holds all that was acknowledged, with the operation that was begun and not
        acknowledged either whole or not at all; which of the two, it is asked."""
        check(self.uri)
        with Store.open(self.uri) as store:
            users = {user.name for user in store.users()}
            tokens = self.read_tokens(store, begun)
            for hmac in list(tokens)[:1]:
                assert lets_in(store, MECHANISM, token_id=tokens[hmac].id, hmac=hmac)
        operation = begun and begun["begin"]
        if operation in ("put_user", "delete_user"):
            assert users ^ self.users <= {begun["name"]}
            self.users = users
        assert users == self.users

        is_there = set(tokens)
        gone, new = set(self.tokens) - is_there, is_there - set(self.tokens)
        if operation == "create":
            assert len(new) <= 1 and not gone
            for hmac in new:
                self.tokens[hmac] = (tokens[hmac].owner, tokens[hmac].expiry_ms, self.keys[-1])
        elif operation == "sweep":
            assert gone in (set(), self.expired()) and not new
        elif operation == "remove_secret_key":
            assert gone in (set(), self.of_key(begun["name"])) and not new
        elif operation == "expire":
            assert gone <= {begun["hmac"]} and not new
        else:
            assert not gone and not new
        self.remove(gone)
        for hmac, token in tokens.items():
            owner, before_ms, key = self.tokens[hmac]
            if operation in ("renew", "expire") and hmac == begun["hmac"]:
                span_ms = 60_000 if operation == "renew" else begun["period_ms"]
                assert token.expiry_ms in (before_ms, self.now_ms + span_ms)
            else:
                assert token.expiry_ms == before_ms
            self.tokens[hmac] = (owner, token.expiry_ms, key)

    def read_tokens(self, store, begun):
        """{HMAC: token}; also finds out whether a key was registered or removed."""
        with TokenManager(store, clock=lambda: self.now_ms) as manager:
            if begun and begun["begin"] == "add_secret_key":
                self.keys.append(begun["name"])  # known from here on at the latest
            for name in list(self.keys):
                try:
                    manager.add_secret_key(name, secret_of(name))
                except InvalidArgumentError:
                    assert begun["begin"] == "remove_secret_key" and begun["name"] == name
                    self.keys.remove(name)
                    self.ended += len(self.of_key(name))
                    self.remove(self.of_key(name))
            found = [token for owner in OWNERS for token in manager.describe(owner)]
            assert all(token.hmac for token in found)
            return {token.hmac: token for token in found}


@times
def test_writers(kills, rng, tmp_path):
    model = Model(f"lmdb:{tmp_path / 'store'}")
    for _ in range(kills):
        begun = None
        for line in killed_writer(model, rng):
            if "begin" in line:
                assert begun is None
                begun = line
                model.now_ms = line["now_ms"]
                model.next += line["begin"] in ("put_user", "add_secret_key")
            elif "done" in line:
                model.apply(begun, line["done"])
                begun = None
            elif "failed" in line:
                assert line["failed"] in ("TOKEN_NOT_FOUND", "TOKEN_EXPIRED"), (begun, line)
                begun = None
        model.compare(begun)
    print(model.acknowledged)
    assert len(model.acknowledged) == 8


def killed_writer(model, rng):
    """The lines of a writer that is killed some milliseconds after it began to write."""
    argv = [sys.executable, "-m", "tests.tokens.writer", model.uri]
    environment = os.environ | {"PYTHONPATH": str(ROOT / "python")}
    pipe = subprocess.PIPE
    writer = start(argv, cwd=ROOT, env=environment, stdin=pipe, stdout=pipe)
    try:
        writer.stdin.write(model.state(rng.getrandbits(32)).encode())
        writer.stdin.close()
        ready = json.loads(writer.stdout.readline())
        assert ready == {"ready": True}
        time.sleep(rng.random() * rng.choice([0.005, 0.05, 0.3]))
        writer.kill()
        lines = writer.stdout.read().split(b"\n")
        return [json.loads(line) for line in lines[:-1]]  # the last one is not whole
    finally:
        stop(writer)


@times_importing
def test_imports(kills, rng, tmp_path):
    """An import has written the users of the first lines, and the next one writes the rest."""
    users = [f"user{number}" for number in range(3000)]
    file = tmp_path / "users"
    file.touch(0o600)
    file.write_text("".join(f"{name}:a password of {name}\n" for name in users))
    stopped_halfway = 0
    for _ in range(kills):
        uri = f"lmdb:{tmp_path / str(rng.getrandbits(64))}"
        argv = [PROGRAM, "configs", "--store", uri, "--import", file]
        argv += ["--add-config", "SCRAM-SHA-256="]
        importer = start(argv, stdout=subprocess.DEVNULL)
        try:
            time.sleep(rng.random() * 1.5)
        finally:
            stop(importer)
        with Store.open(uri) as store:  # which the importer may not even have made
            imported = {user.name for user in store.users()}
        check(uri)
        assert imported == set(users[: len(imported)])
        stopped_halfway += 0 < len(imported) < len(users)
        if rng.random() < 0.1:
            done = scramtoken(*argv[1:], "--skip-existing")
            assert done.returncode == 0, done.stderr
            assert f"importing {len(users) - len(imported)} users" in done.stdout
            with Store.open(uri) as store:
                assert sorted(users) == [user.name for user in store.users()]
    assert stopped_halfway
