"""Kafka's jars, fetched from Maven Central into build/kafka/<version>/ when first asked for."""

import fcntl
import re
import shutil
import subprocess
from contextlib import contextmanager

from harness.paths import ROOT
from harness.process import say

CACHE = ROOT / "build" / "kafka"

# Kafka version -> version of its command line tools: there are no kafka-tools 4.4.0.
TOOLS = {"4.4.0": "4.3.1", "4.1.1": "4.1.1", "3.9.2": "3.9.2"}
VERSIONS = tuple(TOOLS)

_SLF4J = "1.7.36"  # what every version above is compiled against
_DEPENDENCY_PLUGIN = "3.8.1"
_DOWNLOADED = re.compile(r"Downloaded from \S+ \S+/(\S+\.jar) \((\S+ \S+)")


def broker_classpath(version):
    """The class path of a broker of this version, of its clients too."""
    artifacts = [("org.apache.kafka", "kafka_2.13", version, True)]
    return classpath(CACHE / version / "broker", artifacts, f"Kafka {version} (broker)")


def tools_classpath(version):
    """The class path of the token tool for brokers of this version.

    It is apart from the broker's: tools and broker of different versions do not mix. Most of what
    kafka-tools depends on (Connect, Jetty) the token tool never touches, so it is left out.
    """
    tools = TOOLS[version]
    artifacts = [
        ("org.apache.kafka", "kafka-tools", tools, False),
        ("org.apache.kafka", "kafka-server-common", tools, True),
    ]
    return classpath(CACHE / version / "tools", artifacts, f"Kafka {version} (tools)")


def fetch(version):
    """Fetches what is not there yet, so that later calls take no time."""
    broker_classpath(version)
    tools_classpath(version)


def classpath(directory, artifacts, title):
    """That of artifacts (group, artifact, version, with what it depends on itself)."""
    if not directory.exists():
        with locked(directory.with_suffix(".lock")):
            if not directory.exists():  # else another process fetched them while we waited
                _fetch(directory, artifacts, title)
    return f"{directory}/*"


def _fetch(directory, artifacts, title):
    """Has Maven copy the artifacts to `directory`, which appears only when it is complete."""
    partial = directory.with_suffix(".partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    pom = directory.with_suffix(".pom.xml")
    pom.write_text(_pom(artifacts))

    say(f"{title}: fetching jars with Maven (only the first time)")
    plugin = f"org.apache.maven.plugins:maven-dependency-plugin:{_DEPENDENCY_PLUGIN}"
    maven = subprocess.Popen(
        ["mvn", "-B", "-f", pom, f"{plugin}:copy-dependencies", f"-DoutputDirectory={partial}"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    with maven:
        output = []
        for line in maven.stdout:
            output.append(line)
            if jar := _DOWNLOADED.search(line):
                say(f"  {jar[1]} ({jar[2]})")
    if maven.returncode != 0:
        raise RuntimeError(f"Maven could not fetch {title}:\n{''.join(output[-40:])}")
    partial.rename(directory)
    say(f"{title}: {len(list(directory.iterdir()))} jars")


def _pom(artifacts):
    """A pom that depends on (group, artifact, version, with what it depends on itself)."""
    everything = "<exclusion><groupId>*</groupId><artifactId>*</artifactId></exclusion>"
    alone = f"<exclusions>{everything}</exclusions>"
    dependencies = "\n".join(
        f"<dependency><groupId>{group}</groupId><artifactId>{artifact}</artifactId>"
        f"<version>{version}</version>{'' if transitive else alone}</dependency>"
        for group, artifact, version, transitive in artifacts
        + [("org.slf4j", "slf4j-simple", _SLF4J, True)]
    )
    return f"""<project xmlns="http://maven.apache.org/POM/4.0.0">
<modelVersion>4.0.0</modelVersion>
<groupId>io.scramtoken</groupId><artifactId>jars-for-tests</artifactId><version>1</version>
<packaging>pom</packaging>
<dependencies>
{dependencies}
</dependencies>
</project>
"""


@contextmanager
def locked(path):
    """Keeps other processes out for the length of a `with` block."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


if __name__ == "__main__":  # where progress can be seen; under pytest it could not
    for _version in VERSIONS:
        fetch(_version)
