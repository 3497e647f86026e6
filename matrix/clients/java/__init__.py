"""Kafka's Java client: plain, idempotent and transactional, in one JVM for each version."""

from harness.jvm.programs import java_program
from harness.kafka.jars import VERSIONS
from harness.paths import ROOT

from ...cells import EXTENSION, LIBRARY, PASSWORD
from .. import Client

_SOURCES = ROOT / "matrix" / "clients" / "java"
_TRAFFIC = {"plain": "", "idempotent": ", idempotent", "transactional": ", transactions"}
_QUIET = ("-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",)


def clients():
    for version in reversed(sorted(VERSIONS)):
        for traffic, also in _TRAFFIC.items():
            yield Client(
                f"Java {version}{also}",
                lambda version=version: f"kafka-clients {version}",
                (PASSWORD, EXTENSION, LIBRARY),
                lambda version=version: java_program(
                    "Traffic", sources=_SOURCES, version=version, jvm_args=_QUIET
                ),
                traffic,
                worker=f"Java {version}",
            )
