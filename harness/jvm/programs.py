"""Java programs of our own, compiled once and run with the Kafka of any version."""

import functools
import os
import subprocess
from pathlib import Path

from harness.kafka.jars import VERSIONS, broker_classpath
from harness.paths import BUILD, ROOT
from harness.process import java_command

from .jar import JAR

_SOURCES = ROOT / "harness" / "jvm" / "java"
_OLDEST = min(VERSIONS)


def java_program(name, *arguments, sources=None, version="4.4.0", jar=JAR, jvm_args=(), java=None):
    """The command line that runs a class, with the jar and Kafka on its path: a class of
    harness/jvm/java, or of the folder `sources`, which may use those.

    Jars are named one by one, as class loaders of one's own want them.
    """
    jars = sorted(Path(broker_classpath(version).removesuffix("*")).glob("*.jar"))
    classpath = os.pathsep.join(map(str, [jar, _compile(sources), *jars]))
    java = java or java_command()
    fast = ["-Xmx256m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"]
    return [java, *fast, *jvm_args, "-cp", classpath, name, *arguments]


@functools.cache
def _compile(sources):
    """The directory of the classes: for Java 11, and the oldest Kafka's API."""
    folders = [_SOURCES] if sources is None else [_SOURCES, sources]
    classes = BUILD / "jvm" / folders[-1].relative_to(ROOT)
    classpath = os.pathsep.join([str(JAR), broker_classpath(_OLDEST)])
    argv = [java_command("javac"), "-nowarn", "--release", "11", "-cp", classpath, "-d", classes]
    subprocess.run([*argv, *(file for top in folders for file in top.rglob("*.java"))], check=True)
    return classes
