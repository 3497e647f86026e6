"""Runs Checks.java, which lies in our package and so sees what Kafka does not."""

import subprocess
from pathlib import Path

from harness.jvm.programs import java_program

SOURCES = Path(__file__).with_name("java")


def check_command(*arguments, jvm_args=("-Xcheck:jni",), **how):
    """The command line of some checks; `how` is as for java_program."""
    how |= {"sources": SOURCES, "jvm_args": jvm_args}
    return java_program("io.scramtoken.kafka.Checks", *arguments, **how)


def run(command, timeout=60):
    """What a command says, standard error included; checks end with "ok" when all held."""
    done = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=timeout,
    )
    return done.stdout
