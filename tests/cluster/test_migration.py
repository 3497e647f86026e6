"""The runbook of docs/migration.md on three nodes, under clients that log in by token."""

import re
import time

import pytest
from confluent_kafka.admin import AdminClient, NewTopic

from harness.jvm.jar import MODULE
from harness.kafka.cli import client_config, scramtoken
from harness.kafka.cluster import KafkaCluster
from harness.kafka.properties import ADMIN, USERS
from harness.process import say
from harness.rdkafka.stock import config
from harness.rdkafka.traffic import Gaps, Group, Traffic
from harness.source_file import SourceFile

from .java_traffic import JavaTraffic
from .runbook import BLOCKS, Operator

TOPICS = ("java", "librdkafka")
# Any one node may be down.
REPLICATED = {"min.insync.replicas": 2}
KAFKAS_MODULE = "org.apache.kafka.common.security.scram.ScramLoginModule"


class Clients:
    """A producer and a consumer of librdkafka's, and two of Kafka's own, all by the same token."""

    def __init__(self, cluster, token, directory):
        source = SourceFile(directory / "token.json").write(token)
        self._errors = []
        conf = config(cluster.bootstrap(), source) | {
            "error_cb": self._errors.append,
            "reconnect.backoff.ms": 50,
            "reconnect.backoff.max.ms": 500,
        }
        self._java = JavaTraffic(cluster, token, "java", directory)
        self._traffic = Traffic(conf, "librdkafka", pause=0.05)
        self._group = Group(conf, "librdkafka")
        self._gaps = Gaps(self._group)
        self._conf = conf

    def __enter__(self):
        self._java.__enter__()
        self._traffic.__enter__()
        self._gaps.__enter__()
        return self

    def __exit__(self, *reason):
        self._traffic.__exit__(*reason)
        self._gaps.__exit__(*reason)
        self._group.__exit__()
        self._java.__exit__()

    def check(self):
        """Nothing was lost, nothing came twice, and nobody was refused."""
        self._traffic.__exit__()
        figures = self._java.end()
        say(f"  Kafka's client: {figures}")
        assert figures["unsent"] == figures["refused"] == 0, self._java.log()[-4000:]
        assert figures["received"] == figures["distinct"] == figures["sent"]

        assert not self._traffic.failed
        sent = list(range(self._traffic.sent))
        # What is in the topic, and what the consumer got meanwhile.
        with Group(self._conf, "librdkafka", group="afterwards") as everything:
            with Gaps(everything):
                wait_for(everything, len(sent))
        assert sorted(everything.values) == sent
        wait_for(self._group, len(sent))
        self._gaps.__exit__()
        assert sorted(self._group.values) == sent
        errors = self._errors + self._traffic.errors
        assert not [error for error in errors if is_refusal(error)]
        gap = self._gaps.longest
        say(f"  librdkafka: {len(sent)} sent and received, none for {gap:.1f} s at most")


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_to_libscramtoken_to_kafka_4_and_back(tmp_path):
    with KafkaCluster("3.9.2", extra_properties=REPLICATED) as cluster:
        token = cluster.create_token("User:alice")
        create_topics(cluster)
        operator = Operator(cluster, tmp_path)
        as_token = client_config(
            tmp_path / "token.properties",
            token.id,
            token.hmac,
            token=True,
            default_api_timeout_ms=120000,
            request_timeout_ms=60000,
        )

        def check_token(_):
            """One token on all nodes, whatever each of them runs, by two clients."""
            for node in cluster.nodes:
                cluster.login(token.id, token.hmac, token=True, node=node)
                where = "{}:{}".format(*cluster.address(node=node))
                done = scramtoken(
                    "login", "--bootstrap-server", where, "--command-config", as_token
                )
                assert done.returncode == 0, done.stderr

        begun = time.monotonic()
        operator.do("scramtoken doctor")
        refused = refusals(cluster)
        with Clients(cluster, token, tmp_path) as clients:
            for title, command, module, version in [
                ("to libscramtoken", "cp scramtoken-kafka-", MODULE, "3.9.2"),
                ("to Kafka 4.4.0", "ln -sfn", MODULE, "4.4.0"),
                ("back to Kafka's module", r"sed -i 's/io\.scramtoken", KAFKAS_MODULE, "4.4.0"),
            ]:
                operator.roll(command, check_token)
                for node in cluster.nodes:
                    assert running(cluster, node) == (module, version)
                say(f"  {title}: after {time.monotonic() - begun:.0f} s")
                if version == "4.4.0" and module == MODULE:
                    operator.do("kafka-features.sh")
            clients.check()
        assert refusals(cluster) == refused
        assert operator.done == set(BLOCKS)


def wait_for(group, count):
    """Until a group that somebody polls has got so many, and whatever comes twice."""
    deadline = time.monotonic() + 60
    while len(group.values) < count and time.monotonic() < deadline:
        time.sleep(0.2)
    time.sleep(2)


def is_refusal(error):
    """A node that goes away in the middle of a login has the same code in librdkafka."""
    return error.name() == "_AUTHENTICATION" and "Broker transport failure" not in error.str()


def create_topics(cluster):
    """Each node leads something.

    Of a topic that the first record makes, a consumer of librdkafka's may miss the first records:
    they are in the topic, and it begins behind them, with and without the plugin.
    """
    conf = {
        "bootstrap.servers": cluster.bootstrap(),
        "security.protocol": "SASL_PLAINTEXT",
        "sasl.mechanism": "SCRAM-SHA-512",
        "sasl.username": ADMIN,
        "sasl.password": USERS[ADMIN],
    }
    topics = [NewTopic(name, num_partitions=3, replication_factor=3) for name in TOPICS]
    admin = AdminClient(conf)
    for created in admin.create_topics(topics).values():
        created.result(60)


def running(cluster, node):
    """The login module of a node's listeners, and the version of Kafka that has started."""
    configuration = (cluster.installation(node).directory / "server.properties").read_text()
    [module] = set(re.findall(r"[\w.]+LoginModule", configuration))
    return module, re.findall(r"Kafka version: (\S+)", cluster.node_log(node))[-1]


def refusals(cluster):
    """How often a node has refused a login, in Kafka's own words."""
    logs = "".join(cluster.node_log(node) for node in cluster.nodes)
    return len(re.findall("Failed authentication with", logs))
