"""Everything that can be seen in one JVM without a broker."""

import pytest

from .checks import check_command, run
from .conftest import NEWEST, OLDEST, places


@pytest.mark.parametrize("place", places(NEWEST, OLDEST))
def test_quick_ones(place):
    """All in one JVM; where one fails, the stack trace names it."""
    output = run(check_command("quick", version=place.kafka, java=place.java))
    assert output.endswith("ok\n"), output
    assert "in native method" not in output


def test_a_few_handshakes_leave_native_memory_alone():
    output = run(check_command("handshakes", "30000", jvm_args=()))
    assert output.endswith("ok\n"), output


@pytest.mark.long
@pytest.mark.timeout(900)
def test_a_million_handshakes_leave_native_memory_alone():
    output = run(check_command("handshakes", "1000000", jvm_args=()), timeout=900)
    assert output.endswith("ok\n"), output
