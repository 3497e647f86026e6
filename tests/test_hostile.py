"""Runs the hostile transcripts (tests/hostile) through the C API, and spoils good ones further."""

from ctypes import string_at

import pytest

from scramtoken.errors import Status

from .hostile.login import AUTHENTICATED, REJECTED, UNDECIDED, ClientLogin, ServerLogin, name_of
from .hostile.transcript import CLIENT, SERVER, Wire, load

CASES = load()
WAYS = {SERVER: ("callback", "supply"), CLIENT: ("fresh", "cached")}  # to run a case

# RFC 5802 section 7, server-error-value.
SERVER_ERRORS = {
    b"e=invalid-encoding",
    b"e=extensions-not-supported",
    b"e=invalid-proof",
    b"e=channel-bindings-dont-match",
    b"e=server-does-support-channel-binding",
    b"e=channel-binding-not-supported",
    b"e=unsupported-channel-binding-type",
    b"e=unknown-user",
    b"e=invalid-username-encoding",
    b"e=no-resources",
    b"e=other-error",
}


def with_(key):
    return [name for name, case in CASES.items() if key in case]


@pytest.mark.parametrize(
    ("case", "way"),
    [
        pytest.param(case, way, id=f"{name}-{way}")
        for name, case in CASES.items()
        for way in WAYS[case["role"]]
    ],
)
def test_transcript(case, way):
    Run(case, way)


@pytest.mark.parametrize("name", with_("same_salt_as"))
def test_same_salt(name):
    case = CASES[name]
    assert Run(case).salt == Run(sibling(case, case["same_salt_as"])).salt


@pytest.mark.parametrize("name", with_("other_salt_than"))
def test_other_salt(name):
    case = CASES[name]
    others = [Run(sibling(case, other)).salt for other in case["other_salt_than"]]
    assert Run(case).salt not in others


@pytest.mark.parametrize(
    "name",
    [
        "accepted:rfc7677-example-server",
        "accepted:rfc7677-example-client",
        "accepted:sha512-known-answer-server",
        "accepted:token-server-sha256",
        "accepted:token-client-sha512",
        "accepted:authzid-server",
        "accepted:authzid-client-escaped",
        "doubled-nonce:doubled",
        "extensions:server-first-extension",
    ],
)
def test_every_byte_counts(name):
    """A good login with one byte of what is received changed, dropped, doubled or cut off fails."""
    case = CASES[name]
    received = Run(case).received
    for index, message in enumerate(received):
        for spoilt in mutations(message or b""):
            messages = [*received[:index], spoilt, *received[index + 1 :]]
            assert last_status(case, messages) < 0, (index, spoilt)


class Run:
    """Runs a case, and checks it; what it saw is in `salt` and `received`."""

    def __init__(self, case, way=None):
        self.case = case
        self.wire = Wire(case)
        self.salt = ""
        self.received = []
        self.failure = None  # the first failing status
        with open_login(case, way) as login:
            for number, step in enumerate(case.get("before", []) + case["steps"]):
                self._step(login, number, step)
            if case["role"] == SERVER:
                self._check_verdict(login.verdict())
            if self.failure is not None:
                self._check_terminal(login)

    def _step(self, login, number, step):
        peer, own = (CLIENT, SERVER) if self.case["role"] == SERVER else (SERVER, CLIENT)
        message = self.wire.render(step["in"]) if "in" in step else None
        self.received.append(message)
        if "now_ms" in step:
            login.now_ms = step["now_ms"]

        status, output, error = login.step(message)
        where = f"step {number}: {message!r:.300} gives {output!r:.300} {error!r}"
        assert name_of(status) == step["status"], where
        if message is not None:
            self.wire.add(peer, message)
        if "out" in step:
            assert output is not None, where
            own_secret = self.wire.own_secret  # a server under test has none of its own
            salt = self.wire.matches(step["out"], output, own_secret)
            assert salt is not None, f"{where}; expected {step['out']}"
            self.salt += salt
        else:
            assert output is None, where
        if output is not None:
            self.wire.add(own, output)
        if status < 0:
            self.failure = status if self.failure is None else self.failure
            assert output is None or output in SERVER_ERRORS
            self._check_error(step, message or b"", error)

    def _check_error(self, step, message, error):
        for text in step.get("error", []):
            assert text in error
        assert error and error.isprintable() and len(error) < 400, error
        case = self.case
        secrets = {self.wire.secret, *case.get("login", {}).values(), case.get("mock_secret")}
        secrets |= {user["password"] for user in case.get("users", [])}
        secrets |= {token["hmac"] for token in case.get("tokens", [])}
        proof = message.partition(b",p=")[2].decode("utf-8", "replace")
        if len(proof) > 16:
            secrets.add(proof)
        public = {case.get("login", {}).get(key) for key in ("username", "token_id")}
        for secret in secrets - public - {None, ""}:
            assert secret not in error

    def _check_verdict(self, verdict):
        authenticated = [step for step in self.case["steps"] if step["status"] == "OK"]
        if authenticated:
            assert verdict.outcome == AUTHENTICATED
            assert verdict.reason == Status.OK
            expected = {"token_id": "", "is_token": False, "expiry_ms": -1, "doubled_nonce": False}
            expected.update(self.case["verdict"])
            assert expected == {
                "name": string_at(verdict.name, verdict.name_len).decode(),
                "token_id": string_at(verdict.token_id, verdict.token_id_len).decode(),
                "is_token": verdict.is_token,
                "expiry_ms": verdict.expiry_ms,
                "doubled_nonce": verdict.doubled_nonce,
            }
        elif self.failure is not None:
            assert verdict.outcome == REJECTED
            assert name_of(verdict.reason) == name_of(self.failure)
        else:
            assert verdict.outcome == UNDECIDED

    def _check_terminal(self, login):
        for message in (None, b"", b"n,,n=user,r=clientNONCE", self.received[-1]):
            status, output, _ = login.step(message)
            assert (name_of(status), output) == ("INVALID_STATE", None)
        if self.case["role"] == SERVER:
            self._check_verdict(login.verdict())


def open_login(case, way=None):
    """`way`: one of WAYS, the first one when None."""
    login = ServerLogin if case["role"] == SERVER else ClientLogin
    return login(case, way or WAYS[case["role"]][0])


def sibling(case, name):
    return CASES[f"{case['id'].split(':')[0]}:{name}"]


def last_status(case, messages):
    """Sends these messages whatever is answered, as far as the login goes."""
    with open_login(case) as login:
        for message in messages:
            status, _, error = login.step(message)
            if status < 0:
                # Never our own fault, nor the caller's.
                assert name_of(status) not in ("INTERNAL", "INVALID_STATE"), error
                return status
        return status


def mutations(message):
    for at, byte in enumerate(message):
        for other in {0, 0xFF, ord(","), ord("="), byte ^ 1, byte ^ 0x20} - {byte}:
            yield message[:at] + bytes([other]) + message[at + 1 :]
        yield message[:at] + message[at + 1 :]
        yield message[: at + 1] + message[at:]
        yield message[:at]
    for more in (b"\0", b"\n", b" ", b",", b"=", b"A", b",x=", b",m=x"):
        yield message + more
