"""The jar that `make jar` builds, and JAAS lines that name its login module."""

import platform
import re

from harness.kafka.properties import ADMIN, LISTENERS, SCRAM_MECHANISMS, USERS
from harness.paths import ROOT

VERSION = re.search(r'^version = "(.*)"', (ROOT / "Cargo.toml").read_text(), re.MULTILINE)[1]
JAR = ROOT / "build" / "java" / f"scramtoken-kafka-{VERSION}.jar"
LIBRARY_IN_JAR = f"META-INF/native/linux-{platform.machine()}/libscramtoken.so"
MODULE = "io.scramtoken.kafka.ScramTokenLoginModule"


def jaas(**options):
    """A JAAS line of our module; the values are quoted."""
    text = "".join(f' {name}="{value}"' for name, value in options.items())
    return f"{MODULE} required{text};"


def on_listeners(line, listeners=LISTENERS, mechanisms=SCRAM_MECHANISMS):
    """server.properties that give these listeners this line for these mechanisms."""
    return {
        f"listener.name.{listener.lower()}.{mechanism.lower()}.sasl.jaas.config": line
        for listener in listeners
        for mechanism in mechanisms
    }


def broker_jaas(**options):
    """A line for a broker, which logs in to others as the administrator."""
    return jaas(username=ADMIN, password=USERS[ADMIN], **options)
