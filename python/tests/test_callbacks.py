"""Lookup, clock and audit: what they get, what they give, and what happens when they raise."""

import threading
from datetime import datetime, timezone

import pytest
from exchange import ALICE, TOKEN, alice, log_in, lookup, server, token

import scramtoken
from scramtoken import Identity, Status, Token, User

NOW = 1_700_000_000_000


class Refused(Exception):
    """What a callback of these tests raises."""


def raising(error):
    def callback(*_):
        raise error

    return callback


def after_a_challenge(answering, client):
    """The client's last message, ready for the server."""
    return client.step(answering.step(client.step()))


# ---- lookup ----


def test_lookup_is_told_whom_to_look_up():
    asked = []

    def listening(*arguments):
        asked.append(arguments)
        return lookup(*arguments)

    assert log_in(alice(), server(lookup=listening))
    assert log_in(token(), server(lookup=listening))
    implicit = scramtoken.Client("SCRAM-SHA-512", username="token-1", password="x")
    server(lookup=listening, implicit_tokens=True).step(implicit.step())
    assert asked == [
        ("SCRAM-SHA-512", "alice", Identity.USER),
        ("SCRAM-SHA-512", "token-1", Identity.TOKEN),
        ("SCRAM-SHA-512", "token-1", Identity.EITHER),
    ]


def test_token_answer():
    expiring = lambda *_: Token(TOKEN, b"alice", NOW)  # noqa: E731
    verdict = log_in(token(), server(lookup=expiring, clock=lambda: NOW))
    assert (verdict.name, verdict.token_id, verdict.expiry_ms) == ("alice", "token-1", NOW)


def test_unknown_name_is_refused_only_at_the_end():
    answering = server(lookup=lambda *_: None)
    final = after_a_challenge(answering, alice())
    with pytest.raises(scramtoken.UnknownUserError) as caught:
        answering.step(final)
    assert caught.value.status == Status.UNKNOWN_USER
    assert caught.value.output == b"e=invalid-proof"


@pytest.mark.parametrize("error", [Refused("why"), LookupError("gone"), OSError(5, "disk")])
def test_lookup_that_raises_refuses_the_login(error):
    answering = server(lookup=raising(error))
    with pytest.raises(scramtoken.ScramTokenError) as caught:
        answering.step(alice().step())
    assert caught.value.__cause__ is error
    assert caught.value.status == Status.INTERNAL
    assert caught.value.output == b"e=other-error"
    assert answering.verdict.reason == Status.INTERNAL
    with pytest.raises(scramtoken.InvalidStateError):
        answering.step(b"")


@pytest.mark.parametrize(
    ("status", "raised"),
    [
        (Status.IO, scramtoken.ScramTokenError),
        (Status.TOKEN_EXPIRED, scramtoken.TokenExpiredError),
        (-4242, scramtoken.ScramTokenError),
    ],
)
def test_lookup_may_choose_the_status(status, raised):
    error = scramtoken.ScramTokenError(status, "the database is away")
    answering = server(lookup=raising(error))
    with pytest.raises(raised) as caught:
        answering.step(alice().step())
    assert caught.value.__cause__ is error
    assert not answering.verdict


def test_lookup_cannot_choose_success():
    answering = server(lookup=raising(scramtoken.ScramTokenError(0, "yes")))
    with pytest.raises(scramtoken.ScramTokenError) as caught:
        answering.step(alice().step())
    assert caught.value.status == Status.INTERNAL


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(3)])
def test_exceptions_that_end_the_program_go_on_as_they_are(error):
    answering = server(lookup=raising(error))
    with pytest.raises(type(error)) as caught:
        answering.step(alice().step())
    assert caught.value is error
    assert not answering.verdict


@pytest.mark.parametrize(
    ("answer", "cause", "text"),
    [
        (True, TypeError, "a lookup must return User, Token or None, not bool"),
        (ALICE, TypeError, "a lookup must return User, Token or None, not Credential"),
        (User(None), TypeError, "credential must be Credential, not NoneType"),
        (
            Token(TOKEN, "alice", None),
            scramtoken.InvalidArgumentError,
            None,
        ),  # a user was asked for
        (Token(TOKEN, 7, None), TypeError, "owner must be str or bytes"),
        (Token(TOKEN, "alice", "soon"), TypeError, "expiry_ms must be int"),
    ],
)
def test_wrong_answers_refuse_the_login(answer, cause, text):
    answering = server(lookup=lambda *_: answer)
    with pytest.raises(scramtoken.ScramTokenError) as caught:
        answering.step(alice().step())
    with pytest.raises(cause, match=text):
        raise caught.value.__cause__
    assert not answering.verdict


def test_lookup_may_use_the_library():
    """A proxy, say, that logs in elsewhere before it answers; and fails at it, too."""

    def nested(*arguments):
        with pytest.raises(scramtoken.ScramTokenError) as caught:
            server(lookup=raising(Refused())).step(alice().step())
        assert isinstance(caught.value.__cause__, Refused)
        assert log_in(alice(), server())
        return lookup(*arguments)

    assert log_in(alice(), server(lookup=nested))


def test_lookup_cannot_step_its_own_server():
    answering = server(lookup=lambda *_: answering.step(b""))
    with pytest.raises(scramtoken.InvalidStateError) as caught:
        answering.step(alice().step())
    assert "in use already" in str(caught.value.__cause__)


def test_lookup_may_close_its_own_server():
    def closing(*arguments):
        answering.close()
        return lookup(*arguments)

    answering = server(lookup=closing)
    assert answering.step(alice().step()).startswith(b"r=")
    with pytest.raises(scramtoken.InvalidStateError, match="this Server is closed"):
        answering.step(b"")


# ---- clock ----


def test_clock_is_read_at_each_step():
    times = iter([NOW, NOW + 1])
    expiring = lambda *_: Token(TOKEN, "alice", NOW)  # noqa: E731
    answering = server(lookup=expiring, clock=lambda: next(times))
    final = after_a_challenge(answering, token())
    with pytest.raises(scramtoken.TokenExpiredError):
        answering.step(final)


@pytest.mark.parametrize(
    ("clock", "cause"),
    [
        (raising(Refused()), Refused),
        (lambda: 1.5, TypeError),
        (lambda: None, None),
        (lambda: 1 << 63, ValueError),
    ],
)
def test_clock_that_fails_refuses_the_login(clock, cause):
    failing = [lambda: NOW]
    answering = server(clock=lambda: failing[0]())
    final = after_a_challenge(answering, alice())
    failing[0] = clock
    with pytest.raises(scramtoken.ScramTokenError) as caught:
        answering.step(final)
    assert isinstance(caught.value.__cause__, cause or TypeError)
    assert (caught.value.status, caught.value.output) == (Status.INTERNAL, b"e=other-error")
    assert answering.verdict == scramtoken.Verdict(reason=Status.INTERNAL)
    failing[0] = lambda: NOW
    with pytest.raises(scramtoken.InvalidStateError):  # it does not get better
        answering.step(final)
    assert not answering.verdict


# ---- audit ----


def audited(**options):
    events = []
    return events, server(audit=events.append, clock=lambda: NOW, **options)


def test_audit_of_a_user():
    events, answering = audited()
    log_in(alice(), answering)
    (event,) = events
    assert event == scramtoken.AuditEvent(
        time_ms=NOW,
        operation="login",
        status=Status.OK,
        mechanism="SCRAM-SHA-512",
        requester="alice",
        owner=event.owner,
        token_id=None,
        doubled_nonce=False,
    )
    assert event.time == datetime(2023, 11, 14, 22, 13, 20, tzinfo=timezone.utc)


def test_audit_of_a_token():
    events, answering = audited()
    log_in(token(), answering)
    (event,) = events
    assert (event.status, event.requester) == (Status.OK, "token-1")
    assert (event.owner, event.token_id) == ("alice", "token-1")


def test_audit_of_a_refusal():
    events, answering = audited()
    final = after_a_challenge(answering, alice("looking-glass"))
    assert events == []
    with pytest.raises(scramtoken.AuthenticationError):
        answering.step(final)
    (event,) = events
    assert (event.status, event.requester) == (Status.INVALID_PROOF, "alice")
    assert isinstance(event.status, Status)


def test_audit_of_a_lookup_that_raised():
    events, answering = audited(lookup=raising(Refused()))
    with pytest.raises(scramtoken.ScramTokenError):
        answering.step(alice().step())
    (event,) = events
    assert (event.status, event.requester) == (Status.INTERNAL, "alice")


def test_audit_escapes_and_cuts_names():
    events, answering = audited()
    name = "line\nfeed" + "x" * 1000
    client = scramtoken.Client("SCRAM-SHA-512", username=name, password="p")
    final = after_a_challenge(answering, client)
    with pytest.raises(scramtoken.AuthenticationError):
        answering.step(final)
    (event,) = events
    assert "\n" not in event.requester
    assert event.requester.startswith("line")
    assert len(event.requester.encode()) <= 256


def test_audit_that_raises_lets_nobody_in():
    error = Refused("the log is full")
    answering = server(audit=raising(error))
    final = after_a_challenge(answering, alice())
    with pytest.raises(scramtoken.ScramTokenError) as caught:
        answering.step(final)
    assert caught.value.__cause__ is error
    assert (caught.value.status, caught.value.output) == (Status.INTERNAL, b"e=other-error")
    assert answering.verdict == scramtoken.Verdict(reason=Status.INTERNAL)


def test_audit_that_raises_leaves_a_refusal_as_it_was():
    error = Refused("the log is full")
    answering = server(audit=raising(error))
    final = after_a_challenge(answering, alice("looking-glass"))
    with pytest.raises(scramtoken.AuthenticationError) as caught:
        answering.step(final)
    assert caught.value.__cause__ is error
    assert caught.value.output == b"e=invalid-proof"
    assert answering.verdict.reason == Status.INVALID_PROOF


# ---- threads ----


def test_callbacks_on_many_threads_keep_their_exceptions_apart():
    """Sixteen threads share one config; the lookup of every other name raises."""

    def some(mechanism, name, kind):
        if int(name) % 2:
            raise Refused(name)
        return User(ALICE)

    config = scramtoken.ServerConfig(lookup=some)
    wrong = []

    def logins(number):
        for _ in range(20):
            client = scramtoken.Client("SCRAM-SHA-512", username=str(number), password="wonderland")
            answering = scramtoken.Server(config, "SCRAM-SHA-512")
            try:
                verdict = log_in(client, answering)
                right = number % 2 == 0 and verdict.name == str(number)
            except scramtoken.ScramTokenError as error:
                right = number % 2 == 1 and str(error.__cause__) == str(number)
            if not right:
                wrong.append(number)

    threads = [threading.Thread(target=logins, args=(n,)) for n in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
