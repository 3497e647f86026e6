"""A Secret always holds a token that logs in, whatever befalls the agent and the API server."""

import json
import random
import time

import pytest

from harness.kafka.broker import KafkaBroker

from ..conftest import lifetimes
from ..watch import Watch
from .secret_cases import SECRET


class Published:
    """The token file in the Secret, as if it were one on the disk."""

    def __init__(self, cluster):
        self._cluster = cluster

    def exists(self):
        return "token.json" in self._cluster.secret(SECRET)[0]

    def read_text(self):
        return self._cluster.secret(SECRET)[0]["token.json"].decode()


@pytest.fixture(scope="module")
def broker():
    """Tokens that leave more time after a renewal is due than the API server is in trouble for."""
    with KafkaBroker("4.4.0", extra_properties=lifetimes(30, 60)) as broker:
        yield broker


@pytest.mark.long
def test_what_the_secret_holds_logs_in_at_every_instant(cluster, broker, start):
    cluster.make_secret(SECRET)
    agent = start()
    agent.wait_until_ready()
    seconds, kills = 200, 0
    end = time.monotonic() + seconds
    with Watch(broker, Published(cluster), nodes=(1,)) as watch:
        while time.monotonic() < end:
            time.sleep(random.uniform(0, 8))
            cluster.trouble = random.choice([None, None, 500, "slow"])
            agent.kill()
            agent.start()
            kills += 1
            time.sleep(random.uniform(0, 2))
            cluster.trouble = None
        agent.wait_until_ready(60)
    assert watch.failures == [], agent.log()
    assert len(watch.ids) >= 4 and kills >= 12, agent.log()
    journal = json.loads(cluster.secret(SECRET)[0]["scramtoken-agent.json"])
    assert journal["tokens"]["test"]["current"]["token_id"] == watch.ids[-1]
