"""Sources: files, directories, the environment and callbacks, as a login meets them."""

import gc
import json
import logging
import os
import threading
import weakref
from datetime import datetime, timezone

import pytest
from exchange import HMAC, alice, log_in, server

import scramtoken
from scramtoken import Client, DelegationToken, Password, Source, Status, _callbacks

TOKEN = {"token_id": "token-1", "hmac": HMAC}
ALICE = {"username": "alice", "password": "wonderland"}


def write(path, value, mode=0o600):
    path.unlink(missing_ok=True)
    path.write_text(value if isinstance(value, str) else json.dumps(value))
    path.chmod(mode)


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "token.json"
    write(path, TOKEN)
    return path


@pytest.fixture
def source(path):
    with Source.open(f"file:{path}") as source:
        yield source


def client(source, **options):
    return Client("SCRAM-SHA-512", source=source, **options)


def refusal(source):
    with pytest.raises(scramtoken.ScramTokenError) as caught:
        client(source).step()
    assert HMAC not in str(caught.value)
    return caught.value


# ---- files, directories, the environment ----


def test_each_login_reads_anew(path, source):
    for _ in range(2):
        verdict = log_in(client(source), server())
        assert (verdict.name, verdict.token_id) == ("alice", "token-1")
        write(path, ALICE)
        verdict = log_in(client(source), server())
        assert (verdict.name, verdict.token_id) == ("alice", None)
        write(path, TOKEN)


def test_properties_file_of_a_kafka_client(path, source):
    module = "org.apache.kafka.common.security.scram.ScramLoginModule required"
    options = f'username="token-1" password="{HMAC}" tokenauth="true";'
    write(path, f"security.protocol=SASL_SSL\nsasl.jaas.config={module} {options}\n")
    assert log_in(client(source), server()).token_id == "token-1"


def test_kubernetes_mount(tmp_path, caplog):
    generation = tmp_path / "..2026"
    generation.mkdir()
    (tmp_path / "..data").symlink_to("..2026")
    for name, text in (("token-id", "token-1"), ("token-hmac", HMAC)):
        write(generation / name, text, 0o644)
        (tmp_path / name).symlink_to(f"..data/{name}")
    source = Source.open(f"dir:{tmp_path}")
    for _ in range(2):
        assert log_in(client(source), server()).token_id == "token-1"
    [record] = caplog.records
    assert (record.name, record.levelno) == ("scramtoken", logging.WARNING)
    assert "defaultMode" in record.getMessage()


def test_environment_as_it_is_at_the_login(monkeypatch):
    source = Source.open("env:")
    for name in ("KAFKA_TOKEN_ID", "KAFKA_TOKEN_HMAC"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("KAFKA_TOKEN_HMAC", HMAC)
    assert "lacks KAFKA_TOKEN_ID" in str(refusal(source))
    monkeypatch.setenv("KAFKA_TOKEN_ID", "token-1")
    assert log_in(client(source), server()).token_id == "token-1"
    monkeypatch.delenv("KAFKA_TOKEN_HMAC")
    assert refusal(source).status == Status.IO


@pytest.mark.parametrize(
    ("text", "mode", "status", "part"),
    [
        ("", 0o600, Status.CORRUPT, "is empty"),
        (json.dumps(TOKEN)[:-1], 0o600, Status.CORRUPT, "does not end"),
        (json.dumps({**TOKEN, **ALICE}), 0o600, Status.CORRUPT, "keep one of the two"),
        (json.dumps({**TOKEN, "hmac": 7}), 0o600, Status.CORRUPT, '"hmac" is not a string'),
        (json.dumps(TOKEN), 0o644, Status.PERMISSIONS, "chmod 600"),
        (None, 0o600, Status.IO, "No such file"),
    ],
)
def test_what_is_wrong_is_said(path, source, text, mode, status, part):
    if text is None:
        path.unlink()
    else:
        write(path, text, mode)
    error = refusal(source)
    assert error.status is status
    assert part in str(error) and str(path) in str(error)


def test_expired_token_is_not_sent(path, source):
    write(path, {**TOKEN, "expiry_timestamp_ms": 1_000})
    assert isinstance(refusal(source), scramtoken.TokenExpiredError)
    assert source.token().expiry == datetime(1970, 1, 1, 0, 0, 1, tzinfo=timezone.utc)


def test_last_good_credential_serves_and_says_so_once(path, source, caplog):
    for _ in range(2):
        caplog.clear()
        write(path, TOKEN)
        assert log_in(client(source), server())
        assert not caplog.records
        path.unlink()
        for _ in range(3):
            assert log_in(client(source), server())
        [record] = caplog.records
        assert str(path) in record.getMessage()
        assert HMAC not in record.getMessage()


# ---- the token ----


def test_token_tells_what_is_known(path, source):
    known = {
        "owner": "User:alice",
        "issue_timestamp_ms": 0,
        "expiry_timestamp_ms": 4_102_444_800_000,
        "max_timestamp_ms": (1 << 63) - 1,
    }
    write(path, {**TOKEN, **known})
    token = source.token()
    assert token == DelegationToken(
        "token-1", HMAC, "User:alice", None, (), 0, 4_102_444_800_000, (1 << 63) - 1
    )
    assert token.issue == datetime(1970, 1, 1, tzinfo=timezone.utc)
    assert token.expiry == datetime(2100, 1, 1, tzinfo=timezone.utc)
    assert token.max.year == 9999
    assert HMAC not in repr(token)
    write(path, TOKEN)
    token = source.token()
    assert token == DelegationToken("token-1", HMAC)
    assert token.issue is token.expiry is token.max is None


def test_password_is_no_token(path, source):
    write(path, ALICE)
    with pytest.raises(scramtoken.ScramTokenError) as caught:
        source.token()
    assert caught.value.status is Status.TOKEN_NOT_FOUND
    assert "wonderland" not in repr(Password(**ALICE))


# ---- callbacks ----


@pytest.mark.parametrize(
    ("answer", "name"),
    [
        (DelegationToken("token-1", HMAC), "token-1"),
        (DelegationToken(b"token-1", HMAC.encode(), expiry_ms=(1 << 63) - 1), "token-1"),
        (Password("alice", "wonderland"), None),
        (Password(b"alice", b"wonderland"), None),
    ],
)
def test_callback_is_asked_at_each_login(answer, name):
    calls = []
    source = Source.from_callback(lambda: calls.append(1) or answer)
    for count in (1, 2):
        assert log_in(client(source), server()).token_id == name
        assert len(calls) == count


def test_callback_with_an_expired_token():
    source = Source.from_callback(lambda: DelegationToken("token-1", HMAC, expiry_ms=0))
    assert isinstance(refusal(source), scramtoken.TokenExpiredError)
    assert source.token().expiry_ms == 0


@pytest.mark.parametrize(
    ("answer", "cause"),
    [
        (None, TypeError),
        (("token-1", HMAC), TypeError),
        (DelegationToken("token-1", None), scramtoken.InvalidArgumentError),
        (DelegationToken("", HMAC), scramtoken.InvalidArgumentError),
        (DelegationToken("token-1", HMAC, expiry_ms=1.5), TypeError),
        (DelegationToken("token-1", HMAC, expiry_ms=1 << 63), ValueError),
        (Password("alice", ""), scramtoken.InvalidArgumentError),
        (Password("alice", 7), TypeError),
        (Password("alice", "\ud800"), ValueError),
    ],
)
def test_wrong_answers_fail_the_login(answer, cause):
    error = refusal(Source.from_callback(lambda: answer))
    assert isinstance(error.__cause__, cause)


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (OSError(5, "disk"), Status.INTERNAL),
        (scramtoken.ScramTokenError(Status.IO, "the vault is away"), Status.IO),
        (scramtoken.TokenExpiredError(Status.TOKEN_EXPIRED), Status.TOKEN_EXPIRED),
        (scramtoken.ScramTokenError(-4242), -4242),
        (scramtoken.ScramTokenError(0, "yes"), Status.INTERNAL),
    ],
)
def test_callback_that_raises(error, status):
    def ask():
        raise error

    source = Source.from_callback(ask)
    caught = refusal(source)
    assert (caught.status, caught.__cause__) == (status, error)
    with pytest.raises(type(caught)) as caught:
        source.token()
    assert caught.value.__cause__ is error


def test_keyboard_interrupt_goes_on_as_it_is():
    def ask():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        client(Source.from_callback(ask)).step()


def test_callback_may_log_in_itself():
    def ask():
        assert log_in(alice(), server())
        return Password("alice", "wonderland")

    assert log_in(client(Source.from_callback(ask)), server())


def test_callback_lives_as_long_as_a_client_may_call_it():
    class Ask:
        def __call__(self):
            return Password("alice", "wonderland")

    gc.collect()
    before = len(_callbacks._registered)
    ask = Ask()
    alive = weakref.ref(ask)
    source = Source.from_callback(ask)
    using = client(source)
    source.close()
    del ask, source
    gc.collect()
    assert alive() is not None
    assert log_in(using, server())
    del using
    gc.collect()
    assert alive() is None
    assert len(_callbacks._registered) == before


# ---- clients ----


def test_source_serves_threads(source):
    names = []

    def run():
        for _ in range(20):
            names.append(log_in(client(source), server()).token_id)

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert names == ["token-1"] * 80


def test_closed_source(source):
    using = client(source)
    source.close()
    assert log_in(using, server())
    for use in (lambda: client(source), source.token):
        with pytest.raises(scramtoken.InvalidStateError, match="this Source is closed"):
            use()


@pytest.mark.parametrize("uri", ["", "/run/token", "http://host/", "file:token.json", "env:X"])
def test_bad_uri(uri):
    with pytest.raises(scramtoken.InvalidArgumentError):
        Source.open(uri)


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: Source.open(b"env:"), "uri must be str, not bytes"),
        (lambda: Source.open(os.path), "uri must be str"),
        (lambda: Source.from_callback(7), "ask must be callable, not int"),
        (Source, "make a Source by Source.open or Source.from_callback"),
        (lambda: client("env:"), "source must be Source, not str"),
        (lambda: client(Source.open("env:"), username="a", password="b"), "or a source"),
        (lambda: client(Source.open("env:"), hmac="b"), "or a source"),
    ],
)
def test_wrong_types(make, text):
    with pytest.raises(TypeError, match=text):
        make()


def test_confluent_config_wants_a_uri():
    with pytest.raises(TypeError, match="source must be the URI of a source"):
        scramtoken.confluent_config({}, source=None)
