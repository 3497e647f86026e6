"""`scramtoken delegation-tokens` beside kafka-delegation-tokens.sh, on the same brokers."""

import base64
import contextlib
import json
import re
import secrets
import socket
import stat
import threading
import time

import pytest

from harness.kafka.broker import KafkaBroker
from harness.kafka.cli import client_config, kafka_delegation_tokens, scramtoken
from harness.kafka.properties import USERS

DAY_MS = 24 * 60 * 60 * 1000


class Tools:
    """Both tools against one broker, with the same options."""

    def __init__(self, broker, directory):
        self.broker = broker
        self.directory = directory
        self.alice = self.config("alice", USERS["alice"])

    def config(self, user, password, **how):
        path = self.directory / f"{secrets.token_hex(4)}.properties"
        return client_config(path, user, password, **how)

    def ours(self, *options, config=None, stdin=None):
        return scramtoken("delegation-tokens", *self._where(config), *options, stdin=stdin)

    def kafkas(self, *options, config=None):
        return kafka_delegation_tokens(self.broker.version, *self._where(config), *options)

    def both(self, *options, config=None):
        return self.ours(*options, config=config), self.kafkas(*options, config=config)

    def create(self, *options, config=None):
        """A token by our own tool, as its JSON."""
        options = ["--create", "--max-life-time-period", "-1", "--output", "json", *options]
        done = self.ours(*options, config=config)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def _where(self, config):
        bootstrap = self.broker.bootstrap()
        return "--bootstrap-server", bootstrap, "--command-config", config or self.alice


@pytest.fixture
def tools(broker, tmp_path):
    return Tools(broker, tmp_path)


def masked(text):
    """Ids, HMACs and dates replaced, and what ours does not show."""
    text = re.sub(r"[A-Za-z0-9_+/-]{86}==", "HMAC", text)
    text = re.sub(r"hmac :\S+ (shown\) )?,", "hmac :HMAC ,", text)
    text = re.sub(r"^(\s*|.*tokenId : )[\w-]{22}", r"\1ID", text, flags=re.MULTILINE)
    return re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d", "DATE", text).rstrip("\n")


@pytest.mark.parametrize(
    "options",
    [
        ["--renewer-principal", "User:bob"],
        ["--renewer-principal", "User:bob", "--renewer-principal", "User:admin"],
        ["--owner-principal", "User:bob"],
        [],
    ],
    ids=["renewer", "renewers", "owner", "neither"],
)
def test_create_prints_the_same(tools, options):
    ours, kafkas = tools.both("--create", "--max-life-time-period", "-1", *options)
    assert (ours.returncode, kafkas.returncode) == (0, 0), ours.stderr + kafkas.stderr
    assert masked(ours.stdout) == masked(kafkas.stdout)
    assert "Created delegation token with tokenId : ID" in masked(ours.stdout)


def test_a_created_token_logs_in(tools):
    token = tools.create("--renewer-principal", "User:bob")
    tools.broker.wait_for_login(token["token_id"], token["hmac"], token=True)
    assert token["owner"] == token["requester"] == "User:alice"
    assert token["renewers"] == ["User:bob"]
    assert token["expiry_timestamp_ms"] - token["issue_timestamp_ms"] == DAY_MS
    assert token["max_timestamp_ms"] - token["issue_timestamp_ms"] == 7 * DAY_MS


def test_describe_prints_the_same(tools):
    token = tools.create("--owner-principal", "User:bob", "--renewer-principal", "User:alice")
    tools.broker.wait_for_login(token["token_id"], token["hmac"], token=True)
    for owners in (["User:bob"], ["User:alice", "User:bob"], ["User:nobody"], []):
        options = [word for owner in owners for word in ("--owner-principal", owner)]
        ours, kafkas = tools.both("--describe", *options)
        assert (ours.returncode, kafkas.returncode) == (0, 0), ours.stderr + kafkas.stderr
        assert sorted(ours.stdout.splitlines()) == sorted(kafkas.stdout.splitlines())
        assert (token["hmac"] in ours.stdout) == ("User:bob" in owners)
    assert "--owner-principal" in ours.stderr  # without it Kafka lists nothing, and we say so


def test_renew_prints_and_does_the_same(tools):
    ends = []
    for tool in (tools.ours, tools.kafkas):
        token = tools.create()
        tools.broker.wait_for_login(token["token_id"], token["hmac"], token=True)
        done = tool("--renew", "--renew-time-period", "3600000", "--hmac", token["hmac"])
        assert done.returncode == 0, done.stderr
        end = changed_expiry(tools, token)
        ends.append((masked(done.stdout), end - time.time() * 1000))
    (ours, our_end), (kafkas, kafkas_end) = ends
    assert ours == kafkas
    assert our_end == pytest.approx(3600_000, abs=30_000)
    assert kafkas_end == pytest.approx(3600_000, abs=30_000)


def test_renew_keeps_a_token_file_fresh(tools, tmp_path):
    path = tmp_path / "token.json"
    made = tools.ours(
        "--create", "--max-life-time-period", "-1", "--output", "token-file", "--out", path
    )
    assert made.returncode == 0, made.stderr
    before = json.loads(path.read_text())
    tools.broker.wait_for_login(before["token_id"], before["hmac"], token=True)
    renew = ["--renew", "--renew-time-period", "3600000", "--output", "token-file", "--out", path]
    refused = tools.ours(*renew, "--hmac", before["hmac"])  # of which nothing else is known
    assert (refused.returncode, json.loads(path.read_text())) == (2, before)
    done = tools.ours(*renew, "--hmac-file", path)
    assert done.returncode == 0, done.stderr
    after = json.loads(path.read_text())
    assert after["expiry_timestamp_ms"] < before["expiry_timestamp_ms"]
    assert after["expiry_timestamp_ms"] == changed_expiry(tools, before)
    assert {**after, "expiry_timestamp_ms": 0} == {**before, "expiry_timestamp_ms": 0}


def test_renewals_that_reach_the_end_for_good_say_so(tools, tmp_path):
    made = tools.ours("--create", "--max-life-time-period", "120000", "--output", "json")
    assert made.returncode == 0, made.stderr
    token = json.loads(made.stdout)
    tools.broker.wait_for_login(token["token_id"], token["hmac"], token=True)
    path = tmp_path / "token.json"
    path.touch(mode=0o600)
    renew = ["--renew", "--renew-time-period", "-1", "--hmac-file", path]
    for text in (json.dumps(token), token["hmac"]):  # with the end in it, and without
        path.write_text(text)
        done = tools.ours(*renew)
        assert done.returncode == 0, done.stderr
        assert "ends for good at" in done.stderr and "create a new one" in done.stderr
        assert token["hmac"] not in done.stderr
    renew[2] = "1000"
    done = tools.ours(*renew)
    assert (done.returncode, done.stderr) == (0, "")


def test_an_owner_without_a_name_is_whoever_asks(tools):
    """The tools read `User:` alike, and so does the cluster what both of them send."""
    create = ["--create", "--max-life-time-period", "-1", "--owner-principal", "User:"]
    create += ["--renewer-principal", "User:"]
    ours, kafkas = tools.ours(*create), tools.kafkas(*create)
    assert ours.returncode == kafkas.returncode == 0, ours.stderr + kafkas.stderr
    assert masked(ours.stdout) == masked(kafkas.stdout)
    assert "User:alice" in ours.stdout
    describe = ["--describe", "--owner-principal", "User:"]
    kafkas = tools.kafkas(*describe)
    assert kafkas.returncode == 0, kafkas.stderr
    for _ in range(50):  # until the broker has learned of both tokens
        ours = tools.ours(*describe)
        assert ours.returncode == 0, ours.stderr
        if sorted(ours.stdout.splitlines()) == sorted(kafkas.stdout.splitlines()):
            break
        time.sleep(0.1)
        kafkas = tools.kafkas(*describe)
    else:
        pytest.fail(f"{ours.stdout}\n{kafkas.stdout}")


@contextlib.contextmanager
def on_the_way_to(broker, meanwhile):
    """An address of the broker at which something happens before the first request gets there."""

    def pass_on(source, sink):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)

    def serve():
        with contextlib.suppress(OSError):
            client, _ = listener.accept()
            meanwhile()
            host, port = broker.bootstrap().rsplit(":", 1)
            with client, socket.create_connection((host, int(port))) as server:
                back = threading.Thread(target=pass_on, args=(server, client), daemon=True)
                back.start()
                pass_on(client, server)
                back.join()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"127.0.0.1:{listener.getsockname()[1]}"
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(20)


ROTATED = '{"token_id": "other", "hmac": "b3RoZXI="}'


def put_another(path):
    """As a rotation does it: a new file, renamed."""
    new = path.with_suffix(".new")
    new.touch(mode=0o600)
    new.write_text(ROTATED)
    new.rename(path)


@pytest.mark.parametrize("action", ["renew", "expire"])
def test_what_was_put_there_meanwhile_is_not_lost(tools, tmp_path, action):
    path = tmp_path / "token.json"
    create = ["--create", "--max-life-time-period", "-1", "--output", "token-file", "--out", path]
    option = "--renew-time-period" if action == "renew" else "--expiry-time-period"
    change = [f"--{action}", option, "3600000", "--hmac-file", path]
    change += ["--output", "token-file", "--out", path]
    for meanwhile, text, after in [
        (lambda: put_another(path), "has changed since it was read, and was left alone", ROTATED),
        (lambda: path.write_text(ROTATED), "has changed since it was read", ROTATED),
        (path.unlink, "has been removed since it was read, and was not made anew", None),
        (lambda: path.chmod(0o400), None, None),
    ]:
        path.unlink(missing_ok=True)
        assert tools.ours(*create).returncode == 0
        token = json.loads(path.read_text())
        tools.broker.wait_for_login(token["token_id"], token["hmac"], token=True)
        with on_the_way_to(tools.broker, meanwhile) as address:
            config = ["--command-config", tools.alice]
            done = scramtoken("delegation-tokens", "--bootstrap-server", address, *config, *change)
        expiry_ms = changed_expiry(tools, token)
        if text is None:  # other rights are no other token
            assert done.returncode == 0, done.stderr
            assert json.loads(path.read_text()) == token | {"expiry_timestamp_ms": expiry_ms}
            continue
        assert done.returncode == 6
        assert f"{path}: it {text}" in done.stderr
        assert f"({expiry_ms} ms) all the same" in done.stderr
        assert (path.read_text() if path.exists() else None) == after


def test_what_can_no_longer_be_written_says_what_the_cluster_has(tools, tmp_path):
    directory = tmp_path / "directory"
    directory.mkdir()
    path, moved = directory / "token.json", tmp_path / "moved"
    hmac = tmp_path / "hmac"
    hmac.touch(mode=0o600)
    token = tools.create()
    hmac.write_text(token["hmac"])
    tools.broker.wait_for_login(token["token_id"], token["hmac"], token=True)
    out = ["--out", path, "--bootstrap-server"]
    config = ["--command-config", tools.alice]
    renew = ["--renew", "--renew-time-period", "3600000", "--hmac-file", hmac]
    create = ["--create", "--max-life-time-period", "-1"]

    with on_the_way_to(tools.broker, path.mkdir) as address:
        done = scramtoken("delegation-tokens", *renew, *out, address, *config)
    assert (done.returncode, "it is a directory" in done.stderr) == (3, True)
    expiry_ms = changed_expiry(tools, token)
    assert "the token was renewed until 20" in done.stderr and str(expiry_ms) in done.stderr
    path.rmdir()
    with on_the_way_to(tools.broker, lambda: directory.rename(moved)) as address:
        done = scramtoken("delegation-tokens", *create, *out, address, *config)
    assert (done.returncode, f"{directory}: No such file" in done.stderr) == (3, True)
    made = re.search(r'the token "(\S+)" was created', done.stderr)[1]
    assert list(moved.iterdir()) == []
    describe = ["--describe", "--owner-principal", "User:alice"]
    deadline = time.monotonic() + 20
    while made not in tools.ours(*describe).stdout:
        assert time.monotonic() < deadline
        time.sleep(0.1)


def changed_expiry(tools, token):
    """The token's expiry once the broker has learned that it is another."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        done = tools.ours("--describe", "--owner-principal", "User:alice", "--output", "json")
        described = next(t for t in json.loads(done.stdout) if t["token_id"] == token["token_id"])
        if described["expiry_timestamp_ms"] != token["expiry_timestamp_ms"]:
            return described["expiry_timestamp_ms"]
        time.sleep(0.1)
    pytest.fail("the broker shows the old expiry for 20 s")


@pytest.mark.parametrize("period", ["-1", "60000"])
def test_expire_prints_and_does_the_same(tools, period):
    texts = []
    for tool in (tools.ours, tools.kafkas):
        token = tools.create()
        tools.broker.wait_for_login(token["token_id"], token["hmac"], token=True)
        done = tool("--expire", "--expiry-time-period", period, "--hmac", token["hmac"])
        assert done.returncode == 0, done.stderr
        gone = period == "-1"
        tools.broker.wait_for_login(token["token_id"], token["hmac"], token=True, accepted=not gone)
        texts.append(masked(done.stdout))
    assert texts[0] == texts[1]


def unknown_hmac():
    return base64.b64encode(secrets.token_bytes(64)).decode()


def test_errors_are_kafkas_by_name(tools):
    bob = tools.config("bob", USERS["bob"])
    token = tools.create()
    tools.broker.wait_for_login(token["token_id"], token["hmac"], token=True)
    by_token = tools.config(token["token_id"], token["hmac"], token=True)
    renew = ["--renew", "--renew-time-period", "-1", "--hmac"]
    expire = ["--expire", "--expiry-time-period", "-1", "--hmac"]
    create = ["--create", "--max-life-time-period", "-1"]
    for options, config, name, theirs in [
        ([*renew, unknown_hmac()], None, "TOKEN_NOT_FOUND", "TokenNotFound"),
        ([*expire, unknown_hmac()], None, "TOKEN_NOT_FOUND", "TokenNotFound"),
        ([*renew, token["hmac"]], bob, "TOKEN_OWNER_MISMATCH", "TokenOwnerMismatch"),
        ([*expire, token["hmac"]], bob, "TOKEN_OWNER_MISMATCH", "TokenOwnerMismatch"),
        (create, by_token, "TOKEN_REQUEST_NOT_ALLOWED", "UnsupportedByAuthentication"),
        (
            [*create, "--renewer-principal", "Group:x"],
            None,
            "INVALID_PRINCIPAL_TYPE",
            "InvalidPrincipalType",
        ),
    ]:
        ours, kafkas = tools.both(*options, config=config)
        assert (ours.returncode, kafkas.returncode) == (1, 1), ours.stderr + kafkas.stderr
        assert name in ours.stderr
        assert theirs in kafkas.stderr
        assert token["hmac"] not in ours.stderr
        assert len(ours.stderr.splitlines()) <= 2  # a sentence, and not a stack trace


def test_an_expired_token_cannot_be_renewed(tools):
    token = json.loads(
        tools.ours("--create", "--max-life-time-period", "1000", "--output", "json").stdout
    )
    time.sleep(max(0, token["expiry_timestamp_ms"] / 1000 - time.time()) + 0.5)
    ours, kafkas = tools.both("--renew", "--renew-time-period", "-1", "--hmac", token["hmac"])
    assert (ours.returncode, kafkas.returncode) == (5, 1), ours.stderr + kafkas.stderr
    assert "DELEGATION_TOKEN_EXPIRED" in ours.stderr
    assert "DelegationTokenExpired" in kafkas.stderr


def test_a_refused_login(tools):
    wrong = tools.config("alice", "wrong-secret")
    ours, kafkas = tools.both("--describe", "--owner-principal", "User:alice", config=wrong)
    assert (ours.returncode, kafkas.returncode) == (4, 1)
    assert 'refused the login of the user "alice" by SCRAM-SHA-512' in ours.stderr
    assert "SaslAuthenticationException" in kafkas.stderr
    assert "wrong-secret" not in ours.stderr


@pytest.mark.parametrize(
    "options",
    [
        [],
        ["--create"],
        ["--create", "--describe", "--max-life-time-period", "-1"],
        ["--create", "--max-life-time-period", "-1", "--hmac", "eA=="],
        ["--create", "--max-life-time-period", "-1", "--renew-time-period", "1"],
        ["--create", "--max-life-time-period", "soon"],
        ["--create", "--max-life-time-period", "-1", "--renewer-principal", "bob"],
        ["--renew", "--hmac", "eA=="],
        ["--renew", "--renew-time-period", "1"],
        ["--renew", "--renew-time-period", "1", "--hmac", "eA==", "--owner-principal", "User:a"],
        ["--renew", "--renew-time-period", "1", "--hmac", "not base64"],
        ["--expire", "--hmac", "eA=="],
        ["--expire", "--expiry-time-period", "1", "--hmac", "eA==", "--max-life-time-period", "1"],
        ["--describe", "--hmac", "eA=="],
        ["--describe", "--expiry-time-period", "1"],
        ["--describe", "--no-such-option"],
    ],
    ids=" ".join,
)
def test_wrong_command_lines_are_refused_by_both(tmp_path, options):
    config = client_config(tmp_path / "alice.properties", "alice", USERS["alice"])
    where = ["--bootstrap-server", "127.0.0.1:1", "--command-config", config]  # nobody is asked
    ours = scramtoken("delegation-tokens", *where, *options)
    kafkas = kafka_delegation_tokens("4.4.0", *where, *options)
    assert (ours.returncode, kafkas.returncode) == (2, 1), ours.stderr + kafkas.stderr
    assert ours.stdout == ""


def test_hmacs_by_file_and_standard_input(tools, tmp_path):
    out = tmp_path / "token.json"
    done = tools.ours(
        "--create", "--max-life-time-period", "-1", "--output", "token-file", "--out", out
    )
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    token = json.loads(out.read_text())
    tools.broker.wait_for_login(token["token_id"], token["hmac"], token=True)
    bare = tmp_path / "hmac"
    bare.touch(mode=0o600)
    bare.write_text(token["hmac"] + "\n")
    renew = ["--renew", "--renew-time-period", "60000", "--output", "json"]
    for options, stdin in [
        (["--hmac-file", out], None),
        (["--hmac-file", bare], None),
        (["--hmac-file", "-"], token["hmac"]),
        (["--hmac", "-"], token["hmac"] + "\n"),
    ]:
        done = tools.ours(*renew, *options, stdin=stdin)
        assert (done.returncode, done.stderr) == (0, "")
        assert "expiry_timestamp_ms" in json.loads(done.stdout)
    done = tools.ours(*renew, "--hmac", token["hmac"])
    assert done.returncode == 0
    assert "use --hmac-file" in done.stderr and token["hmac"] not in done.stderr
    bare.chmod(0o644)
    done = tools.ours(*renew, "--hmac-file", bare)
    assert done.returncode == 6 and f"chmod 600 {bare}" in done.stderr


def test_outputs_log_in_elsewhere(tools, tmp_path):
    """Properties and token files are made for other programs; the file source reads both."""
    for output in ("properties", "token-file"):
        out = tmp_path / output
        out.write_text("what was there before")
        out.chmod(0o644)
        create = ["--create", "--max-life-time-period", "-1", "--output", output, "--out", out]
        done = tools.ours(*create)
        assert done.returncode == 0, done.stderr
        assert stat.S_IMODE(out.stat().st_mode) == 0o600
        name, hmac = credential(out.read_text())
        tools.broker.wait_for_login(name, hmac, token=True)
        where = ["--bootstrap-server", tools.broker.bootstrap(), "--command-config", tools.alice]
        done = scramtoken("login", *where, "--source", f"file:{out}")
        assert done.returncode == 0, done.stderr
        assert "as the delegation token" in done.stdout


def credential(text):
    """The id and the HMAC in a token file, or in the JAAS line of properties."""
    if text.startswith("{"):
        token = json.loads(text)
        return token["token_id"], token["hmac"]
    return re.search(r'username="(\S+)" password="(\S+)" tokenauth="true";', text).groups()


def test_a_place_that_cannot_be_written_is_found_before_a_token_is_created(tools, tmp_path):
    owner = f"User:{secrets.token_hex(4)}"
    create = ["--create", "--max-life-time-period", "-1", "--owner-principal", owner]
    done = tools.ours(*create, "--output", "token-file", "--out", tmp_path / "gone" / "token")
    assert done.returncode == 6
    assert "No such file or directory" in done.stderr
    time.sleep(0.5)
    described = tools.ours("--describe", "--owner-principal", owner, "--output", "json")
    assert json.loads(described.stdout) == []


def test_names_do_not_reach_the_terminal_as_commands(tools):
    owner = f"User:{secrets.token_hex(4)}"
    token = tools.create("--owner-principal", owner, "--renewer-principal", "User:\x1b[2J\u202e")
    tools.broker.wait_for_login(token["token_id"], token["hmac"], token=True)
    described = tools.ours("--describe", "--owner-principal", owner)
    assert "[User:\\u{1b}[2J\\u{202e}]" in described.stdout
    assert "\x1b" not in described.stdout


def test_tokens_that_are_switched_off(tmp_path):
    with KafkaBroker(extra_properties={"delegation.token.secret.key": ""}) as broker:
        tools = Tools(broker, tmp_path)
        create = ["--create", "--max-life-time-period", "-1"]
        ours, kafkas = tools.both(*create)
        typed = tools.ours(*create, "--renewer-principal", "Group:x")
    assert (ours.returncode, kafkas.returncode) == (1, 1)
    assert "DELEGATION_TOKEN_AUTH_DISABLED" in ours.stderr
    # A broker looks at renewers first: the order that our own authority keeps, too.
    assert "INVALID_PRINCIPAL_TYPE" in typed.stderr
    assert "delegation.token.secret.key" in ours.stderr  # what to do about it
    assert "DelegationTokenDisabled" in kafkas.stderr


def test_tokens_for_others_without_the_permission(tmp_path):
    authorizer = {
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users": "User:admin;User:ANONYMOUS",
    }
    with KafkaBroker(extra_properties=authorizer) as broker:
        tools = Tools(broker, tmp_path)
        create = ["--create", "--max-life-time-period", "-1", "--owner-principal", "User:bob"]
        ours, kafkas = tools.both(*create)
    assert (ours.returncode, kafkas.returncode) == (1, 1)
    assert "DELEGATION_TOKEN_AUTHORIZATION_FAILED" in ours.stderr
    assert "DelegationTokenAuthorization" in kafkas.stderr
