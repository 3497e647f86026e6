"""KafkaJS, on Node.js."""

import json
import shutil
import subprocess
from pathlib import Path

from harness.paths import ROOT

from ...cells import IMPLICIT, PASSWORD
from .. import Client

_HERE = Path(__file__).parent


def clients():
    pinned = json.loads((_HERE / "package.json").read_text())["dependencies"]["kafkajs"]
    yield Client("KafkaJS", lambda: f"KafkaJS {pinned}", (PASSWORD, IMPLICIT), _command)


def _command():
    """A copy below build/, beside which npm installs what the lock names."""
    directory = ROOT / "build" / "matrix" / "node"
    directory.mkdir(parents=True, exist_ok=True)
    for name in ("kafkajs.js", "package.json", "package-lock.json"):
        shutil.copy(_HERE / name, directory)
    subprocess.run(["npm", "ci", "--silent", "--ignore-scripts"], cwd=directory, check=True)
    return ["node", directory / "kafkajs.js"]
