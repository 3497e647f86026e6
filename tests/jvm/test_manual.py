"""What docs/jvm.md shows, as a new user would try it."""

import re

from tests.kafka.broker import KafkaBroker
from tests.kafka.jars import ROOT
from tests.kafka.login_program import PYTHON, Credential, log_in
from tests.kafka.properties import ADMIN, USERS

from .clients import Clients, write_token
from .jar import JAR

MANUAL = (ROOT / "docs" / "jvm.md").read_text()
BROKER, CLIENT = re.findall(r"^```properties\n(.*?)^```$", MANUAL, re.DOTALL | re.MULTILINE)


def properties(text):
    """As Java reads them: a backslash at its end goes on with a line."""
    joined = re.sub(r"\\\n *", "", text)
    return dict(line.split("=", 1) for line in joined.splitlines())


def test_the_recipes(tmp_path):
    text = BROKER.replace('password="..."', f'password="{USERS[ADMIN]}"')
    text = text.replace('mockSecret="..."', 'mockSecret="sixteen characters"')
    assert "..." not in text
    with KafkaBroker(extra_properties=properties(text), classpath_extra=[JAR]) as broker:
        token = broker.create_token("User:alice")
        plain = Credential(token.id, token.hmac)
        login = log_in(PYTHON, broker.address(), "SCRAM-SHA-512", plain)
        assert login.outcome == "logged in", login.text
        audited = r'io\.scramtoken\.audit - {"time_ms":\d+,"operation":"login","status":"OK"'
        assert re.search(audited, broker.log())

        write_token(tmp_path / "token.json", token)
        client = properties(CLIENT.replace("/run/token.json", str(tmp_path / "token.json")))
        with Clients(broker, tmp_path) as clients:
            clients.open("client", client["sasl.jaas.config"], client["sasl.mechanism"])
            clients.ask("client")


def test_every_option_is_in_the_manual():
    code = (ROOT / "java/src/main/java/io/scramtoken/kafka/Options.java").read_text()
    options = set(re.findall(r'private static final String [A-Z_]+ = "(\w+)"', code)) - {"source"}
    assert options == set(re.findall(r"^\| `(\w+)` \| .*\| .*\|$", MANUAL, re.MULTILINE))
