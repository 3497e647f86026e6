"""Server, supplied by its caller, and its verdicts."""

from datetime import datetime, timezone

import pytest
from exchange import ALICE, HMAC, MECHANISMS, SALT, TOKEN, alice, log_in, server, token

import scramtoken
from scramtoken import Identity, Server, ServerConfig, Status, Verdict

MIB = 1 << 20
NOW = 1_700_000_000_000


def suspended(client, **options):
    """A server that has got the client's first message, and the client."""
    waiting = server(lookup=None, **options)
    assert waiting.step(client.step()) == b""
    assert waiting.need_credential
    return waiting


def finish(client, waiting):
    message = waiting.step()
    assert not waiting.need_credential
    client.step(waiting.step(client.step(message)))
    assert client.authenticated
    return waiting.verdict


def refusal(client, waiting):
    """Goes on with a login that is refused at its end."""
    with pytest.raises(scramtoken.ScramTokenError) as caught:
        waiting.step(client.step(waiting.step()))
    assert not waiting.verdict
    assert waiting.verdict.reason == caught.value.status
    return caught.value


def test_supplied_user():
    client = alice()
    waiting = suspended(client)
    assert waiting.identity == ("alice", Identity.USER)
    waiting.supply_user(ALICE)
    assert not waiting.need_credential
    assert finish(client, waiting) == Verdict(authenticated=True, name="alice")


def test_supplied_token():
    client = token()
    waiting = suspended(client)
    assert waiting.identity == ("token-1", Identity.TOKEN)
    waiting.supply_token(TOKEN, "alice", 4_102_444_800_000)
    verdict = finish(client, waiting)
    assert verdict == Verdict(
        authenticated=True,
        name="alice",
        is_token=True,
        token_id="token-1",
        expiry_ms=4_102_444_800_000,
    )
    assert verdict.expiry == datetime(2100, 1, 1, tzinfo=timezone.utc)


def test_supplied_unknown_ends_like_a_wrong_password():
    client = alice()
    waiting = suspended(client)
    waiting.supply_unknown()
    error = refusal(client, waiting)
    assert isinstance(error, scramtoken.UnknownUserError)
    assert error.status == waiting.verdict.reason == Status.UNKNOWN_USER
    assert error.output == b"e=invalid-proof"

    unknown = token()
    nobody = suspended(unknown)
    nobody.supply_unknown()
    error = refusal(unknown, nobody)
    assert isinstance(error, scramtoken.TokenNotFoundError)
    assert error.status == nobody.verdict.reason == Status.TOKEN_NOT_FOUND
    assert error.output == b"e=invalid-proof"

    other = alice("looking-glass")
    wrong = suspended(other)
    wrong.supply_user(ALICE)
    assert refusal(other, wrong).output == error.output


def test_implicit_tokens_are_asked_for_as_either():
    client = scramtoken.Client("SCRAM-SHA-512", username="token-1", password=HMAC)
    waiting = suspended(client, implicit_tokens=True)
    assert waiting.identity == ("token-1", Identity.EITHER)
    waiting.supply_token(TOKEN, b"alice", None)
    verdict = finish(client, waiting)
    assert (verdict.is_token, verdict.name, verdict.expiry_ms) == (True, "alice", None)
    assert verdict.expiry is None


def test_without_implicit_tokens_a_name_is_a_user():
    client = scramtoken.Client("SCRAM-SHA-512", username="token-1", password=HMAC)
    assert suspended(client).identity == ("token-1", Identity.USER)


def test_names_come_unescaped():
    client = scramtoken.Client("SCRAM-SHA-512", username="ä=b,c", password="p")
    assert suspended(client).identity == ("ä=b,c", Identity.USER)


@pytest.mark.parametrize(
    ("expiry", "accepted"), [(NOW - 1, False), (NOW, True), (NOW + 1, True), (-1, True)]
)
def test_expiry_by_the_callers_clock(expiry, accepted):
    client = token()
    waiting = suspended(client, clock=lambda: NOW)
    waiting.supply_token(TOKEN, "alice", expiry)
    if accepted:
        assert finish(client, waiting).expiry_ms == (None if expiry == -1 else expiry)
    else:
        error = refusal(client, waiting)
        assert isinstance(error, scramtoken.TokenExpiredError)
        assert error.output == b"e=invalid-proof"  # the peer learns nothing


def test_expiry_by_the_systems_clock():
    client = token()
    waiting = suspended(client)
    waiting.supply_token(TOKEN, "alice", 1)
    assert isinstance(refusal(client, waiting), scramtoken.TokenExpiredError)


@pytest.mark.parametrize("expiry", [253_402_300_800_000, (1 << 63) - 1])
def test_expiry_past_the_last_datetime(expiry):
    client = token()
    waiting = suspended(client)
    waiting.supply_token(TOKEN, "alice", expiry)
    verdict = finish(client, waiting)
    assert verdict.expiry_ms == expiry
    assert verdict.expiry == datetime.max.replace(tzinfo=timezone.utc)


def test_supplying_the_wrong_kind():
    waiting = suspended(alice())
    with pytest.raises(scramtoken.InvalidArgumentError):
        waiting.supply_token(ALICE, "alice", None)
    waiting = suspended(token())
    with pytest.raises(scramtoken.InvalidArgumentError):
        waiting.supply_user(TOKEN)


def test_supplying_what_nobody_asked_for():
    fresh = server(lookup=None)
    for supply in (
        lambda: fresh.supply_user(ALICE),
        lambda: fresh.supply_token(TOKEN, "alice", None),
        lambda: fresh.supply_unknown(),
        lambda: fresh.identity,
    ):
        with pytest.raises(scramtoken.InvalidStateError):
            supply()


def test_supplying_twice():
    client = alice()
    waiting = suspended(client)
    waiting.supply_unknown()
    with pytest.raises(scramtoken.InvalidStateError):
        waiting.supply_user(ALICE)
    assert refusal(client, waiting).status == Status.UNKNOWN_USER


def test_step_before_supplying():
    client = alice()
    waiting = suspended(client)
    with pytest.raises(scramtoken.InvalidStateError):
        waiting.step()
    with pytest.raises(scramtoken.InvalidArgumentError):
        waiting.step(b"more")
    assert waiting.need_credential
    assert not waiting.verdict
    waiting.supply_user(ALICE)
    assert finish(client, waiting)


def test_credential_of_the_other_mechanism():
    short = scramtoken.derive("SCRAM-SHA-256", "wonderland", SALT, 4096)
    with pytest.raises(scramtoken.InvalidArgumentError):
        suspended(alice()).supply_user(short)


@pytest.mark.parametrize(
    ("supply", "error", "text"),
    [
        (lambda s: s.supply_user(None), TypeError, "credential must be Credential, not NoneType"),
        (lambda s: s.supply_token(TOKEN, 7, None), TypeError, "owner must be str or bytes"),
        (lambda s: s.supply_token(TOKEN, "a", 1.5), TypeError, "expiry_ms must be int, not float"),
        (lambda s: s.supply_token(TOKEN, "a", 1 << 63), ValueError, "expiry_ms must fit"),
        (lambda s: s.supply_token(TOKEN, b"\xff", 1), ValueError, None),
    ],
)
def test_bad_supplies(supply, error, text):
    waiting = suspended(token())
    with pytest.raises(error, match=text):
        supply(waiting)
    assert not waiting.verdict


def test_undecided_verdict_is_false():
    fresh = server()
    assert fresh.verdict == Verdict()
    assert not fresh.verdict
    assert fresh.verdict.reason is None


def test_a_verdict_is_true_only_when_authenticated():
    assert Verdict(authenticated=True)
    assert not Verdict(name="alice", reason=Status.INVALID_PROOF)


@pytest.mark.parametrize(
    ("message", "status"),
    [
        (b"", Status.MALFORMED),
        (b"\xff", Status.MALFORMED),
        (b"n,,n=alice", Status.MALFORMED),
        (b"x" * MIB, Status.TOO_LONG),
        (b"p=tls-unique,,n=alice,r=abcdefgh", Status.CHANNEL_BINDING),
        (b"n,,m=x,n=alice,r=abcdefgh", Status.EXTENSION),
    ],
    ids=["empty", "not-utf-8", "no-nonce", "mebibyte", "channel-binding", "mandatory"],
)
def test_bad_first_message_is_refused(message, status):
    refusing = server()
    with pytest.raises(scramtoken.ProtocolError) as caught:
        refusing.step(message)
    assert caught.value.status is status
    assert caught.value.output.startswith(b"e=")
    assert refusing.verdict.reason is status
    with pytest.raises(scramtoken.InvalidStateError) as later:
        refusing.step(message)
    assert later.value.output == b""
    assert refusing.verdict.reason is status


def test_mebibyte_as_the_last_message():
    answering = server()
    answering.step(alice().step())
    with pytest.raises(scramtoken.ProtocolError) as caught:
        answering.step(b"c=biws,r=" + b"x" * MIB)
    assert caught.value.status is Status.TOO_LONG


def test_step_after_the_end():
    answering = server()
    assert log_in(alice(), answering)
    with pytest.raises(scramtoken.InvalidStateError):
        answering.step(b"more")
    assert answering.verdict.name == "alice"


@pytest.mark.parametrize("doubled", [True, False])
def test_doubled_nonce(doubled):
    """As librdkafka before 2.6.1 sends it: its own nonce before the one that was agreed."""
    import base64
    import hashlib
    import hmac

    answering = server(doubled_nonce=doubled)
    first = b"n=alice,r=clientnonce"
    challenge = answering.step(b"n,," + first)
    agreed = challenge.split(b",")[0][len("r=") :]
    bare = b"c=biws,r=clientnonce" + agreed
    salted = hashlib.pbkdf2_hmac("sha512", b"wonderland", SALT, 4096)
    key = hmac.digest(salted, b"Client Key", "sha512")
    transcript = b",".join([first, challenge, bare])
    signature = hmac.digest(hashlib.sha512(key).digest(), transcript, "sha512")
    proof = base64.b64encode(bytes(a ^ b for a, b in zip(key, signature)))
    if doubled:
        assert answering.step(bare + b",p=" + proof).startswith(b"v=")
        assert answering.verdict.doubled_nonce
    else:
        with pytest.raises(scramtoken.ProtocolError, match="librdkafka"):
            answering.step(bare + b",p=" + proof)


def test_made_up_challenge_is_the_mock_secrets():
    def challenge(**options):
        answer = server(lookup=lambda *_: None, mock_iterations=5000, **options).step(
            b"n,,n=nobody,r=clientnonce"
        )
        return answer.split(b",", 1)[1]

    one = challenge(mock_secret="a secret of sixteen bytes or more")
    assert one.endswith(b",i=5000")
    assert one == challenge(mock_secret=b"a secret of sixteen bytes or more")
    assert one != challenge(mock_secret="another secret of sixteen bytes")
    assert one != challenge()


@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_made_up_challenges_of_tokens_have_iterations_of_their_own(mechanism):
    config = ServerConfig(
        lookup=lambda *_: None, mock_iterations=8192, mock_token_iterations={"SCRAM-SHA-256": 5000}
    )
    challenge = Server(config, mechanism).step(b"n,,n=nobody,r=clientnonce,tokenauth=true")
    assert challenge.endswith(b",i=5000" if mechanism == "SCRAM-SHA-256" else b",i=4096")
    assert Server(config, mechanism).step(b"n,,n=nobody,r=clientnonce").endswith(b",i=8192")


@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_nonces_differ(mechanism):
    config = ServerConfig(lookup=lambda *_: None)
    challenges = {
        Server(config, mechanism).step(b"n,,n=nobody,r=clientnonce").split(b",")[0]
        for _ in range(100)
    }
    assert len(challenges) == 100


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda: Server("config", "SCRAM-SHA-512"), TypeError, "config must be ServerConfig"),
        (lambda: Server(ServerConfig(), "PLAIN"), scramtoken.UnsupportedMechanismError, None),
        (lambda: Server(ServerConfig(), "SCRAM-SHA-512\0"), ValueError, "must not hold a NUL"),
        (lambda: Server(ServerConfig(), 512), TypeError, "mechanism must be str, not int"),
        (lambda: Server(ServerConfig(), "SCRAM-SHA-512", nonce=7), TypeError, "nonce must be"),
        (lambda: Server(ServerConfig(), "SCRAM-SHA-512", nonce="a,b"), ValueError, None),
        (lambda: ServerConfig(lookup="x"), TypeError, "lookup must be callable, not str"),
        (lambda: ServerConfig(clock=7), TypeError, "clock must be callable, not int"),
        (lambda: ServerConfig(audit=[]), TypeError, "audit must be callable, not list"),
        (lambda: ServerConfig(mock_secret=7), TypeError, "mock_secret must be str or bytes"),
        (lambda: ServerConfig(mock_secret=""), ValueError, None),
        (lambda: ServerConfig(mock_iterations=-1), ValueError, "mock_iterations must be from 0"),
        (lambda: ServerConfig(mock_iterations=0), ValueError, None),
        (lambda: ServerConfig(mock_iterations="1"), TypeError, "mock_iterations must be int"),
        (lambda: ServerConfig(mock_token_iterations={"PLAIN": 4096}), ValueError, None),
        (lambda: ServerConfig(mock_token_iterations={"SCRAM-SHA-256": 0}), ValueError, None),
        (
            lambda: ServerConfig(mock_token_iterations={"SCRAM-SHA-256": "1"}),
            TypeError,
            "mock_token_iterations must be int",
        ),
        (lambda: ServerConfig(implicit_tokens="no"), TypeError, "implicit_tokens must be bool"),
        (lambda: ServerConfig(doubled_nonce=None), TypeError, "doubled_nonce must be bool"),
    ],
)
def test_bad_arguments_are_named(make, error, text):
    with pytest.raises(error, match=text):
        make()


@pytest.mark.parametrize("data", ["text", 5, None])
def test_messages_are_bytes(data):
    with pytest.raises(TypeError, match="a SASL message must be bytes, not"):
        server().step(data)
