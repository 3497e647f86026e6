"""Tokens that others end, and a new secret key on three brokers: the agent mends both by itself."""

import json
import secrets
import time

import pytest

from harness.kafka.broker import KafkaBroker
from harness.kafka.cli import scramtoken
from harness.process import say
from harness.rdkafka.stock import config
from harness.rdkafka.traffic import Gaps, Group, Traffic

from .agent import Agent, wait_for

TOKEN = """
[[token]]
name = "test"
owner = "User:alice"
grace = "5s"
accept_timeout = "3s"
[[token.target]]
file = "{dir}/token.json"
"""


# A partition goes on while one of its brokers restarts.
REPLICATED = {"default.replication.factor": 3, "min.insync.replicas": 1}


class Uri:
    def __init__(self, uri):
        self.uri = uri


def test_a_token_that_somebody_ended(broker, tmp_path):
    """Within the interval, and not only when it is due to be renewed."""
    with Agent(tmp_path, broker.bootstrap(), TOKEN, top='check_interval = "1s"') as agent:
        agent.start()
        agent.wait_until_ready()
        held = agent.held()
        (tmp_path / "hmac").touch(0o600)
        (tmp_path / "hmac").write_text(held["hmac"])
        where = ["--bootstrap-server", broker.bootstrap(), "--command-config", agent.admin]
        expire = ["--expire", "--expiry-time-period", "-1", "--hmac-file", tmp_path / "hmac"]
        done = scramtoken("delegation-tokens", *where, *expire)
        assert done.returncode == 0, done.stderr
        begin = time.monotonic()
        wait_for(lambda: agent.held()["token_id"] != held["token_id"], 8)
        assert "is not accepted any more" in agent.log(), agent.log()
        say(f"another token after {time.monotonic() - begin:.1f} s")


@pytest.mark.long
@pytest.mark.timeout(900)
def test_a_new_secret_key_on_three_brokers(tmp_path):
    with (
        KafkaBroker("4.4.0", nodes=3, extra_properties=REPLICATED) as cluster,
        Agent(tmp_path, cluster.bootstrap(), TOKEN, top='check_interval = "1s"') as agent,
    ):
        agent.start()
        agent.wait_until_ready()
        first = agent.held()["token_id"]
        conf = config(cluster.bootstrap(), Uri(f"file:{tmp_path / 'token.json'}"))
        conf |= {"reconnect.backoff.ms": 10, "reconnect.backoff.max.ms": 500}
        name = secrets.token_hex(4)
        with Traffic(conf, name, pause=0.02) as traffic, Group(conf, name) as group:
            wait_for(lambda: group.poll(0.5) or group.values, 60)
            with Gaps(group) as gaps:
                for node in (1, 2, 3):
                    cluster.restart_node(node, {"delegation.token.secret.key": "the-new-key"})
                    time.sleep(10)
                time.sleep(20)
            assert agent.held()["token_id"] != first, agent.log()
            sent = traffic.sent
            wait_for(lambda: group.poll(0.2) or set(range(sent)) <= set(group.values), 120)
        assert not traffic.failed
        token = agent.held()
        for node in (1, 2, 3):
            cluster.login(token["token_id"], token["hmac"], token=True, node=node)
        # The token of before has another HMAC now, which its owner and renewers are shown.
        where = ["--bootstrap-server", cluster.bootstrap(), "--command-config", agent.admin]
        describe = ["--describe", "--owner-principal", "User:alice", "--output", "json"]
        done = scramtoken("delegation-tokens", *where, *describe)
        (known,) = [one for one in json.loads(done.stdout) if one["token_id"] == first]
        cluster.login(first, known["hmac"], token=True)
        # One that is no better is not tried again and again.
        made = agent.log().count("made the token")
        assert made <= 8, agent.log()
        say(f"{made} tokens made; no record for {gaps.longest:.1f} s at most, none lost")
