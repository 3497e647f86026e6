"""Brokers for the tests below: one at a time, shared by all the tests of its version."""

import pytest

from .broker import KafkaBroker


@pytest.fixture(scope="session", params=["4.4.0", "3.9.2"])
def broker(request):
    """A broker of the newest version and of the last with the old token code, one by one."""
    with KafkaBroker(request.param) as broker:
        yield broker


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """Shows the end of its broker's log with a test that failed."""
    report = yield
    if report.failed:
        for value in getattr(item, "funcargs", {}).values():
            if isinstance(value, KafkaBroker):
                report.sections.append((f"Kafka {value.version}", value.log()[-8000:]))
    return report
