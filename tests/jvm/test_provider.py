"""An application changes the JVM's security providers while clients are at work."""

import pytest

from harness.jvm.clients import Clients
from harness.jvm.jar import jaas
from harness.source_file import SourceFile


@pytest.fixture
def clients(broker, tmp_path):
    SourceFile(tmp_path / "token.json").write(broker.create_token("User:alice"))
    with Clients(broker, tmp_path) as clients:
        yield clients


@pytest.fixture
def line(tmp_path):
    return jaas(source=f"file:{tmp_path / 'token.json'}")


def test_ours_is_removed(clients, line):
    """Clients of the same line share a login, so the module does not come to see it."""
    clients.open("before", line)
    clients.ask("before")
    clients.remove_provider()
    clients.open("after", line)
    clients.ask("after")
    assert "The security provider ScramToken had been removed: it is there again" in clients.log()


def test_another_comes_before_ours(clients, line):
    """The connection that finds it there fails by its name, and the next one does not."""
    clients.open("before", line)
    clients.ask("before")
    clients.put_provider_in_front()
    clients.open("after", line)
    clients.ask("after")
    assert "the security provider Greedy, which serves SCRAM too, was put" in clients.log()
    assert "Greedy knows nobody" not in clients.log()
