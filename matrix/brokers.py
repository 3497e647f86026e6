"""The brokers of one Kafka version: stock, and on libscramtoken; and what they have seen."""

import json
import re
import time
from collections import defaultdict
from contextlib import ExitStack

from confluent_kafka import KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic, OffsetSpec

from harness.jvm.jar import JAR, broker_jaas, on_listeners
from harness.kafka.admin import KafkaError
from harness.kafka.broker import JVM_ARGS, KafkaBroker
from harness.kafka.properties import ADMIN, USERS
from harness.rdkafka import stock
from harness.source_file import SourceFile

from .cells import OURS, STOCK

OWNER = "alice"  # of the tokens
USER = "bob"  # with a password
# Each request that was answered, with client id and principal.
_JVM_ARGS = (*JVM_ARGS, "-Dorg.slf4j.simpleLogger.log.kafka.request.logger=debug")
_KINDS = {
    STOCK: {},
    OURS: {
        "classpath_extra": [JAR],
        # What the README has for clients that cannot say tokenauth=true, and for librdkafka 2.0.2.
        "extra_properties": on_listeners(broker_jaas(implicitTokens="true", doubledNonce="true")),
    },
}
_COMPLETED = re.compile(r"Completed request: ?(\{.*\})")
_LEADER_SECONDS = 120
_LAG_SECONDS = 3  # of the log behind the answer


class PatientBroker(KafkaBroker):
    """For a run that takes long anyway, on a machine with other work."""

    ready_seconds = 300

    def create_token(self, *what, **more):
        for tries_left in reversed(range(5)):
            try:
                return super().create_token(*what, **more)
            except KafkaError as error:
                if tries_left == 0 or error.name != "TimeoutException":
                    raise


class Broker:
    """A running broker, with a token of OWNER's."""

    def __init__(self, kafka):
        self.kafka = kafka
        self.token = kafka.create_token(f"User:{OWNER}")
        self.source = SourceFile(kafka.directory / "token.json").write(self.token)
        self._seen = defaultdict(lambda: defaultdict(set))
        self._log = open(kafka.directory / "node1" / "node.log", errors="replace")
        self._rest = ""

    def create_topics(self, names):
        admin = AdminClient(self._administrator())
        topics = [NewTopic(name, num_partitions=1, replication_factor=1) for name in names]
        for created in admin.create_topics(topics, operation_timeout=60).values():
            created.result(60)
        # A broker that knows of a topic may not lead it yet, which some clients take for an error.
        offsets = {TopicPartition(name, 0): OffsetSpec.earliest() for name in names}
        deadline = time.monotonic() + _LEADER_SECONDS
        while not all(_succeeds(found) for found in admin.list_offsets(offsets).values()):
            assert time.monotonic() < deadline, "the broker does not lead its topics"
            time.sleep(0.5)

    def warm_up(self):
        """Has Kafka make the topic of groups' offsets, for which no cell is to wait."""
        self.create_topics(["warm-up"])
        stock.produce(self._administrator(), "warm-up", 1)
        assert stock.consume(self._administrator(), "warm-up", 1)

    def _administrator(self):
        return {
            "bootstrap.servers": self.kafka.bootstrap(),
            "security.protocol": "SASL_PLAINTEXT",
            "sasl.mechanism": "SCRAM-SHA-512",
            "sasl.username": ADMIN,
            "sasl.password": USERS[ADMIN],
        }

    def principals(self, client_id, wanted=("PRODUCE", "FETCH")):
        """Who sent these requests by that client id, as the broker's request log has it; empty
        where one of them was never seen."""
        deadline = time.monotonic() + _LAG_SECONDS
        while time.monotonic() < deadline:
            self._read()
            seen = [self._seen[client_id][request] for request in wanted]
            if all(seen):
                return set().union(*seen)
            time.sleep(0.1)
        return set()

    def client_ids(self):
        """All that have sent anything yet."""
        self._read()
        return list(self._seen)

    def sent(self, client_id, request):
        """The principals that sent this kind of request by that client id."""
        return self._seen[client_id][request]

    def close(self):
        self._log.close()

    def _read(self):
        *lines, self._rest = (self._rest + self._log.read()).split("\n")
        for line in lines:
            if completed := _COMPLETED.search(line):
                request = json.loads(completed[1])
                header = request["requestHeader"]
                seen = self._seen[header.get("clientId")]
                seen[header["requestApiKeyName"]].add(request["principal"])


def _succeeds(future):
    try:
        future.result(60)
    except KafkaException:
        return False
    return True


class Brokers:
    """Those of one version, by kind, for the length of a `with` block."""

    def __init__(self, version, kinds):
        self._version, self._kinds = version, kinds

    def __enter__(self):
        with ExitStack() as stack:
            by_kind = {}
            for kind in self._kinds:
                kafka = PatientBroker(self._version, jvm_args=_JVM_ARGS, **_KINDS[kind])
                by_kind[kind] = Broker(stack.enter_context(kafka))
                stack.callback(by_kind[kind].close)
                by_kind[kind].warm_up()
            self._stack = stack.pop_all()
        return by_kind

    def __exit__(self, *exception):
        return self._stack.__exit__(*exception)
