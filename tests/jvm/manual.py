"""The recipes of docs/jvm.md, as they stand there."""

import re

from harness.kafka.properties import ADMIN, USERS
from harness.paths import ROOT

TEXT = (ROOT / "docs" / "jvm.md").read_text()


def block(language, containing):
    """The one block of code that has this in it."""
    blocks = re.findall(rf"^```{language}\n(.*?)^```$", TEXT, re.DOTALL | re.MULTILINE)
    [text] = [text for text in blocks if containing in text]
    return text


def broker_properties():
    """Of the broker's recipe, with its dots filled in."""
    text = block("properties", "implicitTokens")
    text = text.replace('password="..."', f'password="{USERS[ADMIN]}"')
    text = text.replace('mockSecret="..."', 'mockSecret="sixteen characters"')
    assert "..." not in text
    return _properties(text)


def client_properties(token_file):
    """Of the client's recipe, with a file of this place."""
    text = block("properties", "source=")
    assert "/run/kafka/token.json" in text
    return _properties(text.replace("/run/kafka/token.json", str(token_file)))


def _properties(text):
    """As Java reads them: a backslash at its end goes on with a line."""
    joined = re.sub(r"\\\n *", "", text)
    return dict(line.split("=", 1) for line in joined.splitlines())
