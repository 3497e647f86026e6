"""The brokers of these tests themselves, seen by Kafka's own clients."""

import os
import signal
import subprocess
import sys
import time

import pytest

from .admin import KafkaError
from .broker import KafkaBroker
from .jars import ROOT, VERSIONS
from .properties import LISTENERS, SCRAM_MECHANISMS, USERS


@pytest.mark.parametrize("version", VERSIONS)
def test_logins_of_kafkas_own_client(version):
    with KafkaBroker(version) as broker:
        token = broker.create_token("User:alice")
        for mechanism in SCRAM_MECHANISMS:
            for listener in LISTENERS:
                how = {"mechanism": mechanism, "listener": listener}
                broker.login("alice", USERS["alice"], **how)
                broker.login(token.id, token.hmac, token=True, **how)
                with pytest.raises(KafkaError, match="SaslAuthenticationException"):
                    broker.login("alice", "wrong", **how)
                with pytest.raises(KafkaError, match="SaslAuthenticationException"):
                    broker.login(token.id, "d3Jvbmc=", token=True, **how)
        broker.add_user("carol", "carol-secret")
        broker.login("carol", "carol-secret")
        broker.expire_token(token)
        with pytest.raises(KafkaError, match="SaslAuthenticationException"):
            broker.login(token.id, token.hmac, token=True)


def test_three_nodes_know_a_token_when_it_is_there():
    with KafkaBroker(nodes=3) as broker:
        token = broker.create_token("User:bob")
        for node in (1, 2, 3):
            broker.login(token.id, token.hmac, token=True, node=node)


def test_ipv6_plain_and_own_properties():
    mechanisms = (*SCRAM_MECHANISMS, "PLAIN")
    extra = {"connections.max.reauth.ms": 54321}
    with KafkaBroker(host="::1", mechanisms=mechanisms, extra_properties=extra) as broker:
        broker.login("bob", USERS["bob"], mechanism="PLAIN", listener="SASL_SSL")
        assert "connections.max.reauth.ms = 54321" in broker.log()


def test_a_broker_that_cannot_start_shows_its_log(capfd):
    with pytest.raises(RuntimeError, match="ended|format"):
        with KafkaBroker(extra_properties={"process.roles": "nonsense"}):
            pass
    assert "nonsense" in capfd.readouterr().err


def test_nothing_outlives_a_killed_test_run():
    program = (
        "from tests.kafka.broker import KafkaBroker\n"
        "with KafkaBroker() as broker:\n"
        "    print(broker.directory, flush=True)\n"
        "    input()\n"
    )
    run = subprocess.Popen(
        [sys.executable, "-c", program],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with run:
        directory = run.stdout.readline().strip()
        assert len(_processes_with(directory)) == 2  # node and admin client
        os.kill(run.pid, signal.SIGKILL)
    deadline = time.monotonic() + 10
    while _processes_with(directory) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert _processes_with(directory) == []


def _processes_with(text):
    """The pids of the running processes whose command line contains `text`."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                if text.encode() in file.read():
                    found.append(int(pid))
        except OSError:  # it has just ended
            pass
    return found
