"""The tests' own Java programs, compiled once and run with the Kafka of any version."""

import functools
import os
import subprocess
from pathlib import Path

from tests.c.compile import BUILD
from tests.kafka.jars import ROOT, VERSIONS, broker_classpath
from tests.kafka.process import java_command

from .jar import JAR

_SOURCES = ROOT / "tests" / "jvm" / "java"
_CLASSES = BUILD / "jvm"
_OLDEST = min(VERSIONS)


def java_program(name, *arguments, version="4.4.0", jar=JAR, jvm_args=(), java=None):
    """The command line that runs a class of tests/jvm/java, with the jar and Kafka on its path.

    Jars are named one by one, as class loaders of one's own want them.
    """
    jars = sorted(Path(broker_classpath(version).removesuffix("*")).glob("*.jar"))
    classpath = os.pathsep.join(map(str, [jar, _compile(), *jars]))
    java = java or java_command()
    fast = ["-Xmx256m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"]
    return [java, *fast, *jvm_args, "-cp", classpath, name, *arguments]


@functools.cache
def _compile():
    """The directory of the classes: for Java 11, and the oldest Kafka's API."""
    classpath = os.pathsep.join([str(JAR), broker_classpath(_OLDEST)])
    argv = [java_command("javac"), "-nowarn", "--release", "11", "-cp", classpath, "-d", _CLASSES]
    subprocess.run([*argv, *_SOURCES.rglob("*.java")], check=True)
    return _CLASSES
