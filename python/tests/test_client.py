import threading

import pytest
from exchange import HMAC, MECHANISMS, SALT, alice, log_in, server, token

import scramtoken
from scramtoken import Status

MIB = 1 << 20


def challenge(client, iterations=4096, extra=b""):
    """A server-first-message for the client's first one."""
    nonce = client.step().rsplit(b"r=", 1)[1].split(b",")[0]
    return b"r=%sserver,s=QUJDREVGR0hJSktMTU5PUA==,i=%d%s" % (nonce, iterations, extra)


@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_password_login(mechanism):
    credential = scramtoken.derive(mechanism, "pencil", SALT, 4096)
    config = scramtoken.ServerConfig(lookup=lambda *_: scramtoken.User(credential))
    with scramtoken.Client(mechanism, username="user", password=b"pencil") as client:
        assert not client.authenticated
        assert log_in(client, scramtoken.Server(config, mechanism)).name == "user"
        assert client.authenticated


def test_token_login_says_tokenauth():
    client = token()
    assert b",tokenauth=true" in client.step()
    client = alice()
    assert b"tokenauth" not in client.step()


def test_names_and_secrets_may_be_bytes_or_text():
    client = scramtoken.Client("SCRAM-SHA-512", username=b"alice", password=b"wonderland")
    assert log_in(client, server())
    client = scramtoken.Client("SCRAM-SHA-512", token_id=b"token-1", hmac=HMAC.encode())
    assert log_in(client, server())


def test_wrong_password_is_an_authentication_error_on_both_sides():
    client, answering = alice("looking-glass"), server()
    first = answering.step(client.step())
    with pytest.raises(scramtoken.AuthenticationError) as refused:
        answering.step(client.step(first))
    assert refused.value.status == Status.INVALID_PROOF
    with pytest.raises(scramtoken.AuthenticationError) as told:
        client.step(refused.value.output)
    assert told.value.status == Status.SERVER_REFUSED
    assert told.value.name == "SERVER_REFUSED"
    assert "invalid-proof" in str(told.value)
    assert not client.authenticated
    with pytest.raises(scramtoken.InvalidStateError):
        client.step(refused.value.output)


def test_server_that_does_not_know_the_credential_is_found_out():
    client = alice()
    client.step(challenge(client))
    with pytest.raises(scramtoken.AuthenticationError) as caught:
        client.step(b"v=" + b"A" * 86 + b"==")
    assert caught.value.status == Status.SERVER_SIGNATURE
    assert not client.authenticated


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (lambda c: b"", Status.MALFORMED),
        (lambda c: b"\xff\xfe", Status.MALFORMED),
        (lambda c: b"x" * MIB, Status.TOO_LONG),
        (lambda c: b"r=another,s=QUJD,i=4096", Status.NONCE),
        (lambda c: challenge(c, iterations=4095), Status.ITERATIONS),
        (lambda c: challenge(c, iterations=1_000_001), Status.ITERATIONS),
        (lambda c: challenge(c, extra=b",x=1,x=2"), Status.EXTENSION),
    ],
    ids=["empty", "not-utf-8", "mebibyte", "nonce", "few", "many", "extension-twice"],
)
def test_bad_challenge_is_a_protocol_error(answer, status):
    client = alice()
    client.step()
    other = alice(nonce="n" * 24)
    message = answer(other)
    if b"server" in message:  # a challenge to the other client
        client = other
    with pytest.raises(scramtoken.ProtocolError) as caught:
        client.step(message)
    assert caught.value.status is status
    with pytest.raises(scramtoken.InvalidStateError):
        client.step(b"")


def test_iteration_limits():
    client = alice(iteration_limits=(1, 4095))
    with pytest.raises(scramtoken.ProtocolError):
        client.step(challenge(client))
    client = alice(iteration_limits=(10, 20))
    assert client.step(challenge(client, iterations=15)).startswith(b"c=biws,r=")


def test_authzid():
    client = alice(authzid="alice")
    assert client.step().startswith(b"n,a=alice,n=alice,")
    client, answering = alice(authzid=b"bob"), server()
    with pytest.raises(scramtoken.AuthenticationError) as caught:
        answering.step(client.step())
    assert caught.value.status == Status.AUTHZID


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"username": "alice"},
        {"password": "wonderland"},
        {"token_id": "t"},
        {"hmac": "h"},
        {"username": "alice", "hmac": "h"},
        {"username": "alice", "password": "p", "token_id": "t"},
        {"username": "alice", "password": "p", "token_id": "t", "hmac": "h"},
    ],
)
def test_exactly_one_credential(arguments):
    with pytest.raises(TypeError, match="username and password, or token_id and hmac"):
        scramtoken.Client("SCRAM-SHA-512", **arguments)


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        ({"username": 7}, TypeError, "username must be str or bytes, not int"),
        ({"password": 7}, TypeError, "password must be str or bytes, not int"),
        ({"password": bytearray(b"p")}, TypeError, "password must be str or bytes"),
        ({"password": "\ud800"}, ValueError, "password is not valid Unicode text"),
        ({"username": ""}, ValueError, None),
        ({"username": b"\xff"}, ValueError, None),
        ({"mechanism": "PLAIN"}, scramtoken.UnsupportedMechanismError, "SCRAM-SHA-256"),
        ({"mechanism": "SCRAM-SHA-512\0"}, ValueError, "mechanism must not hold a NUL"),
        ({"mechanism": b"SCRAM-SHA-512"}, TypeError, "mechanism must be str, not bytes"),
        ({"authzid": 7}, TypeError, "authzid must be str or bytes"),
        ({"nonce": 7}, TypeError, "nonce must be str or bytes"),
        ({"nonce": "no, comma"}, ValueError, None),
        ({"key_cache": "cache"}, TypeError, "key_cache must be KeyCache, not str"),
        ({"iteration_limits": (-1, 5)}, ValueError, "must be from 0 to 4294967295, not -1"),
        ({"iteration_limits": (1, 1 << 32)}, ValueError, "must be from 0 to 4294967295"),
        ({"iteration_limits": (2, 1)}, ValueError, None),
        ({"iteration_limits": (1.5, 2)}, TypeError, "an iteration limit must be int, not float"),
        ({"iteration_limits": (1, 2, 3)}, ValueError, "unpack"),
    ],
)
def test_bad_arguments_are_named(arguments, error, text):
    valid = {"mechanism": "SCRAM-SHA-512", "username": "alice", "password": "a secret"}
    with pytest.raises(error, match=text) as caught:
        scramtoken.Client(**{**valid, **arguments})
    assert "a secret" not in str(caught.value)


def test_text_that_cannot_be_encoded_is_not_kept_by_the_exception():
    with pytest.raises(ValueError, match="not valid Unicode text") as caught:
        scramtoken.Client("SCRAM-SHA-512", username="alice", password="a secret\ud800")
    # UnicodeEncodeError holds the whole text, also where a traceback does not show it.
    assert caught.value.__context__ is None and caught.value.__cause__ is None


@pytest.mark.parametrize("data", ["text", 5, None, [1]])
def test_messages_are_bytes(data):
    with pytest.raises(TypeError, match="a SASL message must be bytes, not"):
        alice().step(data)


def test_messages_may_be_views_of_a_buffer():
    client, answering = alice(), server()
    final = client.step(memoryview(answering.step(bytearray(client.step()))))
    assert client.step(memoryview(answering.step(memoryview(final)))) == b""
    assert client.authenticated


def test_step_after_the_end():
    client = alice()
    log_in(client, server())
    with pytest.raises(scramtoken.InvalidStateError):
        client.step(b"")
    assert client.authenticated  # nothing that comes later unmakes the login


def test_cancel_before_a_step():
    client = alice()
    client.cancel()
    with pytest.raises(scramtoken.CancelledError):
        client.step()


def test_cancel_from_another_thread_ends_the_hashing():
    client = alice(iteration_limits=(1, 4_294_967_295))
    message = challenge(client, iterations=4_000_000_000)  # half an hour
    timer = threading.Timer(0.2, client.cancel)
    timer.start()
    with pytest.raises(scramtoken.CancelledError):
        client.step(message)
    timer.join()


def test_hashing_lets_other_threads_run():
    client = alice(iteration_limits=(1, 4_294_967_295))
    message = challenge(client, iterations=4_000_000_000)
    ticks = []

    def other():
        ticks.extend(range(1000))
        client.cancel()

    thread = threading.Thread(target=other)
    thread.start()
    with pytest.raises(scramtoken.CancelledError):
        client.step(message)
    thread.join()
    assert len(ticks) == 1000
