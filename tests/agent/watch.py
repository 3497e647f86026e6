"""Logs in by what is published, to every live broker, ten times a second."""

import importlib.util
import json
import time

import scramtoken
from harness.background import Background
from harness.paths import ROOT

_spec = importlib.util.spec_from_file_location("login_example", ROOT / "examples/python/login.py")
_login = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_login)


class Watch(Background):
    """For a `with` block: `failures` says what went wrong, `ids` which tokens were published.

    Nodes in `away` are not asked. Nothing is asked before the file is there.
    """

    def __init__(self, broker, path, nodes=(1, 2, 3)):
        self.failures, self.ids, self.rounds = [], [], 0
        self.away = set()
        self._broker, self._path, self._nodes = broker, path, nodes
        super().__init__()

    def _run(self):
        while not self._stop.wait(0.1):
            if not self._path.exists():
                continue
            token = json.loads(self._path.read_text())
            if token["token_id"] not in self.ids:
                self.ids.append(token["token_id"])
            for node in self._nodes:
                if node in self.away:
                    continue
                try:
                    _log_in(self._broker.address(node=node), token)
                except Exception as error:
                    if node not in self.away:
                        at = time.strftime("%H:%M:%S")
                        self.failures.append(f"{at} node {node}, {token['token_id']}: {error}")
            self.rounds += 1


def _log_in(address, token):
    mechanism = token["mechanism"]
    connection = _login.Broker(*address, timeout_s=5)
    with connection.socket:
        client = scramtoken.Client(mechanism, token_id=token["token_id"], hmac=token["hmac"])
        lifetime_ms = _login.log_in(connection, client, mechanism)
    if lifetime_ms <= 0:
        raise RuntimeError("the token has ended, and the broker has not swept it yet")
