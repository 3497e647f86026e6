"""What goes wrong with targets and clocks: the old token stays, the log says why, and it passes."""

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from harness.debian import unpacked

from .agent import Agent, wait_for
from .test_agent import logs_in

DAY_S = 24 * 60 * 60
TOKEN = """
[[token]]
name = "test"
grace = "2s"
[[token.target]]
file = "{dir}/target/token.json"
"""
# Whoever is not root mounts in a user namespace of its own.
UNSHARE = ["unshare", "-m"] if os.geteuid() == 0 else ["unshare", "-rm"]


@pytest.fixture
def agent(broker, tmp_path):
    (tmp_path / "target").mkdir()
    with Agent(tmp_path, broker.bootstrap(), TOKEN) as agent:
        yield agent


def wait_for_change(agent):
    """Until the token was renewed or replaced."""
    before = agent.held("target/token.json")
    wait_for(lambda: agent.held("target/token.json") != before, 30)


def test_a_directory_that_is_removed_and_back(broker, agent, tmp_path):
    agent.start()
    agent.wait_until_ready()
    shutil.rmtree(tmp_path / "target")
    wait_for(lambda: "target/token.json keeps what it held" in agent.log())
    assert "No such file or directory" in agent.log()
    assert agent.get("/readyz")[0] == 503
    (tmp_path / "target").mkdir()
    agent.wait_until_ready()
    logs_in(broker, agent.held("target/token.json"))


def test_a_file_in_the_way_stays_as_it_is(broker, agent, tmp_path):
    path = tmp_path / "target" / "token.json"
    os.mkfifo(path)
    agent.start()
    wait_for(lambda: "no file takes the place of" in agent.log())
    assert path.is_fifo()
    path.unlink()
    agent.wait_until_ready()
    logs_in(broker, agent.held("target/token.json"))


def test_a_disk_that_is_full(broker, agent, tmp_path):
    mount = f'mount -t tmpfs -o size=64k,mode=0700 tmpfs {tmp_path}/target; exec "$@"'
    agent.start(*UNSHARE, "sh", "-c", mount, "sh")
    agent.wait_until_ready()
    target = Path(f"/proc/{agent.pid}/root{tmp_path}/target")
    first = (target / "token.json").read_text()
    with open(target / "fill", "wb", buffering=0) as fill, pytest.raises(OSError):
        while True:
            fill.write(bytes(4096))
    # The renewal cannot be shown; the file is as it was.
    wait_for(lambda: "keeps what it held" in agent.log())
    assert "No space left on device" in agent.log()
    assert (target / "token.json").read_text() == first
    assert agent.log().count("keeps what it held") == 1
    (target / "fill").unlink()
    wait_for(lambda: (target / "token.json").read_text() != first)
    assert sorted(entry.name for entry in target.iterdir()) == ["token.json"]


def test_a_file_system_that_turns_read_only(broker, agent, tmp_path):
    mount = f'mount -t tmpfs -o size=64k,mode=0700 tmpfs {tmp_path}/target; exec "$@"'
    agent.start(*UNSHARE, "sh", "-c", mount, "sh")
    agent.wait_until_ready()
    target = Path(f"/proc/{agent.pid}/root{tmp_path}/target")
    first = (target / "token.json").read_text()

    def remount(how):
        within = ["nsenter", "--target", str(agent.pid), "--mount", "--preserve-credentials"]
        within += ["--user"] if os.geteuid() != 0 else []
        argv = [*within, "mount", "-o", f"remount,{how}", f"{tmp_path}/target"]
        subprocess.run(argv, check=True)

    remount("ro")
    wait_for(lambda: "keeps what it held" in agent.log())
    assert "Read-only file system" in agent.log()
    assert (target / "token.json").read_text() == first
    remount("rw")
    wait_for(lambda: (target / "token.json").read_text() != first)


def test_a_file_of_another_user(broker, agent, tmp_path):
    if os.geteuid() != 0:
        pytest.fail("only root can give a file away: run the tests as root")
    path = tmp_path / "target" / "token.json"
    path.write_text("mine\n")
    os.chown(path, 12345, -1)
    agent.start()
    wait_for(lambda: "it belongs to user 12345" in agent.log())
    assert path.read_text() == "mine\n" and path.stat().st_uid == 12345
    path.unlink()
    agent.wait_until_ready()
    logs_in(broker, agent.held("target/token.json"))


def test_a_journal_that_cannot_be_written(broker, agent, tmp_path):
    agent.journal = tmp_path / "state" / "journal.json"
    agent.journal.parent.mkdir()
    agent.configure(TOKEN)
    agent.start()
    agent.wait_until_ready()
    shutil.move(agent.journal.parent, tmp_path / "away")
    wait_for(lambda: "the journal cannot be written" in agent.log())
    assert "scramtoken_agent_journal_up 0\n" in agent.get("/metrics")[1]
    shutil.move(tmp_path / "away", agent.journal.parent)
    wait_for(lambda: "the journal is written again" in agent.log())
    logs_in(broker, agent.held("target/token.json"))


def test_a_clock_that_is_stepped_by_days(broker, agent, tmp_path):
    (library,) = unpacked("libfaketime").glob("usr/lib/*/faketime/libfaketime.so.1")
    step = tmp_path / "step"
    agent.environment = {
        "LD_PRELOAD": str(library),
        "FAKETIME_TIMESTAMP_FILE": str(step),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }
    step.write_text("+2d")
    agent.start()
    agent.wait_until_ready()
    assert agent.status()["clock_behind_brokers_ms"] == pytest.approx(-2000 * DAY_S, abs=30_000)
    created = agent.held("target/token.json")
    for offset in ("-2d", "+0", "+2d"):
        step.write_text(offset)
        wait_for_change(agent)
        logs_in(broker, agent.held("target/token.json"))
        # A kill in between, and the machine still knows what time it is for the brokers.
        agent.kill()
        agent.start()
        agent.wait_until_ready()
        assert agent.token()["creations"] <= 1
    # Of a token's 30 s none was cut short by more than its time before the maximum.
    lasted = time.time() * 1000 - created["issue_timestamp_ms"]
    assert lasted > 20_000
    agent.stop(signal.SIGINT)
