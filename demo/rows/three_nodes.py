"""Three brokers on the jar: a token that one of them was asked for logs in on the others."""

import json
import tempfile
from pathlib import Path

from harness.jvm.jar import JAR, broker_jaas, on_listeners
from harness.kafka.broker import KafkaBroker
from harness.kafka.cli import client_config, scramtoken
from harness.kafka.login_program import PYTHON, Credential
from harness.kafka.properties import USERS

from . import Row, log_in

_MECHANISM = "SCRAM-SHA-512"
_ON_LIBSCRAMTOKEN = {"extra_properties": on_listeners(broker_jaas()), "classpath_extra": [JAR]}


def rows(scene):
    yield Row("three nodes on the jar", _MECHANISM, "token of another node", "logged in", _run)


def _run():
    with KafkaBroker("4.4.0", nodes=3, **_ON_LIBSCRAMTOKEN) as cluster:
        token = _token_of_node_1(cluster)
        cluster.wait_for_login(token.name, token.secret, token=True)
        logins = [log_in(PYTHON, cluster.address(node=n), _MECHANISM, token) for n in (2, 3)]
        wrong = [login for login in logins if login.outcome != "logged in"]
        login = (wrong or logins)[0]
        return login.outcome, login.text


def _token_of_node_1(cluster):
    with tempfile.TemporaryDirectory() as directory:
        config = client_config(Path(directory) / "alice.properties", "alice", USERS["alice"])
        host, port = cluster.address()
        where = ["--bootstrap-server", f"{host}:{port}", "--command-config", config]
        create = ["--create", "--max-life-time-period", "-1", "--output", "json"]
        done = scramtoken("delegation-tokens", *where, *create)
    if done.returncode != 0:
        raise RuntimeError(done.stderr)
    made = json.loads(done.stdout)
    return Credential(made["token_id"], made["hmac"], is_token=True)
