"""Hosts that load a job's jar in a new class loader each time get rid of the old ones."""

import re

import pytest

from harness.jvm.jar import jaas
from harness.jvm.programs import java_program
from harness.kafka import properties
from harness.source_file import SourceFile

from .checks import SOURCES, check_command, run
from .conftest import NEWEST, OLDEST, places


@pytest.mark.parametrize("place", places(NEWEST, OLDEST))
def test_whatever_was_not_closed(place, tmp_path):
    """Together they would take twice the metaspace that there is."""
    source = tmp_path / "token.json"
    source.touch(mode=0o600)
    source.write_text('{"token_id": "id", "hmac": "aG1hYw=="}')
    little = ("-XX:MaxMetaspaceSize=16m", "-Xmx64m", "-Xcheck:jni")
    arguments = ["loaders", "50", f"file:{source}"]
    command = check_command(*arguments, version=place.kafka, java=place.java, jvm_args=little)
    output = run(command, timeout=200)
    assert output.endswith("ok\n"), output
    assert "in native method" not in output


@pytest.mark.long
@pytest.mark.timeout(600)
def test_clients_of_a_broker(broker, tmp_path):
    """The last may be there still, and the first, which Kafka's own security providers hold.

    Each takes 10 MB of metaspace, so that seven of them would be too many.
    """
    SourceFile(tmp_path / "token.json").write(broker.create_token("User:alice"))
    config = {
        **properties.admin(broker.bootstrap("SASL_SSL"), broker.authority),
        "security.protocol": "SASL_SSL",
        "sasl.mechanism": "SCRAM-SHA-512",
        "sasl.jaas.config": jaas(source=f"file:{tmp_path / 'token.json'}"),
    }
    file = properties.write(tmp_path / "client.properties", config)
    command = java_program(
        "Jobs",
        "20",
        str(file),
        sources=SOURCES,
        version=broker.version,
        java=broker.java,
        jvm_args=["-XX:MaxMetaspaceSize=64m"],
    )
    output = run(command, timeout=500)
    found = re.search(r"^(\d+) class loaders left, (\d+) libraries$", output, re.MULTILINE)
    assert found, output[-4000:]
    assert (int(found[1]) <= 2, int(found[2])) == (True, 1), found[0]
