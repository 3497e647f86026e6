"""What an agent takes: a thousand tokens, and a quiet minute."""

import re
import subprocess
import time
from pathlib import Path

import pytest

from harness import process
from harness.debian import unpacked
from harness.kafka.broker import KafkaBroker

from .agent import Agent, wait_for

TOKENS = 1000


@pytest.fixture(scope="module")
def long_lived():
    """A broker whose tokens live as long as Kafka's do."""
    with KafkaBroker("4.4.0") as broker:
        yield broker


def tokens(count):
    return "".join(
        f'[[token]]\nname = "t{number}"\n[[token.target]]\nfile = "{{dir}}/{number}.json"\n'
        for number in range(count)
    )


@pytest.mark.long
@pytest.mark.timeout(900)
def test_a_thousand_tokens(long_lived, tmp_path):
    with Agent(tmp_path, long_lived.bootstrap(), tokens(TOKENS)) as agent:
        started = time.monotonic()
        agent.start()
        agent.wait_until_ready(600)
        figures = {"published after, s": time.monotonic() - started} | usage(agent.pid)
        time.sleep(60)  # each target is looked at once
        later = usage(agent.pid)
        figures["CPU in a quiet minute, s"] = later["CPU, s"] - figures["CPU, s"]
        print(figures)
        assert len(list(tmp_path.glob("*.json"))) == TOKENS + 1  # and the journal
        assert later["RSS, MB"] < 100


@pytest.mark.long
@pytest.mark.timeout(300)
def test_a_quiet_minute(long_lived, tmp_path):
    """It sleeps to its next timer: no polling, not even by the thread that serves HTTP."""
    strace = unpacked("strace") / "usr/bin/strace"
    with Agent(tmp_path, long_lived.bootstrap(), tokens(3)) as agent:
        agent.start()
        agent.wait_until_ready()
        time.sleep(5)  # the writers' threads are gone
        trace = tmp_path / "trace"
        argv = [strace, "-f", "-q", "-o", trace, "-p", str(agent.pid)]
        tracer = process.start(argv, stdin=subprocess.DEVNULL)
        wait_for(trace.exists)
        time.sleep(60)
        quiet = system_calls(trace)
        assert agent.get("/healthz")[0] == 200
        wait_for(lambda: len(system_calls(trace)) > len(quiet))  # it is traced indeed
        process.stop(tracer)
        print(quiet)
        # Once a minute each target is looked at, by a thread of its own.
        assert len(quiet) < 300, quiet


def system_calls(trace):
    return re.findall(r"^\d+ +(\w+)\(", trace.read_text(), re.MULTILINE)


def usage(pid):
    status = Path(f"/proc/{pid}/status").read_text()
    ticks = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[11:13]
    rss_kb = int(re.search(r"VmRSS:\s+(\d+) kB", status)[1])
    return {"RSS, MB": rss_kb / 1024, "CPU, s": sum(map(int, ticks)) / 100}
