"""Logins to real brokers on libscramtoken: who gets in, and what the others are told."""

import base64
import secrets
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from harness.kafka.admin import KafkaError
from harness.kafka.cli import client_config, scramtoken
from harness.kafka.login_program import PYTHON, C, Credential, log_in
from harness.kafka.properties import ADMIN, LISTENERS, SCRAM_MECHANISMS, USERS

from .conftest import NEWEST, OLDEST, places
from .raw import KAFKAS_WORDS, RawLogin, Refused, challenge, log_in_with_doubled_nonce

IMPLICIT = "SCRAM-SHA-512"  # the mechanism whose line has implicitTokens and doubledNonce
EXPLICIT = "SCRAM-SHA-256"  # the one whose line has not

pytestmark = pytest.mark.parametrize(
    "broker", places(NEWEST, OLDEST), indirect=True, scope="session"
)


@pytest.fixture(scope="session")
def expired_token(broker):
    """Past its end, but not yet swept: that comes once an hour."""
    token = broker.create_token("User:alice", max_lifetime_ms=1500)
    time.sleep(max(0, token.expiry_ms / 1000 - time.time()) + 0.1)
    return token


def random_hmac():
    return base64.b64encode(secrets.token_bytes(64)).decode()


@pytest.mark.parametrize("listener", LISTENERS)
@pytest.mark.parametrize("mechanism", SCRAM_MECHANISMS)
def test_kafkas_own_client(broker, token, mechanism, listener):
    """Users and tokens, where our lines are and where the stock one is."""
    how = {"mechanism": mechanism, "listener": listener}
    broker.login("alice", USERS["alice"], **how)
    broker.login(token.id, token.hmac, token=True, **how)
    for name, secret, is_token in [
        ("alice", "bob-secret", False),
        ("mallory", "bob-secret", False),
        ("alice", USERS["alice"], True),
        (token.id, random_hmac(), True),
        (secrets.token_urlsafe(16), random_hmac(), True),
    ]:
        with pytest.raises(KafkaError, match=KAFKAS_WORDS):
            broker.login(name, secret, token=is_token, **how)


@pytest.mark.parametrize("program", [C, PYTHON], ids=["c", "python"])
@pytest.mark.parametrize("mechanism", SCRAM_MECHANISMS)
def test_our_examples(broker, token, program, mechanism):
    password = Credential("alice", USERS["alice"])
    login = log_in(program, broker.address(), mechanism, password)
    assert login.outcome == "logged in" and "no end" in login.text, login.text
    login = log_in(program, broker.address(), mechanism, Credential(token.id, token.hmac, True))
    assert login.outcome == "logged in", login.text
    seconds = int(login.text.rpartition("ends in ")[2].removesuffix(" s"))
    assert abs(seconds - (token.expiry_ms / 1000 - time.time())) < 30


def test_a_token_without_tokenauth(broker, token):
    """Only where the line says implicitTokens: the lines of one broker do not mix."""
    broker.login(token.id, token.hmac, mechanism=IMPLICIT)
    with pytest.raises(KafkaError, match=KAFKAS_WORDS):
        broker.login(token.id, token.hmac, mechanism=EXPLICIT)
    with pytest.raises(KafkaError, match=KAFKAS_WORDS):
        broker.login(token.id, token.hmac, mechanism=IMPLICIT, listener="SASL_SSL")
    with pytest.raises(KafkaError, match=KAFKAS_WORDS):
        broker.login(token.id, random_hmac(), mechanism=IMPLICIT)


def test_the_session_of_an_implicit_token_ends_with_it(broker, token):
    login = log_in(PYTHON, broker.address(), IMPLICIT, Credential(token.id, token.hmac))
    seconds = int(login.text.rpartition("ends in ")[2].removesuffix(" s"))
    assert abs(seconds - (token.expiry_ms / 1000 - time.time())) < 30


def test_a_user_goes_before_a_token(broker, token):
    """A user of the token's own name: its password logs in, the token's HMAC no more."""
    token = broker.create_token("User:alice")
    broker.add_user(token.id, "its-password", mechanisms=[IMPLICIT])
    login = log_in(PYTHON, broker.address(), IMPLICIT, Credential(token.id, "its-password"))
    assert login.outcome == "logged in" and "no end" in login.text, login.text
    login = log_in(PYTHON, broker.address(), IMPLICIT, Credential(token.id, token.hmac))
    assert login.outcome == "refused", login.text
    login = log_in(PYTHON, broker.address(), IMPLICIT, Credential(token.id, token.hmac, True))
    assert login.outcome == "logged in", login.text


def test_an_expired_token_is_refused_before_kafka_sweeps_it(broker, expired_token):
    for mechanism in SCRAM_MECHANISMS:
        credential = Credential(expired_token.id, expired_token.hmac, is_token=True)
        login = log_in(PYTHON, broker.address(), mechanism, credential)
        assert login.outcome == "refused", login.text
        assert KAFKAS_WORDS in login.text
    implicit = Credential(expired_token.id, expired_token.hmac)
    assert log_in(PYTHON, broker.address(), IMPLICIT, implicit).outcome == "refused"
    assert "TOKEN_EXPIRED" in broker.log()


def test_a_removed_token(broker):
    token = broker.create_token("User:alice")
    broker.expire_token(token)
    with pytest.raises(KafkaError, match=KAFKAS_WORDS):
        broker.login(token.id, token.hmac, token=True)


def test_strangers_get_a_challenge_like_anybody(broker, token):
    """Kafka's own listener tells at once that there is nobody of that name."""
    with pytest.raises(Refused, match=KAFKAS_WORDS):
        challenge(broker, IMPLICIT, "mallory", listener="SASL_SSL")

    salts = {}
    for mechanism, iterations in [(EXPLICIT, 8192), (IMPLICIT, 4096)]:
        salt, count = challenge(broker, mechanism, "mallory")
        assert (salt, count) == challenge(broker, mechanism, "mallory")
        assert count == iterations
        salts[mechanism] = salt
        assert salt != challenge(broker, mechanism, "eve")[0]
        # The real ones look the same.
        for name in (salt, challenge(broker, mechanism, "alice")[0]):
            assert 22 <= len(name) <= 26 and name.isalnum() and name == name.lower()
    assert len(set(salts.values())) == 2


def test_unknown_tokens_look_like_live_ones(broker, token):
    """Which of the three challenges for a name are equal, and how often each iterates."""
    removed = broker.create_token("User:alice")
    broker.expire_token(removed)
    never = secrets.token_urlsafe(16)
    for mechanism in (IMPLICIT, EXPLICIT):
        for name in (token.id, removed.id, never):
            said = challenge(broker, mechanism, name, ",tokenauth=true")
            plain = challenge(broker, mechanism, name)
            assert said == challenge(broker, mechanism, name, ",tokenauth=true")
            assert plain == challenge(broker, mechanism, name)
            assert (said == plain) == (mechanism == IMPLICIT), name
            assert said[1] == 4096
            assert plain[1] == (4096 if mechanism == IMPLICIT else 8192)  # as mockIterations says
            assert 22 <= len(said[0]) <= 26 and said[0].isalnum() and said[0] == said[0].lower()


@pytest.mark.parametrize("name", ["alice", "mallory", "alice.of-22-characters"])
def test_users_and_strangers_have_another_salt_as_tokens(broker, name):
    for mechanism in (IMPLICIT, EXPLICIT):
        as_user = challenge(broker, mechanism, name)
        as_token = challenge(broker, mechanism, name, ",tokenauth=true")
        assert as_user[0] != as_token[0]


def test_users_made_by_our_program_are_salted_like_others(broker, tmp_path):
    """Made-up salts have the look of Kafka's: so must all real ones."""
    config = client_config(tmp_path / "admin.properties", ADMIN, USERS[ADMIN])
    password = tmp_path / "password"
    password.write_text("its-password")
    password.chmod(0o600)
    for name in ("made-by-us", "made-by-us-too"):
        done = scramtoken(
            *("configs", "--bootstrap-server", broker.bootstrap(), "--command-config", config),
            *("--alter", "--entity-type", "users", "--entity-name", name),
            *("--add-config", f"{IMPLICIT}=[iterations=4096]", "--password-file", password),
        )
        assert done.returncode == 0, done.stderr
        broker.login(name, "its-password", mechanism=IMPLICIT)
        salt, _ = challenge(broker, IMPLICIT, name)
        assert 22 <= len(salt) <= 26 and salt.isalnum() and salt == salt.lower()


def test_a_doubled_nonce(broker):
    """Let in where the line says so."""
    assert log_in_with_doubled_nonce(broker, IMPLICIT, "alice", USERS["alice"]).startswith("v=")
    with pytest.raises(Refused, match=KAFKAS_WORDS):
        log_in_with_doubled_nonce(broker, EXPLICIT, "alice", USERS["alice"])


HOSTILE = [
    "",
    "n",
    "n,,",
    "n,,n=,r=x",
    "n,,n=alice,r=",
    "p=tls-unique,,n=alice,r=x",
    "n,,n=alice,r=x,m=y",
    "n,,n=alice,r=x,tokenauth=true,tokenauth=true",
    "n,,n=" + "x" * 5000 + ",r=x",
    "n,,n=alice,r=" + "x" * 300000,
    "n,,n=\0,r=x",
]


@pytest.mark.parametrize("message", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_client_first(broker, message):
    with RawLogin(broker, IMPLICIT) as connection:
        with pytest.raises(Refused, match=KAFKAS_WORDS):
            connection.send(message)


@pytest.mark.parametrize(
    "message", ["", "c=biws,r=abcdefgh,p=AAAA", "c=biws", "x" * 5000], ids=range(4)
)
def test_hostile_client_final(broker, message):
    with RawLogin(broker, IMPLICIT) as connection:
        connection.send("n,,n=alice,r=abcdefgh")
        with pytest.raises(Refused, match=KAFKAS_WORDS):
            connection.send(message)


def test_another_authzid(broker):
    with RawLogin(broker, IMPLICIT) as connection:
        with pytest.raises(Refused, match="authorization id that is different from username"):
            connection.send("n,a=bob,n=alice,r=x")


def test_many_at_once(broker, token):
    """Network threads share nothing but what is thread-safe."""
    address = broker.address()

    def once(number):
        mechanism = SCRAM_MECHANISMS[number % 2]
        right = number % 3 != 0
        hmac = token.hmac if right else random_hmac()
        outcome = log_in(C, address, mechanism, Credential(token.id, hmac, True)).outcome
        return outcome == ("logged in" if right else "refused")

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(once, range(60)))
