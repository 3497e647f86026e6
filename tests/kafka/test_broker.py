"""The brokers of these tests themselves, seen by Kafka's own clients."""

import itertools
import os
import signal
import socket
import subprocess
import sys
import time

import pytest

from harness.kafka import ports
from harness.kafka.admin import KafkaError
from harness.kafka.broker import KafkaBroker
from harness.kafka.jars import VERSIONS
from harness.kafka.ports import Ports
from harness.kafka.properties import LISTENERS, SCRAM_MECHANISMS, USERS
from harness.paths import ROOT


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


@pytest.mark.long
@pytest.mark.parametrize("taken", ["SASL_PLAINTEXT", "CONTROLLER"])
def test_a_port_that_is_taken_before_the_broker_listens(taken, capfd):
    broker = KafkaBroker()
    port = broker._ports[1][taken]
    with socket.create_server((broker.host, port)):
        with broker:
            assert broker._ports[1][taken] != port
            broker.login("alice", USERS["alice"])
    assert "a port was taken meanwhile" in capfd.readouterr().err


def test_no_two_runs_of_the_tests_choose_the_same_port(monkeypatch):
    names = ("a", "b", "c")
    few = itertools.cycle(range(20000, 20010))  # which all runs would otherwise come upon
    monkeypatch.setattr(ports.random, "randrange", lambda *_: next(few))
    first, second = Ports("127.0.0.1", names), Ports("127.0.0.1", names)
    assert not set(first.numbers.values()) & set(second.numbers.values())
    first.release()
    second.release()


def test_a_broker_that_cannot_start_shows_its_log(capfd):
    with pytest.raises(RuntimeError, match="ended|format"):
        with KafkaBroker(extra_properties={"process.roles": "nonsense"}):
            pass
    assert "nonsense" in capfd.readouterr().err


def test_nothing_outlives_a_killed_test_run():
    program = (
        "from harness.kafka.broker import KafkaBroker\n"
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
