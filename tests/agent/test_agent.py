"""`scramtoken agent` against a real broker: what it publishes, when, and what becomes of it."""

import json
import re
import signal
import stat
import subprocess
import time
from pathlib import Path

import pytest

from harness.kafka.cli import PROGRAM, client_config, scramtoken
from harness.kafka.properties import USERS

from .agent import Agent, wait_for

FILE = """
[[token]]
name = "test"
owner = "User:alice"
renewers = ["User:bob"]
grace = "2s"
accept_timeout = "5s"
[[token.target]]
file = "{dir}/token.json"
"""


@pytest.fixture
def agent(broker, tmp_path):
    with Agent(tmp_path, broker.bootstrap(), FILE) as agent:
        yield agent


def logs_in(broker, token):
    broker.login(token["token_id"], token["hmac"], token=True)


def described(broker, tmp_path, owner="alice"):
    """The ids of an owner's tokens that Kafka knows."""
    config = client_config(tmp_path / "owner.properties", owner, USERS[owner])
    done = scramtoken(
        "delegation-tokens", "--bootstrap-server", broker.bootstrap(), "--command-config", config,
        "--describe", "--owner-principal", f"User:{owner}", "--output", "json",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return {token["token_id"] for token in json.loads(done.stdout)}


def test_a_token_is_made_renewed_and_replaced(broker, agent):
    agent.start()
    agent.wait_until_ready()
    first = agent.held()
    logs_in(broker, first)
    assert first["owner"] == "User:alice"
    alice = client_config(agent.directory / "alice.properties", "alice", USERS["alice"])
    described = scramtoken(
        "delegation-tokens", "--bootstrap-server", broker.bootstrap(), "--command-config", alice,
        "--describe", "--owner-principal", "User:alice", "--output", "json",
    )  # fmt: skip
    (renewers,) = [
        token["renewers"]
        for token in json.loads(described.stdout)
        if token["token_id"] == first["token_id"]
    ]
    assert renewers == ["User:bob", "User:admin"]  # the agent, too
    assert stat.S_IMODE((agent.directory / "token.json").stat().st_mode) == 0o600

    renewed = wait_for(lambda: agent.held() != first and agent.held())
    assert renewed["token_id"] == first["token_id"]
    moved = renewed["expiry_timestamp_ms"] - first["expiry_timestamp_ms"]
    assert 7_000 < moved < 9_000  # at some 80 % of 10 s

    second = wait_for(lambda: agent.held()["token_id"] != first["token_id"] and agent.held(), 60)
    logs_in(broker, second)
    assert second["issue_timestamp_ms"] < first["max_timestamp_ms"] - 2_000
    # Both serve for the grace time, then the first one is ended.
    broker.wait_for_login(first["token_id"], first["hmac"], token=True, accepted=False)
    log = agent.log()
    assert f"ended the token {first['token_id']}" in log
    assert first["hmac"] not in log and second["hmac"] not in log


def test_a_killed_agent_goes_on_where_it_was(broker, agent):
    agent.start()
    agent.wait_until_ready()
    first = agent.held()
    inode = (agent.directory / "token.json").stat().st_ino
    agent.kill()
    agent.start()
    agent.wait_until_ready()
    assert agent.held() == first
    assert (agent.directory / "token.json").stat().st_ino == inode  # untouched
    assert agent.token()["creations"] == 0


def test_the_journal_is_private_and_for_one_agent(agent):
    agent.start()
    agent.wait_until_ready()
    assert stat.S_IMODE(agent.journal.stat().st_mode) == 0o600
    second = agent.run("agent", "--config", agent.config)
    assert second.returncode == 1
    assert "another agent works with this journal" in second.stderr
    agent.kill()
    agent.journal.write_text("{")
    done = agent.run("agent", "--config", agent.config)
    assert done.returncode == 6
    assert "move it away" in done.stderr


def test_sigterm_keeps_or_revokes(broker, agent, tmp_path):
    agent.start()
    agent.wait_until_ready()
    token = agent.held()
    assert agent.stop() == 0
    logs_in(broker, token)
    agent._top = 'on_exit = "revoke"'
    agent.configure(FILE)
    agent.start()
    agent.wait_until_ready()
    assert agent.held()["token_id"] == token["token_id"]
    assert agent.stop() == 0
    wait_for(lambda: token["token_id"] not in described(broker, tmp_path))


def test_two_agents_of_one_owner_leave_each_other_alone(broker, agent, tmp_path):
    other_directory = tmp_path / "other"
    other_directory.mkdir()
    with Agent(other_directory, broker.bootstrap(), FILE, top='on_exit = "revoke"') as other:
        agent.start()
        other.start()
        agent.wait_until_ready()
        other.wait_until_ready()
        mine, theirs = agent.held(), other.held()
        assert mine["token_id"] != theirs["token_id"]
        assert other.stop() == 0
        logs_in(broker, agent.held())


def test_sighup_reads_the_configuration_anew(broker, agent):
    agent.start()
    agent.wait_until_ready()
    first = agent.held()
    # A broken configuration: the old one stays.
    agent.configure(FILE.replace("grace", "grce"))
    agent.send(signal.SIGHUP)
    wait_for(lambda: "the configuration stays as it was" in agent.log())
    assert "agent.toml:11: token.grce: there is no such key: did you mean grace?" in agent.log()
    agent.wait_until_ready()
    assert agent.held()["token_id"] == first["token_id"]
    # Another target, and another token.
    agent.configure(
        FILE + '[[token.target]]\ndirectory = "{dir}/token"\n'
        '[[token]]\nname = "second"\ntarget = [{ file = "{dir}/second.json" }]\n'
    )
    agent.send(signal.SIGHUP)
    wait_for(lambda: "read anew" in agent.log())
    agent.wait_until_ready()
    assert agent.held()["token_id"] == first["token_id"]
    assert (agent.directory / "token" / "token-id").read_text() == first["token_id"]
    assert agent.held("second.json")["owner"] == "User:admin"
    # Another owner: another token.
    agent.configure(FILE.replace("User:alice", "User:bob"))
    agent.send(signal.SIGHUP)
    bobs = wait_for(lambda: agent.held()["owner"] == "User:bob" and agent.held())
    logs_in(broker, bobs)
    assert "second: it is kept no longer" in agent.log()


def test_once_does_what_is_due_and_exits(broker, agent):
    done = agent.once()
    assert done.returncode == 0, done.stderr
    first = agent.held()
    logs_in(broker, first)
    done = agent.once()
    assert done.returncode == 0, done.stderr
    renewed = agent.held()
    assert renewed["token_id"] == first["token_id"]
    assert renewed["expiry_timestamp_ms"] > first["expiry_timestamp_ms"]


def test_once_says_what_is_in_its_way(agent, tmp_path):
    agent._servers = "127.0.0.1:1"
    agent.configure(FILE)
    done = agent.once("--timeout", "1s")
    assert done.returncode == 3
    assert "not everything is done in time: connecting to 127.0.0.1:1" in done.stderr


def test_targets_of_every_kind(broker, agent):
    agent.configure(
        FILE
        + """
[[token.target]]
directory = "{dir}/token"
mode = "0440"
[[token.target]]
properties = "{dir}/client.properties"
[[token.target]]
hadoop = "{dir}/credentials"
cluster = "main"
[[token.target]]
command = ["sh", "-c", "umask 077; cat >{dir}/piped.json; ls {dir} >{dir}/listed"]
[[token.target]]
signal = "USR1"
pid_file = "{dir}/pid"
"""
    )
    sleeper = subprocess.Popen(
        ["sh", "-c", f"trap 'touch {agent.directory}/signalled' USR1; while :; do sleep 0.1; done"]
    )
    try:
        (agent.directory / "pid").write_text(f"{sleeper.pid}\n")
        (agent.directory / "pid").chmod(0o644)
        time.sleep(0.2)
        agent.start()
        agent.wait_until_ready()
        wait_for((agent.directory / "signalled").exists)
    finally:
        sleeper.kill()
        sleeper.wait()
    token = agent.held()
    piped = json.loads((agent.directory / "piped.json").read_text())
    assert piped["token_id"] == token["token_id"] and piped["hmac"] == token["hmac"]
    # The command comes after all others, the signal after the command.
    assert {"token.json", "token", "client.properties", "credentials"} <= set(
        (agent.directory / "listed").read_text().split()
    )
    where = ["--bootstrap-server", broker.bootstrap(), "--command-config", agent.admin]
    for source in ("file:{}/token.json", "dir:{}/token", "file:{}/client.properties"):
        done = scramtoken("login", *where, "--source", source.format(agent.directory))
        assert done.returncode == 0, done.stderr
    config = agent.directory / "client.properties"
    done = scramtoken("login", "--bootstrap-server", broker.bootstrap(), "--command-config", config)
    assert done.returncode == 0 and "as the delegation token" in done.stdout, done.stderr
    kinds = [target["kind"] for target in agent.token()["targets"]]
    assert kinds == ["file", "directory", "properties", "hadoop", "command", "signal"]


def test_pages_and_what_people_see(broker, agent):
    refused = agent.run("agent", "status", "--address", agent.address)
    assert refused.returncode == 3 and "nobody listens there" in refused.stderr
    agent.start()
    agent.wait_until_ready()
    assert agent.get("/healthz") == (200, "ok\n")
    assert agent.get("/readyz") == (200, "ok\n")
    assert agent.get("/readyz?token=other")[0] == 503
    assert agent.get("/")[0] == 404
    token = agent.held()
    table = agent.run("agent", "status", "--config", agent.config)
    assert table.returncode == 0
    line = next(line for line in table.stdout.splitlines() if line.startswith("test "))
    assert line.split()[1:3] == ["published", token["token_id"]]
    assert f"file {agent.directory}/token.json: current" in table.stdout
    as_json = agent.run("agent", "status", "--config", agent.config, "--output", "json")
    status = json.loads(as_json.stdout)
    assert status["ready"] and status["tokens"][0]["token_id"] == token["token_id"]
    metrics = agent.get("/metrics")[1]
    assert re.search(
        r'^scramtoken_agent_token_expiry_timestamp_seconds\{token="test"\} \d{10}\.\d{3}$',
        metrics,
        re.MULTILINE,
    )
    assert 'scramtoken_agent_creations_total{token="test"} 1\n' in metrics
    for text in (table.stdout, as_json.stdout, metrics, agent.log()):
        assert token["hmac"] not in text
    waited = agent.run("agent", "wait", "--address", agent.address, "--token", "test")
    assert waited.returncode == 0
    waited = agent.run(
        "agent", "wait", "--address", agent.address, "--token", "none", "--timeout", "1s"
    )
    assert waited.returncode == 3 and "not published: none" in waited.stderr


def test_logs_as_json(agent):
    agent._top = 'log = "json"'
    agent.configure(FILE)
    agent.start()
    agent.wait_until_ready()
    lines = [json.loads(line) for line in agent.log().splitlines()]
    assert all({"time", "level", "message"} <= set(line) for line in lines)
    assert any(line.get("token") == "test" for line in lines)


def test_brokers_that_are_away_are_told_once_and_met_again(broker, agent):
    agent._servers = "127.0.0.1:1"
    agent.configure(FILE)
    agent.start()
    wait_for(lambda: "brokers cannot be asked" in agent.log())
    assert agent.get("/readyz")[0] == 503
    assert "scramtoken_agent_brokers_up 0\n" in agent.get("/metrics")[1]
    time.sleep(3)
    assert agent.log().count("brokers cannot be asked") == 1
    assert agent.status()["brokers_error"].startswith("connecting to 127.0.0.1:1")
    agent._servers = broker.bootstrap()
    agent.configure(FILE)
    agent.send(signal.SIGHUP)
    agent.wait_until_ready()
    assert "brokers answer again" in agent.log()


def test_a_refused_login_of_the_agents_own_is_met_again(broker, agent):
    good = agent.admin.read_text()
    agent.admin.write_text(good.replace(USERS["admin"], "wrong-secret"))
    agent.start()
    wait_for(lambda: "refused the login of the user" in agent.log())
    agent.admin.write_text(good)  # read anew, without a signal
    agent.wait_until_ready()
    assert "wrong-secret" not in agent.log()


def test_systemd_is_told(agent, tmp_path):
    import socket

    path = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(path))
        manager.settimeout(30)
        agent.environment = {"NOTIFY_SOCKET": str(path), "WATCHDOG_USEC": "1000000"}
        agent.start()
        told = []
        while "READY=1" not in told:
            told.append(manager.recv(4096).decode())
        agent.wait_until_ready()
        begin = time.monotonic()
        while told.count("WATCHDOG=1") < 6:
            told.append(manager.recv(4096).decode())
        assert time.monotonic() - begin < 5
        agent.send(signal.SIGHUP)
        while "READY=1" not in told[told.index("READY=1") + 1 :]:
            told.append(manager.recv(4096).decode())
        assert any(text.startswith("RELOADING=1\nMONOTONIC_USEC=") for text in told)
        assert agent.stop() == 0
        while "STOPPING=1" not in told:
            told.append(manager.recv(4096).decode())


def test_check_config(agent):
    done = agent.run("agent", "--config", agent.config, "--check-config")
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    agent.configure(FILE.replace('"2s"', '"2x"'))
    for options in (["--check-config"], ["--once"], []):
        done = agent.run("agent", "--config", agent.config, *options)
        assert done.returncode == 2
        assert done.stderr == (
            f'scramtoken: {agent.config}:11: token.grace: "2x" is no duration: write it as "30s", '
            '"90m", "12h" or "3d"\n'
        )
    assert not agent.journal.exists()
    done = agent.run("agent")
    assert done.returncode == 2 and "--config is missing" in done.stderr
    done = subprocess.run([PROGRAM, "help", "agent"], capture_output=True, text=True)
    assert "accept_timeout" in done.stdout


def test_resident_memory_and_wake_ups(broker, tmp_path):
    three = "".join(
        FILE.replace('"test"', f'"t{number}"').replace("token.json", f"{number}.json")
        for number in range(3)
    )
    with Agent(tmp_path, broker.bootstrap(), three) as agent:
        agent.start()
        agent.wait_until_ready()
        time.sleep(1)
        status = Path(f"/proc/{agent.pid}/status").read_text()
        rss_kb = int(re.search(r"VmRSS:\s+(\d+) kB", status)[1])
        assert rss_kb < 15 * 1024, status
    assert (tmp_path / "0.json").exists()
