"""The commands of docs/migration.md, as they stand there, on the nodes of a cluster."""

import os
import re
import subprocess

from harness.jvm.jar import JAR
from harness.kafka.cli import PROGRAM
from harness.paths import ROOT

TEXT = (ROOT / "docs" / "migration.md").read_text()
BLOCKS = re.findall(r"^```sh\n(.*?)^```$", TEXT, re.DOTALL | re.MULTILINE)
# What the harness does in place of a service manager, and of an archive that nobody has fetched.
RESTART = "systemctl restart kafka\n"
UNPACK = re.compile(r"^tar -xzf kafka_2\.13-(\S+)\.tgz -C /opt\n", re.MULTILINE)


def block(containing):
    """The one block that has this in it."""
    [text] = [text for text in BLOCKS if containing in text]
    return text


class Operator:
    """Whoever works by the runbook; what lies where is in the `directory`, the program on PATH."""

    def __init__(self, cluster, directory):
        self._cluster = cluster
        self._directory = directory
        self.done = set()
        (directory / JAR.name).symlink_to(JAR)
        (directory / "admin.properties").symlink_to(cluster.admin_config)

    def roll(self, containing, after_each):
        """A block on each node, the active controller last; `after_each` gets the node's number."""
        nodes = sorted(self._cluster.nodes, key=self.active_controller().__eq__)
        for node in nodes:
            self.do(containing, node)
            self.do("--under-replicated-partitions", node)
            after_each(node)

    def active_controller(self):
        status = self.do("kafka-metadata-quorum.sh")
        return int(re.search(r"^LeaderId: +(\d+)", status, re.MULTILINE)[1])

    def do(self, containing, node=1):
        """What the commands of a block print, on one node."""
        text = block(containing)
        self.done.add(text)
        if unpacked := UNPACK.search(text):
            self._cluster.installation(node).unpack(unpacked[1])
            text = UNPACK.sub("", text)
        commands, restart, rest = text.partition(RESTART)
        assert not rest
        output = self._run(commands, node)
        if restart:
            self._cluster.restart(node)
        return output

    def _run(self, commands, node):
        installation = self._cluster.installation(node)
        config = installation.directory / "server.properties"
        script = commands.replace("/etc/kafka/server.properties", str(config))
        script = script.replace("/opt/", f"{installation.home.parent}/")
        host, port = self._cluster.address(node=node)
        done = subprocess.run(
            ["bash", "-euc", script],
            cwd=self._directory,
            env={
                "PATH": f"{PROGRAM.parent}:{os.environ['PATH']}",
                "BOOTSTRAP": self._cluster.bootstrap(),
                "NODE": f"{host}:{port}",
            },
            capture_output=True,
            text=True,
            timeout=900,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout
