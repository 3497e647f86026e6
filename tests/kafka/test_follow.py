"""`scramtoken store follow`: a cluster's tokens, in the store of a server that is not Kafka."""

import contextlib
import json
import random
import signal
import subprocess
import time
import urllib.request

import pytest

import scramtoken
from harness.example_server import ExampleServer
from harness.forwarder import Forwarder
from harness.kafka.admin import KafkaError
from harness.kafka.broker import KafkaBroker
from harness.kafka.cli import PROGRAM, client_config, kafka_delegation_tokens
from harness.kafka.cli import scramtoken as program
from harness.kafka.peer import ScramPeer
from harness.kafka.ports import free_port
from harness.kafka.properties import ADMIN, USERS
from harness.kafka.token_tool import create_token
from harness.process import start, stop

SETTLE = 30  # seconds; a machine under load
AUTHORIZER = {
    "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
    "super.users": "User:admin;User:ANONYMOUS",
}


@pytest.fixture(scope="module")
def cluster():
    """Its administrator is a super user; everybody else has no right at all."""
    with KafkaBroker(extra_properties=AUTHORIZER) as broker:
        yield broker


@pytest.fixture(autouse=True)
def without_tokens(cluster):
    yield
    for token in described(cluster):
        cluster.expire_token(Listed(**token))


class Listed:
    def __init__(self, token_id, hmac, **_):
        self.id, self.hmac = token_id, hmac


class Follow:
    """One store that follows the cluster, by one command line."""

    def __init__(self, cluster, directory):
        self.cluster = cluster
        self.uri = f"lmdb:{directory / 'store'}"
        self.directory = directory
        self.config = self.config_of(ADMIN)

    def config_of(self, user, **settings):
        path = self.directory / f"{user}.properties"
        return client_config(path, user, USERS[user], **settings)

    def arguments(self, *options, config=None, servers=None):
        where = ["--bootstrap-server", servers or self.cluster.bootstrap()]
        where += ["--command-config", config or self.config]
        return ["store", "follow", "--store", self.uri, *where, *options]

    def once(self, *options, **where):
        return program(*self.arguments("--once", *options, **where))

    @contextlib.contextmanager
    def running(self, *options, interval="250ms", **where):
        """The follower, for as long as the block lasts; its log is a file."""
        options = ["--interval", interval, *options]
        argv = [str(word) for word in [PROGRAM, *self.arguments(*options, **where)]]
        with open(self.directory / "follow.log", "ab") as log:
            process = start(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            yield process
        finally:
            stop(process)

    def log(self):
        return (self.directory / "follow.log").read_text()

    def stats(self):
        done = program("store", "stats", "--store", self.uri, "--output", "json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def check(self):
        done = program("store", "check", "--store", self.uri)
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture
def follow(cluster, tmp_path):
    return Follow(cluster, tmp_path)


def until(what, seconds=SETTLE):
    """Waits for something to come true, and says how long that took."""
    begun = time.monotonic()
    while not what():
        assert time.monotonic() - begun < seconds, "it does not come true"
        time.sleep(0.02)
    return time.monotonic() - begun


def described(cluster, *owners):
    """What the administrator sees of alice's and bob's tokens."""
    config = client_config(cluster.directory / "lister.properties", ADMIN, USERS[ADMIN])
    where = ["--bootstrap-server", cluster.bootstrap(), "--command-config", config]
    who = [
        w for owner in owners or ("alice", "bob") for w in ("--owner-principal", f"User:{owner}")
    ]
    done = program("delegation-tokens", *where, "--describe", *who, "--output", "json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def grant(cluster, action, user):
    """Describe on all delegation tokens, added or removed."""
    tokens = ("DELEGATION_TOKEN", "*")
    cluster.allow(f"User:{user}", "DESCRIBE", *tokens, allowed=action == "add")


# ---- what a server sees ----


def test_a_token_of_kafkas_tool_logs_in_everywhere_until_kafkas_tool_ends_it(cluster, follow):
    with follow.running() as follower:
        until(lambda: "ready" in follow.log())
        with ExampleServer(follow.uri) as server, ScramPeer(cluster.version) as peer:
            token_id, hmac = create_token(cluster, "alice", USERS["alice"], -1)
            until(lambda: server.log_in(token_id, hmac) == "logged in")
            assert server.log_in(token_id, hmac, "SCRAM-SHA-256") == "logged in"
            for mechanism in ("SCRAM-SHA-256", "SCRAM-SHA-512"):
                outcome = server.log_in_by_kafkas_classes(token_id, hmac, mechanism, peer)
                assert outcome == "logged in"
            assert f"authenticated alice by token {token_id}" in server.verdicts()[-1]
            assert server.log_in(token_id, hmac[::-1]) == "INVALID_PROOF"

            alice = follow.config_of("alice")
            where = ["--bootstrap-server", cluster.bootstrap(), "--command-config", alice]
            expire = ["--expire", "--expiry-time-period", "-1", "--hmac", hmac]
            done = kafka_delegation_tokens(cluster.version, *where, *expire)
            assert done.returncode == 0, done.stdout + done.stderr
            until(lambda: server.log_in(token_id, hmac) == "TOKEN_NOT_FOUND")
            outcome = server.log_in_by_kafkas_classes(token_id, hmac, peer=peer)
            assert outcome == "TOKEN_NOT_FOUND"
        assert follower.poll() is None
    assert hmac not in follow.log() and USERS[ADMIN] not in follow.log()


def test_a_renewed_token_lives_on_and_a_shortened_one_ends(cluster, follow):
    token = cluster.create_token(max_lifetime_ms=3_600_000)
    assert follow.once().returncode == 0
    cluster._admin.request("expire-token", token.hmac, 1000)  # after a second
    until(lambda: "1 given another end" in follow.once().stdout)
    with ExampleServer(follow.uri) as server:
        until(lambda: server.log_in(token.id, token.hmac) == "TOKEN_EXPIRED")


def test_logins_go_on_while_no_broker_answers_until_the_store_is_too_old(cluster, follow):
    token = cluster.create_token()
    soon = cluster.create_token(max_lifetime_ms=5000)
    with scramtoken.Store.open(follow.uri) as store:
        store.put_user("SCRAM-SHA-512", "local", "a user of this host")
    with follow.running("--max-age", "7s"), ExampleServer(follow.uri) as server:
        until(lambda: server.log_in(token.id, token.hmac) == "logged in")
        cluster.stop_node()
        try:
            assert server.log_in(token.id, token.hmac) == "logged in"
            # The token's own end needs nobody.
            until(lambda: server.log_in(soon.id, soon.hmac) == "TOKEN_EXPIRED")
            until(lambda: server.log_in(token.id, token.hmac) == "TOKENS_STALE")
            assert server.log_in("no-such-token", token.hmac) == "TOKENS_STALE"
            assert server.log_in("local", "a user of this host", token=False) == "logged in"
            following = follow.stats()["following"]
            assert following["failures"] > 0 and following["last_look_age_ms"] > 7000
        finally:
            cluster.start_node()
            cluster.wait_until_ready()
        until(lambda: server.log_in(token.id, token.hmac) == "logged in", 60)
    assert "the cluster answers again" in follow.log()
    # One that has ended is as quiet as one that gets no answer.
    with ExampleServer(follow.uri) as server:
        until(lambda: server.log_in(token.id, token.hmac) == "TOKENS_STALE")
        assert follow.once().returncode == 0  # without a limit
        assert server.log_in(token.id, token.hmac) == "logged in"


# ---- one master ----


def test_such_a_store_has_one_master(cluster, follow, tmp_path):
    token = cluster.create_token()
    with follow.running():
        until(lambda: "ready" in follow.log())
        second = follow.once()
        assert second.returncode == 1
        assert "another process follows a cluster into this store" in second.stderr

    key = tmp_path / "key"
    assert program("secret-key", "generate", "--out", key).returncode == 0
    ours = ["delegation-tokens", "--store", follow.uri, "--secret-key-file", key]
    ours += ["--as", "User:alice"]
    for action in (
        ["--create", "--max-life-time-period", "-1"],
        ["--renew", "--renew-time-period", "-1", "--hmac", token.hmac],
        ["--expire", "--expiry-time-period", "-1", "--hmac", token.hmac],
    ):
        done = program(*ours, *action)
        assert done.returncode == 1 and "follows the Kafka cluster" in done.stderr, done.stderr
        assert "--bootstrap-server" in done.stderr
    swept = program("store", "sweep", "--store", follow.uri)
    assert swept.returncode == 1 and "follows the Kafka cluster" in swept.stderr
    with scramtoken.Store.open(follow.uri) as store:
        with pytest.raises(scramtoken.InvalidStateError, match="follows the Kafka cluster"):
            store.put_token("id", "User:alice", hmac=token.hmac, expiry_ms=None)
        with pytest.raises(scramtoken.InvalidStateError, match="follows the Kafka cluster"):
            store.delete_token(token.id)
        store.put_user("SCRAM-SHA-512", "local", "a user of this host")
    assert follow.stats()["tokens"] == 1 and follow.stats()["users"] == 1
    follow.check()

    with KafkaBroker() as other:
        elsewhere = Follow(other, tmp_path)
        done = elsewhere.once()
        assert done.returncode == 1 and "give each cluster a store of its own" in done.stderr
        assert follow.stats()["tokens"] == 1


def test_a_living_follower_that_is_led_to_another_cluster(cluster, follow):
    token = cluster.create_token()
    with KafkaBroker() as other, Forwarder(cluster.address()) as way:
        stranger = other.create_token()
        with follow.running(servers=way.address), ExampleServer(follow.uri) as server:
            until(lambda: server.log_in(token.id, token.hmac) == "logged in")
            way.lead_to(other.address())
            until(lambda: "give each cluster a store of its own" in follow.log())
            assert follow.stats()["tokens"] == 1 and follow.stats()["following"]["failures"] > 0
            assert server.log_in(token.id, token.hmac) == "logged in"
            assert server.log_in(stranger.id, stranger.hmac) == "TOKEN_NOT_FOUND"
            way.lead_to(cluster.address())
            until(lambda: "the cluster answers again" in follow.log())
            # A connection that was closed while it was idle is no failure.
            failures = follow.log().count("warning")
            way.lead_to(cluster.address())
            second = cluster.create_token()
            until(lambda: server.log_in(second.id, second.hmac) == "logged in")
            assert follow.log().count("warning") == failures


def test_a_look_that_fails_opens_nothing(cluster, follow):
    """A longer limit, or none, begins with a good look."""
    cluster.create_token()

    def limit():
        return follow.stats()["following"]["max_age_ms"]

    config = follow.config_of(ADMIN, default_api_timeout_ms=3000, request_timeout_ms=1000)
    assert follow.once("--max-age", "1h", config=config).returncode == 0 and limit() == 3_600_000
    nobody = f"127.0.0.1:{free_port()}"
    for options, expected in (
        ([], 3_600_000),
        (["--max-age", "2h"], 3_600_000),
        (["--max-age", "1m"], 60_000),
    ):
        failed = follow.once(*options, config=config, servers=nobody)
        assert failed.returncode == 3 and limit() == expected
    assert follow.once(config=config).returncode == 0 and limit() is None


def test_a_store_with_tokens_of_its_own_is_not_taken_over(cluster, follow):
    with scramtoken.Store.open(follow.uri) as store:
        store.put_token("id", "User:alice", hmac="aG1hYw==", expiry_ms=None)
    done = follow.once()
    assert done.returncode == 1 and "1 tokens of its own" in done.stderr
    assert follow.stats()["tokens"] == 1 and follow.stats()["following"] is None


# ---- what the principal may see ----


def test_the_principal_has_to_see_all_tokens(cluster, follow):
    token = cluster.create_token("User:bob")
    alice = follow.config_of("alice")
    own = cluster.create_token("User:alice")  # which she sees without any right
    done = follow.once(config=alice)
    assert done.returncode == 1
    assert "--operation Describe --delegation-token '*'" in done.stderr
    assert "User:alice" in done.stderr
    assert follow.stats()["tokens"] == 0

    grant(cluster, "add", "alice")
    try:
        until(lambda: follow.once(config=alice).returncode == 0)
        assert follow.stats()["tokens"] == 2
        # Her right goes: that is not the end of all tokens.
        grant(cluster, "remove", "alice")
        until(lambda: follow.once(config=alice).returncode == 1)
        done = follow.once(config=alice)
        assert "may no longer describe" in done.stderr and "--delegation-token '*'" in done.stderr
        assert follow.stats()["tokens"] == 2 and follow.stats()["following"]["failures"] >= 1
        # It comes back, and then all tokens of others end: that is.
        grant(cluster, "add", "alice")
        until(lambda: follow.once(config=alice).returncode == 0)
        cluster.expire_token(token)
        until(lambda: follow.once(config=alice).returncode == 0 and follow.stats()["tokens"] == 1)
        cluster.expire_token(own)
        until(lambda: follow.once(config=alice).returncode == 0 and follow.stats()["tokens"] == 0)
    finally:
        grant(cluster, "remove", "alice")


def test_brokers_that_are_not_there(cluster, follow):
    config = follow.config_of(ADMIN, default_api_timeout_ms=3000, request_timeout_ms=1000)
    done = follow.once(config=config, servers=f"127.0.0.1:{free_port()}")
    assert done.returncode == 3, done.stderr
    for options, text in (
        (["--interval", "5ms"], "100ms"),
        (["--interval", "600000000d"], "to 1d"),
        (["--max-age", "1s"], "at least twice --interval"),
    ):
        refused = program(*follow.arguments(*options))
        assert refused.returncode == 2 and text in refused.stderr


# ---- what is shown ----


def test_metrics_and_stats(cluster, follow):
    token = cluster.create_token()
    address = f"127.0.0.1:{free_port()}"
    with follow.running("--listen", address, "--max-age", "1h") as follower:
        until(lambda: "ready" in follow.log())

        def get(path):
            with urllib.request.urlopen(f"http://{address}{path}", timeout=10) as answer:
                return answer.read().decode()

        assert get("/healthz") == get("/readyz") == "ok\n"
        metrics = dict(
            line.rsplit(" ", 1) for line in get("/metrics").splitlines() if line[0] != "#"
        )
        prefix = "scramtoken_follow_"
        assert metrics[f"{prefix}tokens"] == "1" and metrics[f"{prefix}lag_tokens"] == "0"
        assert float(metrics[f"{prefix}last_look_age_seconds"]) < SETTLE
        assert metrics[f"{prefix}max_age_seconds"] == "3600.000"
        assert metrics[f"{prefix}failures_total"] == "0" and metrics[f"{prefix}brokers_up"] == "1"
        status = json.loads(get("/status"))
        assert status["ready"] and status["tokens"] == 1
        following = follow.stats()["following"]
        assert following["cluster_id"] == status["cluster_id"]
        assert following["max_age_ms"] == 3_600_000 and following["failures"] == 0
        assert token.hmac not in get("/metrics") + get("/status")
        follower.send_signal(signal.SIGTERM)
        assert follower.wait(30) == 0
    table = program("store", "stats", "--store", follow.uri).stdout
    assert "follows the cluster" in table and "age of last look" in table


# ---- killed at any moment ----


@pytest.mark.parametrize(
    "kills", [3, pytest.param(50, marks=[pytest.mark.long, pytest.mark.timeout(1800)])]
)
def test_a_follower_that_is_killed_amid_changes(cluster, follow, kills):
    """Whatever it was doing: the next one ends with what the cluster has."""
    rng = random.Random(kills)
    tokens = []

    def expire(hmac, period_ms):
        """A token that was just made is for a moment unknown to Kafka itself."""

        def is_done():
            with contextlib.suppress(KafkaError):
                return cluster._admin.request("expire-token", hmac, period_ms)

        until(is_done)

    def change():
        if tokens and rng.random() < 0.4:
            expire(tokens.pop(rng.randrange(len(tokens))), -1)
        elif tokens and rng.random() < 0.3:
            expire(rng.choice(tokens), rng.randrange(10**6, 10**7))
        else:
            owner = rng.choice(["User:alice", "User:bob"])
            made = cluster._admin.request("create-token", owner, -1, "User:admin")
            tokens.append(made[1])

    for _ in range(kills):
        with follow.running(interval="100ms") as follower:
            deadline = time.monotonic() + rng.uniform(0.3, 2.0)
            while time.monotonic() < deadline:
                change()
            follower.send_signal(signal.SIGKILL)
            follower.wait(30)
        change()
    follow.check()
    # They did get to work, or nothing was shown.
    assert follow.log().count(" new tokens, ") >= max(1, kills // 4)
    assert follow.stats()["tokens"] > 0

    # Once the broker itself has learned of the last change, one look is enough.
    until(lambda: {token["hmac"] for token in described(cluster)} == set(tokens))
    done = follow.once()
    assert done.returncode == 0, done.stderr
    assert follow.stats()["tokens"] == len(tokens)
    follow.check()
    with ExampleServer(follow.uri) as server:
        for token in described(cluster):
            assert server.log_in(token["token_id"], token["hmac"]) == "logged in"
            until_ms = int(server.verdicts()[-1].rpartition(" ")[2])
            assert until_ms == token["expiry_timestamp_ms"]
