"""What tests of several folders have: a token file, and a broker's log where a test fails."""

import pytest

from harness.kafka.broker import KafkaBroker
from harness.source_file import SourceFile


@pytest.fixture
def source(tmp_path):
    """A token file: source.write(token) makes or replaces it, source.uri names it."""
    return SourceFile(tmp_path / "token.json")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """Shows the end of its broker's log with a test that failed."""
    report = yield
    if report.failed:
        for value in getattr(item, "funcargs", {}).values():
            if isinstance(value, KafkaBroker):
                report.sections.append((f"Kafka {value.version}", value.log()[-8000:]))
    return report
