"""Runs Checks.java, which lies in our package and so sees what Kafka does not."""

import functools
import os
import subprocess
from pathlib import Path

from tests.c.compile import BUILD
from tests.kafka.jars import ROOT, broker_classpath
from tests.kafka.process import java_command

from .jar import JAR

_SOURCE = ROOT / "tests" / "jvm" / "java" / "io" / "scramtoken" / "kafka" / "Checks.java"
_CLASSES = BUILD / "jvm" / "classes"


def check_command(*name, version="4.4.0", jar=JAR, jvm_args=("-Xcheck:jni",)):
    """The command line that runs one check."""
    classpath = [jar, _compile(version), *_jars(broker_classpath(version))]
    return [
        java_command(),
        "-Xmx256m",
        "-XX:TieredStopAtLevel=1",
        *jvm_args,
        "-cp",
        os.pathsep.join(map(str, classpath)),
        "io.scramtoken.kafka.Checks",
        *name,
    ]


def run(command, timeout=60):
    """What a command says, standard error included; a check ends with "ok" when it held."""
    done = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=timeout,
    )
    return done.stdout


@functools.cache
def _compile(version):
    """The directory of the checks' classes."""
    classes = _CLASSES / version
    classpath = os.pathsep.join([str(JAR), broker_classpath(version)])
    subprocess.run(
        [java_command("javac"), "-nowarn", "-cp", classpath, "-d", classes, _SOURCE], check=True
    )
    return classes


def _jars(classpath):
    """The jars of a directory one by one, as class loaders of one's own want them."""
    return sorted(Path(classpath.removesuffix("*")).glob("*.jar"))
