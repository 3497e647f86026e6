"""Three nodes, each with a Kafka of its own that is installed, changed and restarted by itself."""

from .broker import PATIENT_CLIENT, KafkaBroker
from .installation import Installation

# On a machine that compiles meanwhile, a node that is slow is no node that has gone.
_PATIENT_NODE = {
    "controller.quorum.election.timeout.ms": 3000,
    "controller.quorum.fetch.timeout.ms": 10000,
    "broker.session.timeout.ms": 30000,
}


class KafkaCluster(KafkaBroker):
    """A KafkaBroker of three combined nodes; what each runs is in its directory:

    opt/kafka/          a link to opt/kafka_2.13-VERSION, with libs/ and bin/ as in Kafka's archive
    server.properties   its configuration

    with KafkaCluster("3.9.2") as cluster:
        cluster.installation(1).unpack("4.4.0")  # and whatever else is done to the files of a node
        cluster.restart(1)
    """

    # Three JVMs start at once.
    ready_seconds = 600
    admin_properties = PATIENT_CLIENT

    def __init__(self, version="4.4.0", *, extra_properties=None, **how):
        extra_properties = _PATIENT_NODE | (extra_properties or {})
        super().__init__(version, nodes=3, extra_properties=extra_properties, **how)

    @property
    def nodes(self):
        """The nodes' numbers."""
        return tuple(self._nodes)

    def installation(self, number):
        """The files of one node."""
        return Installation(self._node_directory(number))

    def restart(self, number):
        """Ends a node in an orderly way and starts what is in its directory now."""
        self.shut_down_node(number)
        self.start_node(number)
        self.wait_until_ready()

    def node_log(self, number):
        """What one node has logged so far, over its restarts."""
        return (self._node_directory(number) / "node.log").read_text(errors="replace")

    def _install(self, number):
        installation = self.installation(number)
        installation.unpack(self.version)
        installation.use(self.version)

    def _classpath(self, number):
        return f"{self.installation(number).home}/libs/*"
