"""What docs/jvm.md shows, as a new user would try it."""

import re

import pytest

from harness.jvm.clients import Clients
from harness.jvm.jar import JAR, MODULE
from harness.kafka.broker import KafkaBroker
from harness.kafka.login_program import PYTHON, Credential, log_in
from harness.paths import ROOT
from harness.source_file import SourceFile

from . import manual


@pytest.mark.long  # make test has the same line on a broker that others use, too
def test_the_recipes(tmp_path):
    """A broker and a client with the jar, these lines, and what else is Kafka's own."""
    with KafkaBroker(extra_properties=manual.broker_properties(), classpath_extra=[JAR]) as broker:
        token = broker.create_token("User:alice")
        plain = Credential(token.id, token.hmac)
        login = log_in(PYTHON, broker.address(), "SCRAM-SHA-512", plain)
        assert login.outcome == "logged in", login.text
        audited = r'io\.scramtoken\.audit - {"time_ms":\d+,"operation":"login","status":"OK"'
        assert re.search(audited, broker.log())

        SourceFile(tmp_path / "token.json").write(token)
        client = manual.client_properties(tmp_path / "token.json")
        with Clients(broker, tmp_path) as clients:
            clients.open("client", client["sasl.jaas.config"], client["sasl.mechanism"])
            clients.ask("client")


def test_the_brokers_line(broker, token):
    """On a listener of the shared broker, where it is one line of several."""
    broker.login(token.id, token.hmac, listener="SASL_SSL", mechanism="SCRAM-SHA-256")
    assert '"mechanism":"SCRAM-SHA-256","requester":"' + token.id in broker.log()


def test_every_option_is_in_the_manual():
    code = (ROOT / "java/src/main/java/io/scramtoken/kafka/Options.java").read_text()
    options = set(re.findall(r'private static final String [A-Z_]+ = "(\w+)"', code)) - {"source"}
    assert options == set(re.findall(r"^\| `(\w+)` \| .*\| .*\|$", manual.TEXT, re.MULTILINE))


def test_the_readme_shows_these_recipes():
    readme = (ROOT / "README.md").read_text()
    blocks = re.findall(r"^```properties\n(.*?)^```$", readme, re.DOTALL | re.MULTILINE)
    ours = [text for text in blocks if MODULE in text]
    assert len(ours) == 2 and all(text in manual.TEXT for text in ours)
