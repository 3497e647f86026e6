"""`scramtoken agent` keeps a running consumer's token alive, past the end of every single token."""

import json
import subprocess
import tempfile
import time
from pathlib import Path

from demo import stock_clients
from harness.kafka.cli import PROGRAM, client_config
from harness.kafka.properties import ADMIN, USERS
from harness.process import start, stop

from . import Row

_LIFE_S = 8
_LIVES = 2
_CONFIG = """
command_config = "{directory}/admin.properties"
bootstrap_servers = "{servers}"
journal = "{directory}/journal.json"
listen = "off"

[[token]]
name = "demo"
owner = "User:dora"
max_lifetime = "{life}s"
grace = "2s"
[[token.target]]
file = "{directory}/token.json"
"""


def rows(scene):
    yield Row(
        "agent, confluent-kafka",
        "SCRAM-SHA-512",
        f"tokens of {_LIFE_S} s",
        "consumed all",
        lambda: _outlive(scene),
    )


def _outlive(scene):
    """A consumer with the plugin goes on for longer than its tokens live."""
    with tempfile.TemporaryDirectory() as directory:
        directory = Path(directory)
        path = directory / "token.json"
        client_config(directory / "admin.properties", ADMIN, USERS[ADMIN])
        config = _CONFIG.format(directory=directory, servers=scene.broker.bootstrap(), life=_LIFE_S)
        (directory / "agent.toml").write_text(config)
        with open(directory / "log", "w") as log:
            argv = [PROGRAM, "agent", "--config", directory / "agent.toml"]
            agent = start(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            begun = time.monotonic()
            while not path.exists():
                if time.monotonic() > begun + 20:
                    return "no token", (directory / "log").read_text()
                time.sleep(0.05)
            ids = set()

            def look():
                ids.add(json.loads(path.read_text())["token_id"])

            conf = stock_clients.plugin_config(scene, f"file:{path}")
            end = time.monotonic() + _LIVES * _LIFE_S
            sent, received, told = stock_clients.consume(conf, "agent", end, look)
        finally:
            stop(agent)
    text = f"{received} of {sent} messages while the agent published {len(ids)} tokens; {told}"
    lost = received < sent or told or len(ids) < _LIVES
    return ("failed" if lost else "consumed all"), text
