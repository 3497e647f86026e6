"""Kafka's archive as it lies unpacked on a machine: its jars in libs/, its commands in bin/."""

import shlex
from pathlib import Path

from harness import process

from . import jars

# What Kafka's own scripts of these names run.
_COMMANDS = {
    "kafka-features.sh": "org.apache.kafka.tools.FeatureCommand",
    "kafka-metadata-quorum.sh": "org.apache.kafka.tools.MetadataQuorumCommand",
    "kafka-topics.sh": "org.apache.kafka.tools.TopicCommand",
}
_SCRIPT = """#!/bin/sh
exec {java} -Xmx128m -XX:TieredStopAtLevel=1 -XX:+UseSerialGC \\
  -Dorg.slf4j.simpleLogger.defaultLogLevel=error -cp {classpath} {program} "$@"
"""


class Installation:
    """Versions side by side below opt/ of a directory, and opt/kafka, a link to the one in use."""

    def __init__(self, directory):
        self.directory = Path(directory)
        self.home = self.directory / "opt" / "kafka"

    def unpack(self, version):
        """Adds a version beside the others; the jars are links to those that Maven fetched."""
        root = self._root(version)
        for folder in ("libs", "bin"):
            (root / folder).mkdir(parents=True)
        broker, tools = (
            {jar.name: jar for jar in Path(classpath).parent.glob("*.jar")}
            for classpath in (jars.broker_classpath(version), jars.tools_classpath(version))
        )
        for name, jar in broker.items():
            (root / "libs" / name).symlink_to(jar)
        # The broker's jars go first: the tools of a version that has none of its own are older.
        classpath = shlex.quote(":".join(map(str, (broker | tools).values())))
        for name, program in _COMMANDS.items():
            script = root / "bin" / name
            java = shlex.quote(str(process.java_command()))
            script.write_text(_SCRIPT.format(java=java, classpath=classpath, program=program))
            script.chmod(0o755)

    def use(self, version):
        """Makes opt/kafka this version."""
        self.home.symlink_to(self._root(version).name)

    def _root(self, version):
        return self.home.with_name(f"kafka_2.13-{version}")
