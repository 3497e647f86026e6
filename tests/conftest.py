"""What tests of several folders have: a token file, the log of a failed test's broker, an order."""

from collections import defaultdict

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


def pytest_collection_modifyitems(items):
    """Files with the longest tests come first, or one core waits for the other at the end."""
    longest = defaultdict(int)
    for item in items:
        if item.get_closest_marker("long"):
            timeout = item.get_closest_marker("timeout")
            longest[item.path] = max(longest[item.path], timeout.args[0] if timeout else 0)
    items.sort(key=lambda item: -longest[item.path])
