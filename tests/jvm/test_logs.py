"""What a broker on libscramtoken writes into its logs."""

import json
import re
import secrets
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from harness.kafka.login_program import PYTHON, Credential, log_in
from harness.kafka.properties import USERS

from .raw import KAFKAS_WORDS, RawLogin, Refused


def audit_lines(broker):
    """The events so far; each is a line of its own."""
    return [json.loads(line) for line in re.findall(r"io\.scramtoken\.audit - (.*)", broker.log())]


def events_of(broker, requester):
    return [event for event in audit_lines(broker) if event["requester"] == requester]


def refuse(broker, name, mechanism="SCRAM-SHA-512", is_token=False):
    """A login with a proof that is none; the same words to the client, whatever the reason."""
    extension = ",tokenauth=true" if is_token else ""
    with RawLogin(broker, mechanism) as connection:
        connection.send(f"n,,n={name},r=abcdefgh{extension}")
        with pytest.raises(Refused, match=KAFKAS_WORDS):
            connection.send("c=biws,r=wrong,p=AAAA")


def test_one_event_for_each_decision(broker):
    token = broker.create_token("User:bob")
    before = len(events_of(broker, token.id))
    for credential in [Credential(token.id, token.hmac, True), Credential(token.id, token.hmac)]:
        log_in(PYTHON, broker.address(), "SCRAM-SHA-512", credential)
    first, second = events_of(broker, token.id)[before:]
    assert first.pop("time_ms") <= second.pop("time_ms")
    assert (
        first
        == second
        == {
            "operation": "login",
            "status": "OK",
            "mechanism": "SCRAM-SHA-512",
            "requester": token.id,
            "owner": "bob",
            "token_id": token.id,
            "doubled_nonce": False,
        }
    )


def test_a_refusal_and_its_true_reason(broker):
    token = broker.create_token("User:bob")
    removed = broker.create_token("User:bob")
    broker.expire_token(removed)
    never = secrets.token_urlsafe(16)
    for name, is_token, status in [
        ("audited", False, "UNKNOWN_USER"),
        ("alice", False, "INVALID_PROOF"),
        ("audited.token", True, "TOKEN_NOT_FOUND"),
        (removed.id, True, "TOKEN_NOT_FOUND"),
        (never, False, "TOKEN_NOT_FOUND"),  # by implicitTokens
        (token.id, True, "INVALID_PROOF"),
    ]:
        before = len(events_of(broker, name))
        refuse(broker, name, "SCRAM-SHA-512", is_token)
        [event] = events_of(broker, name)[before:]
        assert event["status"] == status, name
        assert event["token_id"] == (name if is_token or name == never else None)
        assert event["owner"] == ("bob" if name == token.id else None)
    assert "Refused a login as audited by SCRAM-SHA-512: UNKNOWN_USER: " in broker.log()


def test_no_event_where_the_line_does_not_ask(broker):
    broker.add_user("unaudited", "its-password", mechanisms=["SCRAM-SHA-256"])
    refuse(broker, "unaudited", "SCRAM-SHA-256")
    assert events_of(broker, "unaudited") == []
    assert "Refused a login as unaudited" in broker.log()


def test_names_are_fit_for_a_log(broker):
    refuse(broker, 'a"b\\\n{"operation":1\x1b[2J' + "z" * 400)
    [event] = [event for event in audit_lines(broker) if (event["requester"] or "")[:2] == 'a"']
    assert event["requester"].startswith('a"b\\\\u{a}{"operation":1\\u{1b}[2Jzz')
    assert len(event["requester"]) <= 256
    assert "\x1b" not in broker.log()


def test_no_secret(broker, token):
    log_in(PYTHON, broker.address(), "SCRAM-SHA-512", Credential(token.id, token.hmac, True))
    refuse(broker, token.id)
    log = broker.log()
    assert token.hmac not in log
    assert not any(password in log for password in USERS.values())


def test_a_flood_of_refusals_is_counted_and_not_written(broker):
    count = 60

    def challenged(number):
        login = RawLogin(broker, "SCRAM-SHA-512")
        login.send(f"n,,n=flood{number},r=abcdefgh")
        return login

    def refused(login):
        with login, pytest.raises(Refused):
            login.send("c=biws,r=wrong,p=AAAA")

    with ThreadPoolExecutor(count) as pool:
        logins = list(pool.map(challenged, range(count)))
        list(pool.map(refused, logins))
    time.sleep(1)
    refuse(broker, "after")
    log = broker.log()
    shown = len(re.findall(r"Refused a login as flood\d", log))
    left_out = sum(map(int, re.findall(r"\((\d+) refusals before it not shown\)", log)))
    assert shown < count <= shown + left_out
    assert any(event.get("left_out") for event in audit_lines(broker))


def test_the_jvm_has_nothing_to_complain_of(broker):
    """-Xcheck:jni says so on standard output."""
    log = broker.log()
    assert "FATAL ERROR in native method" not in log
    assert "WARNING in native method" not in log
    assert "WARNING: JNI" not in log
