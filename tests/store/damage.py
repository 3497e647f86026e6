"""A small store with one of everything, and what a damaged copy of it answers."""

import collections
import hashlib
import struct
import time
from dataclasses import dataclass, replace

from scramtoken import (
    Client,
    DelegationToken,
    KeyCache,
    ScramTokenError,
    Server,
    ServerConfig,
    Store,
    TokenManager,
    derive,
)

MECHANISMS = {"SCRAM-SHA-256": 1, "SCRAM-SHA-512": 2}
USERS = {"alice": "pencil", "bob": "another pencil"}
SECRETS = {"removed": "the secret of a removed key", "key": "the secret of a key in use"}
DAY_MS = 24 * 60 * 60 * 1000
NOW_MS = int(time.time() * 1000)

PAGE, IS_LEAF = 4096, 2

# What a look comes to, the worst last.
UNHARMED, NOTICED, NOT_FOUND = 0, 10, 11

# Spares each look the hashing. Whoever looks in a child has looked before.
CACHE = KeyCache(100)


@dataclass
class Original:
    """The store before it is damaged: the bytes of its file, and its tokens, both alice's."""

    data: bytes
    token: DelegationToken
    ended: DelegationToken

    def records(self):
        """Where each record's copies are, the current one and older ones, by table and key."""
        found = values(self.data)
        return {(table, key): found[key] for table, keys in self.keys().items() for key in keys}

    def keys(self):
        """The keys of each table's records."""
        tokens = [(token, token.id.encode()) for token in (self.token, self.ended)]
        concerned = [("bob", *tokens[0]), *(("alice", *token) for token in tokens)]
        return {
            "meta": [b"schema-version", b"mock-secret"],
            "users": [sha_256(name) + bytes([n]) for name in USERS for n in MECHANISMS.values()],
            "tokens": [key for _, key in tokens],
            "hmacs": [sha_256(token.hmac)[:8] + key for token, key in tokens],
            "principals": [
                sha_256(f"User:{name}")[:16] + ordered(token.issue_ms) + key
                for name, token, key in concerned
            ],
            "expiries": [ordered(token.expiry_ms) + key for token, key in tokens],
            "keys": [number.to_bytes(4, "big") for number in (1, 2)],
        }


def make(directory):
    """A store with users, secret keys of which one was removed, a token that bob may renew, and
    one that has expired and was not swept."""
    now_ms = NOW_MS - 30 * DAY_MS
    with Store.open(f"lmdb:{directory}") as store:
        with TokenManager(store, SECRETS, clock=lambda: now_ms) as manager:
            manager.create("User:alice")
            manager.set_signing_key("key")
            manager.remove_secret_key("removed")
            ended = manager.create("User:alice")
            now_ms = NOW_MS
            token = manager.create("User:alice", renewers=["User:bob"])
        for name, password in USERS.items():
            for mechanism in MECHANISMS:
                store.put_credential(mechanism, name, derive(mechanism, password, b"salt", 1))
    return Original((directory / "data.mdb").read_bytes(), token, ended)


def values(data):
    """Where the values of each key are in LMDB's leaves, old ones that no tree leads to included.

    A page begins with its number (8 bytes), 2 bytes, flags, the end of its nodes' offsets, which
    follow at 16. A node is the size of the value (low and high half), flags, the size of the key,
    the key, the value."""
    found = collections.defaultdict(list)
    for page in range(0, len(data), PAGE):
        flags, end = struct.unpack_from("<HH", data, page + 10)
        if flags & IS_LEAF:
            for (node,) in struct.iter_unpack("<H", data[page + 16 : page + end]):
                low, high, _, key_size = struct.unpack_from("<HHHH", data, page + node)
                key = page + node + 8
                value = key + key_size
                found[data[key:value]].append(range(value, value + (high << 16 | low)))
    return found


def sha_256(text):
    return hashlib.sha256(text.encode()).digest()


def ordered(time_ms):
    return (time_ms + 2**63).to_bytes(8, "big")


def look(original, directory):
    """What came of looking at a copy of the store, which is different afterwards: UNHARMED, NOTICED
    or NOT_FOUND. A wrong answer is an AssertionError."""
    looking = Look(original)
    looking.ask(looking.at, f"lmdb:{directory}")
    return looking.found


class Look:
    def __init__(self, original):
        self.token, self.ended = original.token, original.ended
        self.found = UNHARMED

    def ask(self, call, *arguments, refused="", **options):
        """What a call returns, or None; `refused`: by which error it is to be refused."""
        try:
            result = call(*arguments, **options)
        except ScramTokenError as error:
            if error.name in ("CORRUPT", "IO"):
                self.note(NOTICED)
            elif error.name != refused:
                assert error.name in ("UNKNOWN_USER", "TOKEN_NOT_FOUND"), error
                self.note(NOT_FOUND)
            return None
        assert not refused, f"{call}{arguments} gave {result}"
        return result

    def note(self, found):
        self.found = max(self.found, found)

    def at(self, uri):
        with Store.open(uri) as store:
            config = ServerConfig(store=store)
            for mechanism in MECHANISMS:
                self.at_users(config, mechanism)
                self.at_tokens(config, mechanism)
            self.ask(self.at_management, store, config)
            mechanism = "SCRAM-SHA-256"
            store.put_credential(mechanism, "dora", derive(mechanism, "pencil", b"salt", 1))
            self.ask(log_in, config, mechanism, username="dora", password="pencil")
            store.users()

    def at_users(self, config, mechanism):
        for name, password in USERS.items():
            verdict = self.ask(log_in, config, mechanism, username=name, password=password)
            assert verdict is None or (verdict.name, verdict.is_token) == (name, False)
            wrong = {"username": name, "password": password + "x"}
            self.ask(log_in, config, mechanism, refused="INVALID_PROOF", **wrong)
        nobody = {"username": "carol", "password": "x"}
        self.ask(log_in, config, mechanism, refused="UNKNOWN_USER", **nobody)

    def at_tokens(self, config, mechanism):
        token, ended = self.token, self.ended
        verdict = self.ask(log_in, config, mechanism, token_id=token.id, hmac=token.hmac)
        if verdict:
            assert (verdict.name, verdict.token_id) == ("alice", token.id)
            assert verdict.expiry_ms == token.expiry_ms
        wrong = {"token_id": token.id, "hmac": ended.hmac}
        self.ask(log_in, config, mechanism, refused="INVALID_PROOF", **wrong)
        late = {"token_id": ended.id, "hmac": ended.hmac}
        self.ask(log_in, config, mechanism, refused="TOKEN_EXPIRED", **late)

    def at_management(self, store, config):
        now_ms = NOW_MS + 1000
        with TokenManager(store, {"key": SECRETS["key"]}, clock=lambda: now_ms) as manager:
            try:
                manager.add_secret_key("removed", SECRETS["removed"])
                self.note(NOT_FOUND)
            except ScramTokenError as error:
                self.note(UNHARMED if error.name == "INVALID_ARGUMENT" else NOTICED)
            self.at_descriptions(manager, "User:alice", [self.token, self.ended])
            self.at_descriptions(manager, "User:bob", [self.token])

            hmac, expiry_ms = self.token.hmac, now_ms + DAY_MS
            self.ask(manager.renew, "User:alice", self.ended.hmac, refused="TOKEN_EXPIRED")
            renewed_ms = self.ask(manager.renew, "User:bob", hmac)
            assert renewed_ms in (None, expiry_ms)
            swept = self.ask(manager.sweep)
            assert swept in (None, 0, 1)
            if swept == 0:
                self.note(NOT_FOUND)
            if renewed_ms and swept:
                self.at_descriptions(
                    manager, "User:alice", [replace(self.token, expiry_ms=expiry_ms)]
                )
            if self.ask(manager.expire, "User:alice", hmac) is not None:
                gone = {"token_id": self.token.id, "hmac": hmac}
                self.ask(log_in, config, "SCRAM-SHA-256", refused="TOKEN_NOT_FOUND", **gone)

    def at_descriptions(self, manager, principal, expected):
        described = self.ask(manager.describe, principal)
        if described is not None:
            assert all(token in expected for token in described), described
            self.note(UNHARMED if len(described) == len(expected) else NOT_FOUND)


def log_in(config, mechanism, **credential):
    """A whole login; the server's verdict."""
    limits = {"iteration_limits": (1, 1_000_000), "key_cache": CACHE}
    client, server = Client(mechanism, **limits, **credential), Server(config, mechanism)
    client.step(server.step(client.step(server.step(client.step()))))
    assert client.authenticated and server.verdict
    return server.verdict
