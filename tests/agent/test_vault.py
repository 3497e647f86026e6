"""Vault beside the agent: what it renders is read, and what `command` puts there comes back."""

import json
import os
import re

from harness.kafka.cli import client_config, scramtoken
from harness.kafka.properties import ADMIN, USERS
from harness.paths import ROOT

from .agent import Agent, wait_for

AGENT = (ROOT / "docs" / "agent.md").read_text()
SOURCES = (ROOT / "docs" / "sources.md").read_text()
# Takes what the real one does: KEY=VALUE, or `-` for JSON on standard input.
STUB = """#!/bin/sh
test "$VAULT_ADDR" = https://vault.invalid || exit 2
printf '%s\\n' "$*" >>"$VAULT/argv"
cat >"$VAULT/new" && mv "$VAULT/new" "$VAULT/token"
"""
TOKEN = """
[[token]]
name = "test"
"""


def render(path, text, mode):
    """As Vault's agent: a temporary file beside it, its mode, a rename."""
    temporary = path.with_name("1234567890")
    temporary.write_text(text)
    temporary.chmod(mode)
    temporary.rename(path)


def test_a_token_goes_to_vault_and_comes_back(broker, tmp_path):
    (target,) = re.findall(r'\[\[token.target\]\]\ncommand = \["vault".*', AGENT)
    (template,) = re.findall(r"(\{\"token_id\": \"\{\{.*)", SOURCES)
    (mode,) = re.findall(r'agent-inject-perms-token.json: "(\d+)"', SOURCES)
    vault = tmp_path / "vault"
    vault.mkdir()
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "vault").write_text(STUB)
    (tmp_path / "bin" / "vault").chmod(0o755)
    environment = {
        "PATH": f"{tmp_path}/bin:{os.environ['PATH']}",
        "VAULT_ADDR": "https://vault.invalid",
        "VAULT": str(vault),
    }
    with Agent(tmp_path, broker.bootstrap(), TOKEN + target, environment=environment) as agent:
        agent.start()
        agent.wait_until_ready()
        kept = wait_for(
            lambda: (vault / "token").exists() and json.loads((vault / "token").read_text())
        )
        assert kept["hmac"] not in (vault / "argv").read_text() + agent.log()
        assert set((vault / "argv").read_text().splitlines()) == {"kv put -mount=kafka token -"}
        text = re.sub(r"\{\{ \.Data\.data\.(\w+) \}\}", lambda found: kept[found[1]], template)
        rendered = tmp_path / "token.json"
        render(rendered, text, int(mode, 8))
        where = ["--bootstrap-server", broker.bootstrap(), "--command-config", agent.admin]
        done = scramtoken("login", *where, "--source", f"file:{rendered}")
        assert done.returncode == 0, done.stderr


def test_the_agents_own_login_is_rendered_anew(broker, tmp_path):
    """With Vault's default mode: others may read it, which is said and no error."""
    target = '[[token.target]]\nfile = "{dir}/token.json"\n'
    with Agent(tmp_path, broker.bootstrap(), TOKEN + target) as agent:
        good = agent.admin.read_text()
        wrong = client_config(tmp_path / "wrong.properties", ADMIN, "not " + USERS[ADMIN])
        render(agent.admin, wrong.read_text(), 0o644)
        agent.start()
        wait_for(lambda: "brokers cannot be asked" in agent.log())
        assert "others may read the secrets in it" in agent.log()
        render(agent.admin, good, 0o644)
        agent.wait_until_ready()
