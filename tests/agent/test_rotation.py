"""Three brokers, tokens of a minute: no job is ever without a token, whatever befalls the agent."""

import random
import secrets
import time

import pytest

from harness.jvm.clients import Clients
from harness.kafka.broker import KafkaBroker
from harness.rdkafka.stock import config
from harness.rdkafka.traffic import Group, Traffic

from .agent import Agent, wait_for
from .conftest import lifetimes
from .watch import Watch

TOKEN = """
[[token]]
name = "test"
owner = "User:alice"
grace = "5s"
accept_timeout = "10s"
[[token.target]]
file = "{dir}/token.json"
[[token.target]]
directory = "{dir}/token"
"""


@pytest.fixture(scope="module")
def cluster():
    with KafkaBroker("4.4.0", nodes=3, extra_properties=lifetimes(15, 60)) as cluster:
        yield cluster


@pytest.fixture
def agent(cluster, tmp_path):
    with Agent(tmp_path, cluster.bootstrap(), TOKEN) as agent:
        yield agent


class Uri:
    def __init__(self, uri):
        self.uri = uri


def rotate(cluster, agent, tmp_path, seconds, meanwhile):
    """Traffic by the plugin and by the jar; `meanwhile` is called again and again."""
    agent.start()
    agent.wait_until_ready()
    path = tmp_path / "token.json"
    conf = config(cluster.bootstrap(), Uri(f"file:{path}"))
    conf |= {"reconnect.backoff.ms": 10, "reconnect.backoff.max.ms": 500}
    name = secrets.token_hex(4)
    with Clients(cluster, tmp_path) as java:
        jaas = (
            f'io.scramtoken.kafka.ScramTokenLoginModule required source="dir:{tmp_path / "token"}";'
        )
        java.open("java", jaas)
        end = time.monotonic() + seconds
        with Watch(cluster, path) as watch, Traffic(conf, name, pause=0.02) as traffic:
            with Group(conf, name) as group:
                while time.monotonic() < end:
                    group.poll(0.5)
                    java.ask("java")
                    meanwhile(watch)
                # What has been sent by now arrives.
                sent = traffic.sent
                wait_for(lambda: group.poll(0.2) or set(range(sent)) <= set(group.values), 60)
        assert not watch.failures, "\n".join(watch.failures) + agent.log()
        assert not traffic.failed
        # Ten times a second on an idle machine; this one is shared.
        assert watch.rounds > seconds
        return watch


def test_a_minute_of_tokens_on_three_brokers(cluster, agent, tmp_path):
    watch = rotate(cluster, agent, tmp_path, 60, lambda watch: None)
    assert len(watch.ids) >= 2, agent.log()


@pytest.mark.long
@pytest.mark.timeout(1200)
def test_five_generations_with_each_broker_restarted_and_the_agent_killed(cluster, agent, tmp_path):
    begin = time.monotonic()
    to_kill = sorted(random.uniform(10, 290) for _ in range(20))
    to_restart = [(60, 1), (130, 2), (200, 3)]

    def meanwhile(watch):
        now = time.monotonic() - begin
        if to_kill and now > to_kill[0]:
            to_kill.pop(0)
            agent.kill()
            agent.start()
        if to_restart and now > to_restart[0][0]:
            _, node = to_restart.pop(0)
            watch.away.add(node)
            cluster.stop_node(node)
            cluster.start_node(node)
            cluster.wait_until_ready()
            watch.away.discard(node)

    watch = rotate(cluster, agent, tmp_path, 300, meanwhile)
    assert not to_kill and not to_restart
    assert len(watch.ids) >= 5, agent.log()
