"""Beyond a login: duplicated configurations, forks, several librdkafkas, many clients."""

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from harness.kafka.stand_in import StalledBroker
from harness.paths import ROOT
from harness.rdkafka.librdkafka import TIMED_OUT, Refused, debians, plugin, wheels

LIBRARIES = {"wheel": wheels, "debian": debians}


@pytest.fixture(params=LIBRARIES)
def library(request):
    return LIBRARIES[request.param]()


@pytest.fixture(scope="session")
def token(broker):
    return broker.create_token("User:alice")


@pytest.fixture
def properties(broker, token, source):
    return plugin(broker.bootstrap(), source.write(token))


def test_versions():
    assert debians().version == "2.0.2"
    assert wheels().version != "2.0.2"


def test_a_login(library, properties):
    with library.conf(properties).client() as client:
        assert client.works()


def test_two_librdkafkas_in_one_process(properties):
    with wheels().conf(properties).client() as one, debians().conf(properties).client() as two:
        assert one.works()
        assert two.works()


def test_each_client_has_its_own_token(library, broker, properties, tmp_path):
    wrong = tmp_path / "absent.json"
    others = properties | {"scramtoken.source": f"file:{wrong}"}
    with library.conf(properties).client() as one, library.conf(others).client() as two:
        assert str(wrong) in two.refusal()
        assert one.works()


@pytest.mark.parametrize("order", ["plugin first", "plugin last"])
def test_a_duplicated_configuration(library, properties, order):
    if order == "plugin last":
        first = {"security.protocol": "SASL_PLAINTEXT", "sasl.mechanism": "SCRAM-SHA-256"}
        first["bootstrap.servers"] = properties["bootstrap.servers"]
        properties = first | properties
    conf = library.conf(properties)
    copy = conf.dup()
    copy_of_copy = copy.dup()
    assert copy.get("security.protocol") == "sasl_plaintext"
    if order == "plugin last":
        assert copy_of_copy.get("sasl.mechanisms") == "SCRAM-SHA-256"
    passwords = {each.get("sasl.password") for each in (conf, copy, copy_of_copy)}
    assert len(passwords) == 3, "the stand-in's secret is each client's own"
    conf.destroy()
    with copy.client() as client:
        assert client.works()
    with copy_of_copy.client() as client:
        assert client.works()


def test_a_configuration_that_no_client_is_made_of(library, properties):
    for _ in range(20):
        conf = library.conf(properties)
        conf.dup().destroy()
        conf.destroy()


def test_a_plugin_that_is_loaded_twice(library, properties):
    conf = library.conf(properties)
    conf.set("plugin.library.paths", properties["plugin.library.paths"])
    with conf.client() as client:
        assert client.works()


def test_a_value_can_be_set_back_to_its_default(library, properties):
    conf = library.conf(properties)
    conf.set("scramtoken.login.timeout.ms", 200)
    conf.set("scramtoken.login.timeout.ms", "")
    with conf.client() as client:
        assert client.works()


def test_a_refused_property_leaves_the_configuration_usable(library, properties):
    conf = library.conf(properties)
    with pytest.raises(Refused, match="did you mean scramtoken.mechanism"):
        conf.set("scramtoken.mechanisms", "x")
    with conf.client() as client:
        assert client.works()


def test_a_fork_before_the_client(library, properties):
    """The parent's event loop is of no use to its child."""
    with library.conf(properties).client() as client:
        assert client.works()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            with library.conf(properties).client() as client:
                code = 0 if client.works() else 2
        finally:
            os._exit(code)
    assert os.waitpid(child, 0)[1] == 0
    with library.conf(properties).client() as client:
        assert client.works()


FORK_INTO_ANOTHER_NAMESPACE = """
import ctypes, json, os, sys
from harness.rdkafka.librdkafka import Library

path, properties = sys.argv[1], json.loads(sys.argv[2])
library = Library(path)
assert os.getpid() == 1
with library.conf(properties).client() as client:
    assert client.works()
CLONE_NEWPID = 0x20000000
assert ctypes.CDLL(None).unshare(CLONE_NEWPID) == 0
if (child := os.fork()) == 0:
    code = 1
    try:
        assert os.getpid() == 1
        with library.conf(properties).client() as client:
            code = 0 if client.works() else 2
    finally:
        os._exit(code)
assert os.waitpid(child, 0)[1] == 0
"""


def test_a_fork_into_another_pid_namespace(library, properties):
    """Parent and child are the first process of theirs, and so have the same id."""
    unshare = ("unshare", "--fork", "--pid", "--mount-proc", "--kill-child")
    code = (sys.executable, "-c", FORK_INTO_ANOTHER_NAMESPACE)
    argv = [*unshare, *code, library.path, json.dumps(properties)]
    done = subprocess.run(
        argv, cwd=ROOT, capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL
    )
    assert done.returncode == 0, done.stderr


def test_a_stalled_login_ends_with_a_text(library, source):
    source.write_fields(token_id="id", hmac="aGk=")
    with StalledBroker() as broker:
        properties = plugin(broker.bootstrap, source, scramtoken_login_timeout_ms=500)
        with library.conf(properties).client() as client:
            code, text = client.failure()
            assert code == TIMED_OUT
            assert "has not completed the login within 0.5 s" in text


def test_closing_in_a_stalled_login(library, source):
    source.write_fields(token_id="id", hmac="aGk=")
    with StalledBroker() as broker:
        before = descriptors()
        for _ in range(10):
            with library.conf(plugin(broker.bootstrap, source)).client():
                broker.wait_for_login()
                started = time.monotonic()
            assert time.monotonic() - started < 2
        broker.hang_up()
        wait_until(lambda: descriptors() <= before + EVENT_LOOP)


def test_many_clients(library, properties):
    with library.conf(properties).client() as client:
        assert client.works()
    wait_until(lambda: threads() <= 3)
    files, running = descriptors(), threads()
    for _ in range(10):
        clients = [library.conf(properties).client() for _ in range(5)]
        for client in clients:
            assert client.works()
        for client in clients:
            client.__exit__()
    wait_until(lambda: descriptors() <= files and threads() <= running)


# The descriptors of the event loop, where a test is the first to start it.
EVENT_LOOP = 2


def descriptors():
    return len(os.listdir("/proc/self/fd"))


def threads():
    return len(list(Path("/proc/self/task").iterdir())) - threading.active_count() + 1


def wait_until(condition, seconds=10):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, (descriptors(), threads())
        time.sleep(0.05)
