"""Delegation tokens for whoever logs in by Kerberos or OAUTHBEARER: the program makes them."""

import tempfile
import time
from pathlib import Path

from harness.kafka.access_tokens import Identities, bearer
from harness.kafka.cli import client_config, kerberos_config, keytab_options, scramtoken
from harness.kafka.kdc import REALM, Kdc
from harness.kafka.primary_logins import broker_with, kerberos, oauthbearer
from harness.kafka.properties import USERS

from . import Row


def rows(scene):
    yield Row("command line", "GSSAPI, OAUTHBEARER", "a token by each", "logged in", _buy)


def _buy():
    """A real KDC, a broker that takes both, a token by each, and a login by each token."""
    with tempfile.TemporaryDirectory() as directory, Kdc() as kdc:
        directory = Path(directory)
        keytab, identities = kdc.add("alice"), Identities(directory)
        jwt = directory / "jwt"
        jwt.touch(0o600)
        jwt.write_text(identities.token())
        options = keytab_options(keytab, f"alice@{REALM}")
        configs = [
            kerberos_config(directory / "kerberos", options),
            client_config(directory / "oauthbearer", "", "", **bearer(jwt.as_uri())),
        ]
        token_config = client_config(directory / "client", "alice", USERS["alice"])
        with broker_with(kerberos(kdc), oauthbearer(identities)) as broker:
            said = []
            for config in configs:
                token = directory / f"{config.name}.json"
                create = ["--create", "--max-life-time-period", "-1"]
                create += ["--output", "token-file", "--out", token]
                login = ["--source", f"file:{token}"]
                for command, how, options in (
                    ("delegation-tokens", config, create),
                    ("login", token_config, login),
                ):
                    where = ["--bootstrap-server", broker.bootstrap(), "--command-config", how]
                    environment = kdc.environment
                    done = scramtoken(command, *where, *options, environment=environment)
                    if done.returncode != 0:
                        return "refused", done.stderr
                    time.sleep(1)  # a new token takes about a second to reach every broker
                said.append(done.stdout.strip())
        return "logged in", "; ".join(said)
