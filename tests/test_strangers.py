"""What somebody who knows no password can tell of who exists: nothing, in each way of lookup.

Whoever asks for a name can get three challenges: as a user, as a token, and as either one from a
server that takes tokens without `tokenauth=true`. Which of them are equal, and what they look like,
must not depend on whether anybody has the name.
"""

import base64
import os
import re
import secrets
from dataclasses import dataclass

import pytest

import scramtoken
from scramtoken import Identity, Server, ServerConfig, Status, Store, Token, TokenManager, User

MECHANISMS = ["SCRAM-SHA-256", "SCRAM-SHA-512"]
USER_ITERATIONS = 8192
TOKEN_ITERATIONS = {"SCRAM-SHA-256": 5000, "SCRAM-SHA-512": 4096}
NOW = 1_700_000_000_000
HOUR = 3_600_000


@dataclass(frozen=True)
class Name:
    """A name, and why a wrong proof is refused: what a log is told, by what was asked for."""

    name: str
    as_user: Status = Status.UNKNOWN_USER
    as_token: Status = Status.TOKEN_NOT_FOUND

    @property
    def kind(self):
        """What the name is taken for where either would do."""
        is_token = re.fullmatch("[A-Za-z0-9_-]{22}", self.name)
        return Identity.TOKEN if is_token else Identity.USER

    def reason(self, kind):
        kind = self.kind if kind == Identity.EITHER else kind
        return self.as_token if kind == Identity.TOKEN else self.as_user


WRONG = Status.INVALID_PROOF
STRANGERS = {
    "nobody": Name("nobody"),
    "nobody, of 22 letters": Name("nobody.of.22.letters.."),
    "never a token": Name(secrets.token_urlsafe(16)),
}


class OnStore:
    """Servers on a store."""

    def __init__(self, uri):
        self.store = Store.open(uri)
        self.now = NOW
        self.names = {**STRANGERS, **self._users(), **self._tokens()}
        self.options = {"store": self.store}

    def _users(self):
        for name, mechanisms in [
            ("alice", MECHANISMS),
            ("bob", MECHANISMS[:1]),
            ("carol", MECHANISMS),
        ]:
            for mechanism in mechanisms:
                self.store.put_user(mechanism, name, "pencil", USER_ITERATIONS)
        for mechanism in MECHANISMS:
            self.store.delete_user(mechanism, "carol")
        return {
            "user": Name("alice", as_user=WRONG),
            "user of SCRAM-SHA-256": Name("bob", as_user=WRONG),
            "removed user": Name("carol"),
        }

    def _tokens(self):
        old = {"old": b"a secret key that is removed"}
        how = {"iterations": TOKEN_ITERATIONS, "clock": lambda: self.now}
        with TokenManager(self.store, old, **how) as manager:
            ended = manager.create("User:alice")
            manager.add_secret_key("new", b"a secret key that stays there")
            manager.set_signing_key("new")
            manager.remove_secret_key("old")
            swept = manager.create("User:alice", max_lifetime=HOUR)
            self.now += HOUR + 1
            assert manager.sweep() == 1
            expired = manager.create("User:alice", max_lifetime=HOUR)
            self.now += HOUR + 1
            live, removed = manager.create("User:alice"), manager.create("User:alice")
            manager.expire("User:alice", removed.hmac)
        self.expired = expired
        return {
            "token": Name(live.id, as_token=WRONG),
            "expired token": Name(expired.id, as_token=WRONG),
            "removed token": Name(removed.id),
            "swept token": Name(swept.id),
            "token of a removed key": Name(ended.id),
        }

    def answer(self, server, mechanism, message):
        return server.step(message)


class OnCallback:
    """Servers that ask a lookup of the host's."""

    def __init__(self):
        self.now = NOW
        live, self.expired = _token(NOW + HOUR), _token(NOW - HOUR)
        self.users = {
            ("alice", MECHANISMS[0]): _user(MECHANISMS[0]),
            ("alice", MECHANISMS[1]): _user(MECHANISMS[1]),
            ("bob", MECHANISMS[0]): _user(MECHANISMS[0]),
        }
        self.tokens = {live.id: live, self.expired.id: self.expired}
        self.names = {
            **STRANGERS,
            "user": Name("alice", as_user=WRONG),
            "user of SCRAM-SHA-256": Name("bob", as_user=WRONG),
            "token": Name(live.id, as_token=WRONG),
            "expired token": Name(self.expired.id, as_token=WRONG),
        }
        self.options = {"lookup": self.look_up}

    def look_up(self, mechanism, name, kind):
        if kind != Identity.TOKEN:
            if (name, mechanism) in self.users:
                return User(self.users[name, mechanism])
            if kind == Identity.USER or any(user == name for user, _ in self.users):
                return None
        token = self.tokens.get(name)
        return token and Token(token.credentials[mechanism], "alice", token.expiry_ms)

    def answer(self, server, mechanism, message):
        return server.step(message)


class Suspended(OnCallback):
    """Servers that wait until they are supplied."""

    def __init__(self):
        super().__init__()
        self.options = {}

    def answer(self, server, mechanism, message):
        assert server.step(message) == b"" and server.need_credential
        found = self.look_up(mechanism, *server.identity)
        if found is None:
            server.supply_unknown()
        elif isinstance(found, User):
            server.supply_user(found.credential)
        else:
            server.supply_token(found.credential, found.owner, found.expiry_ms)
        return server.step()


@dataclass(frozen=True)
class HostsToken:
    id: str
    hmac: str
    credentials: dict
    expiry_ms: int


def _user(mechanism):
    return scramtoken.derive(mechanism, "pencil", os.urandom(16), USER_ITERATIONS)


def _token(expiry_ms):
    hmac = base64.b64encode(os.urandom(64)).decode()
    credentials = {
        mechanism: scramtoken.derive(mechanism, hmac, os.urandom(16), iterations)
        for mechanism, iterations in TOKEN_ITERATIONS.items()
    }
    return HostsToken(secrets.token_urlsafe(16), hmac, credentials, expiry_ms)


@pytest.fixture(scope="module", params=["memory", "lmdb", "callback", "suspended"])
def place(request, tmp_path_factory):
    if request.param == "callback":
        return OnCallback()
    if request.param == "suspended":
        return Suspended()
    path = tmp_path_factory.mktemp("store") / "store"
    return OnStore("memory:" if request.param == "memory" else f"lmdb:{path}")


@pytest.fixture
def listener(place):
    """Makes servers, and keeps what their audit is told."""
    return Listener(place)


class Listener:
    def __init__(self, place):
        self.place = place
        self.told = []
        self.configs = {
            implicit: ServerConfig(
                implicit_tokens=implicit,
                mock_secret="a secret of sixteen bytes or more",
                mock_iterations=USER_ITERATIONS,
                mock_token_iterations=TOKEN_ITERATIONS,
                clock=lambda: place.now,
                audit=self.told.append,
                **place.options,
            )
            for implicit in (False, True)
        }

    def challenged(self, mechanism, name, kind):
        """A server that has sent its challenge, and what that was: nonce, salt, iterations."""
        server = Server(self.configs[kind == Identity.EITHER], mechanism)
        extension = ",tokenauth=true" if kind == Identity.TOKEN else ""
        message = f"n,,n={name},r=abcdefgh{extension}".encode()
        answer = self.place.answer(server, mechanism, message).decode()
        nonce, salt, iterations = re.fullmatch("(r=[^,]+),s=([^,]+),i=([0-9]+)", answer).groups()
        return server, nonce, salt, int(iterations)

    def challenge(self, mechanism, name, kind):
        """Salt and iterations."""
        return self.challenged(mechanism, name, kind)[2:]


def in_all(function):
    for parameter in (
        pytest.mark.parametrize("mechanism", MECHANISMS),
        pytest.mark.parametrize("kind", list(Identity), ids=lambda kind: kind.name),
    ):
        function = parameter(function)
    return function


@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_which_challenges_are_equal(place, listener, mechanism):
    """Of the pairs of a name's challenges those that are equal follow from how it looks."""
    for what, name in place.names.items():
        as_user, as_token, as_either = (
            listener.challenge(mechanism, name.name, kind)
            for kind in (Identity.USER, Identity.TOKEN, Identity.EITHER)
        )
        assert as_user != as_token, what
        assert as_either == (as_token if name.kind == Identity.TOKEN else as_user), what


@in_all
def test_how_a_challenge_looks(place, listener, mechanism, kind):
    for what, name in place.names.items():
        salt, iterations = listener.challenge(mechanism, name.name, kind)
        assert len(base64.b64decode(salt)) == 16, what
        taken_for = name.kind if kind == Identity.EITHER else kind
        of_tokens = TOKEN_ITERATIONS[mechanism]
        assert iterations == (of_tokens if taken_for == Identity.TOKEN else USER_ITERATIONS), what


def test_salts_are_constant_and_have_nothing_in_common(place, listener):
    salts = {}
    for name in place.names.values():
        for mechanism in MECHANISMS:
            for kind in (Identity.USER, Identity.TOKEN):
                salt, _ = listener.challenge(mechanism, name.name, kind)
                assert (salt, _) == listener.challenge(mechanism, name.name, kind)
                assert salt not in salts, (name, kind, salts[salt])
                salts[salt] = name, mechanism, kind


@in_all
def test_the_log_is_told_the_reason_and_the_client_is_not(place, listener, mechanism, kind):
    """By a proof that is wrong, and by one that is no proof at all."""
    size = 32 if mechanism == MECHANISMS[0] else 64
    for what, name in place.names.items():
        expected = name.reason(kind)
        if name.name == "bob" and mechanism == MECHANISMS[1] and kind != Identity.TOKEN:
            expected = Status.UNKNOWN_USER
        for proof in (base64.b64encode(os.urandom(size)).decode(), "AAAA"):
            server, nonce, _, _ = listener.challenged(mechanism, name.name, kind)
            with pytest.raises(scramtoken.AuthenticationError) as refused:
                server.step(f"c=biws,{nonce},p={proof}".encode())
            assert refused.value.output == b"e=invalid-proof", what
            assert refused.value.status == expected, what
            assert server.verdict == scramtoken.Verdict(reason=expected), what
            event = listener.told.pop()
            assert (event.status, event.requester) == (expected, name.name), what
            is_token = (name.kind if kind == Identity.EITHER else kind) == Identity.TOKEN
            assert event.token_id == (name.name if is_token else None), what
            is_known = is_token and expected == WRONG
            assert event.owner == ("alice" if is_known else None), what
    assert not listener.told


@pytest.mark.parametrize("mechanism", MECHANISMS)
@pytest.mark.parametrize("said", [True, False], ids=["tokenauth", "implicit"])
def test_an_expired_token_is_told_from_others_by_its_hmac(place, listener, mechanism, said):
    token = place.expired
    credential = {"token_id": token.id} if said else {"username": token.id}
    secret = {"hmac": token.hmac} if said else {"password": token.hmac}
    client = scramtoken.Client(mechanism, **credential, **secret)
    server = Server(listener.configs[not said], mechanism)
    challenge = place.answer(server, mechanism, client.step())
    with pytest.raises(scramtoken.TokenExpiredError) as refused:
        server.step(client.step(challenge))
    assert refused.value.output == b"e=invalid-proof"
    assert server.verdict.reason == listener.told.pop().status == Status.TOKEN_EXPIRED
