"""A broker that keeps users and tokens in a real ZooKeeper, as Kafka up to 3.9 can."""

import socket
import subprocess
import time

from harness import process

from . import cli, jars, properties
from .broker import JVM_ARGS, PATIENT_CLIENT, KafkaBroker
from .properties import ADMIN, USERS

_MAIN = "org.apache.zookeeper.server.quorum.QuorumPeerMain"
# Of KRaft alone.
_LEFT_OUT = ("process.roles", "node.id", "controller.", "share.", "delegation.token.secret.key")


class ZooKeeperBroker(KafkaBroker):
    """A KafkaBroker of the last Kafka with ZooKeeper; `secret_key` is the property's name."""

    # Two JVMs start one after the other.
    ready_seconds = 300
    admin_properties = PATIENT_CLIENT

    def __init__(self, *, secret_key="delegation.token.secret.key", **how):
        super().__init__("3.9.2", **how)
        self._secret_key_name = secret_key
        self._zookeeper = None

    @property
    def zookeeper(self):
        """host:port of the ZooKeeper."""
        return self._authority("CONTROLLER", 1)

    def _format(self):
        """Nothing is formatted, but the administrator has to be there before the broker starts."""
        self._start_zookeeper()
        self._node_directory(1).mkdir()
        properties.write(self._config(1), self._node_properties(1))
        passwords = ",".join(f"{m}=[password={USERS[ADMIN]}]" for m in properties.SCRAM_MECHANISMS)
        where = ["--zookeeper", self.zookeeper, "--entity-type", "users", "--entity-name", ADMIN]
        done = cli.kafka_configs(*where, "--alter", "--add-config", passwords)
        assert done.returncode == 0, done.stdout + done.stderr

    def wait_until_ready(self):
        """With the other users there, too."""
        super().wait_until_ready()
        for name, password in USERS.items():
            if name != ADMIN:
                self.add_user(name, password)

    def _start_zookeeper(self):
        host, port = self.address("CONTROLLER")
        directory = self.directory / "zookeeper"
        directory.mkdir()
        settings = {
            "dataDir": directory,
            "clientPort": port,
            "clientPortAddress": host,
            "admin.enableServer": "false",
        }
        config = properties.write(directory / "zookeeper.properties", settings)
        classpath = jars.broker_classpath(self.version)
        with open(directory / "zookeeper.log", "wb") as log:
            self._zookeeper = process.start(
                [self.java, *JVM_ARGS, "-cp", classpath, _MAIN, config],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        deadline = time.monotonic() + self.ready_seconds
        while not _answers(host, port):
            if self._zookeeper.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("ZooKeeper does not listen: see its log")
            time.sleep(0.1)

    def _end(self, **how):
        # The broker goes first; the directory is the last.
        if 1 in self._processes:
            self.stop_node(1)
        if self._zookeeper:
            process.stop(self._zookeeper)
            self._zookeeper = None
        super()._end(**how)

    def _node_properties(self, number):
        node = super()._node_properties(number)
        listeners = [name for name in self._ports[number] if name != "CONTROLLER"]
        kept = {name: value for name, value in node.items() if not name.startswith(_LEFT_OUT)}
        return kept | {
            "broker.id": number,
            "zookeeper.connect": self.zookeeper,
            self._secret_key_name: self._secret_key,
            "listeners": ",".join(
                f"{name}://{self._authority(name, number)}" for name in listeners
            ),
            "listener.security.protocol.map": ",".join(f"{name}:{name}" for name in listeners),
        }


def _answers(host, port):
    try:
        socket.create_connection((host, port), timeout=1).close()
    except OSError:
        return False
    return True
