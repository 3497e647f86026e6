"""Everything that can be seen in one JVM without a broker."""

import pytest

from tests.kafka.jars import VERSIONS

from .checks import check_command, run


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", ["options", "subjects", "class-loaders", "closed", "order"])
def test_check(name, version):
    output = run(check_command(name, version=version))
    assert output.endswith("ok\n"), output
    assert "in native method" not in output


def test_a_few_handshakes_leave_native_memory_alone():
    output = run(check_command("handshakes", "100000", jvm_args=()))
    assert output.endswith("ok\n"), output


@pytest.mark.long
@pytest.mark.timeout(900)
def test_a_million_handshakes_leave_native_memory_alone():
    output = run(check_command("handshakes", "1000000", jvm_args=()), timeout=900)
    assert output.endswith("ok\n"), output
